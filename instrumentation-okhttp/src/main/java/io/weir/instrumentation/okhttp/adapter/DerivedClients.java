package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.gate.Engine;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import okhttp3.OkHttpClient;

/**
 * The derived client of each client.
 *
 * <p><b>How it works.</b> Deriving is cheap (a few field copies) and gives equal clients however
 * often it is done, so this is a cache that may forget: a small table without lock, keyed by
 * identity, weak towards the application's client. A look-up reads up to {@value #PROBES} slots and
 * allocates nothing. An application that makes a client per call overwrites slots and grows
 * nothing; slots of collected clients are cleared when the next one is derived. What is shared
 * across calls (pool, dispatcher, open bodies) lives outside, so two derivations at once are
 * harmless.
 */
final class DerivedClients {
  private static final int SLOTS = 128;
  private static final int PROBES = 4;

  private final Gate gate;
  private final AtomicReferenceArray<Entry> table = new AtomicReferenceArray<Entry>(SLOTS);
  private final ReferenceQueue<OkHttpClient> collected = new ReferenceQueue<OkHttpClient>();

  DerivedClients(Engine engine) {
    gate = new Gate(engine);
  }

  OkHttpClient of(OkHttpClient client) {
    int hash = System.identityHashCode(client);
    for (int i = 0; i < PROBES; i++) {
      Entry e = table.get(hash + i & SLOTS - 1);
      if (e != null && e.get() == client) {
        return e.derived;
      }
    }
    return derive(client, hash);
  }

  private OkHttpClient derive(OkHttpClient client, int hash) {
    for (Reference<?> dead; (dead = collected.poll()) != null; ) {
      Entry e = (Entry) dead;
      table.compareAndSet(e.slot, e, null);
    }
    OkHttpClient.Builder b = client.newBuilder();
    b.interceptors().add(0, new Governor(gate, client.dns()));
    OkHttpClient derived = b.build();
    int slot = hash & SLOTS - 1;
    for (int i = 0; i < PROBES; i++) {
      Entry e = table.get(hash + i & SLOTS - 1);
      if (e == null || e.get() == null) {
        slot = hash + i & SLOTS - 1;
        break;
      }
    }
    table.set(slot, new Entry(client, collected, derived, slot));
    return derived;
  }

  private static final class Entry extends WeakReference<OkHttpClient> {
    final OkHttpClient derived;
    final int slot;

    Entry(
        OkHttpClient client,
        ReferenceQueue<OkHttpClient> collected,
        OkHttpClient derived,
        int slot) {
      super(client, collected);
      this.derived = derived;
      this.slot = slot;
    }
  }
}
