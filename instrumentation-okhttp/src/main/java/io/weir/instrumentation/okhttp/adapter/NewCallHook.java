package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientGate;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Makes the call on a client derived from the application's: same pool, dispatcher, cache,
 * listeners and interceptors, with the {@link Governor} in front of them. The application's own
 * client never changes, and clients that existed before the agent are governed too.
 *
 * <p><b>The derived client of each client.</b> Deriving is cheap (a few field copies) and gives
 * equal clients however often it is done, so they are kept in a cache that may forget: a small
 * table without lock, keyed by identity, weak towards the application's client. A look-up reads up
 * to {@value #PROBES} slots and allocates nothing. An application that makes a client per call
 * overwrites slots and grows nothing; slots of collected clients are cleared when the next one is
 * derived. What is shared across calls (pool, dispatcher, open bodies) lives outside, so two
 * derivations at once are harmless.
 */
public final class NewCallHook extends Hook {
  private static final int SLOTS = 128;
  private static final int PROBES = 4;

  private final ClientGate<Request, Response> gate;
  private final AtomicReferenceArray<Entry> table = new AtomicReferenceArray<Entry>(SLOTS);
  private final ReferenceQueue<OkHttpClient> collected = new ReferenceQueue<OkHttpClient>();

  public NewCallHook(Engine engine) {
    gate = new ClientGate<Request, Response>(engine, new OkHttpLibrary(engine.service()));
  }

  /**
   * @return the call to return instead, or null: it is made on one of our clients already
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    OkHttpClient client = (OkHttpClient) self;
    if (a0 == null || Governor.of(client) != null) {
      return null;
    }
    return new Instead(derived(client).newCall(OkHttpLibrary.withColour((Request) a0)));
  }

  OkHttpClient derived(OkHttpClient client) {
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
