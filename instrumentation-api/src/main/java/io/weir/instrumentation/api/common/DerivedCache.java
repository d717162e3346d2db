package io.weir.instrumentation.api.common;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;

/**
 * A cache of values that are derived from objects of the application, such as a client with an
 * interceptor more. It is a small table without lock, keyed by identity, with weak references to
 * the keys. It may forget a value, so deriving must be cheap, and two values of one key must do the
 * same.
 *
 * <p>A look-up reads up to {@value #PROBES} slots and allocates nothing. The table never grows: an
 * application that makes a new key for each call overwrites slots. Slots of collected keys are
 * cleared when the next value is derived. Any thread.
 *
 * @param <K> the key, of which a value is derived
 * @param <V> the value; it may refer to parts of its key, but not to the key
 */
public final class DerivedCache<K, V> {
  private static final int SLOTS = 128;
  private static final int PROBES = 4;

  private final AtomicReferenceArray<Entry<K, V>> table =
      new AtomicReferenceArray<Entry<K, V>>(SLOTS);
  private final ReferenceQueue<K> collected = new ReferenceQueue<K>();
  private final Function<K, V> derive;

  public DerivedCache(Function<K, V> derive) {
    this.derive = derive;
  }

  /** The value of this key, from the table or newly derived. */
  public V of(K key) {
    int hash = System.identityHashCode(key);
    for (int i = 0; i < PROBES; i++) {
      Entry<K, V> e = table.get(hash + i & SLOTS - 1);
      if (e != null && e.get() == key) {
        return e.derived;
      }
    }
    return derive(key, hash);
  }

  private V derive(K key, int hash) {
    for (Reference<?> dead; (dead = collected.poll()) != null; ) {
      @SuppressWarnings("unchecked") // only entries are queued
      Entry<K, V> e = (Entry<K, V>) dead;
      table.compareAndSet(e.slot, e, null);
    }
    V derived = derive.apply(key);
    int slot = hash & SLOTS - 1;
    for (int i = 0; i < PROBES; i++) {
      Entry<K, V> e = table.get(hash + i & SLOTS - 1);
      if (e == null || e.get() == null) {
        slot = hash + i & SLOTS - 1;
        break;
      }
    }
    table.set(slot, new Entry<K, V>(key, collected, derived, slot));
    return derived;
  }

  private static final class Entry<K, V> extends WeakReference<K> {
    final V derived;
    final int slot;

    Entry(K key, ReferenceQueue<K> collected, V derived, int slot) {
      super(key, collected);
      this.derived = derived;
      this.slot = slot;
    }
  }
}
