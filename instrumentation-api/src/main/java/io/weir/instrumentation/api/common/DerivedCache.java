package io.weir.instrumentation.api.common;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;

/**
 * What was derived from objects of the application, in a cache that may forget: a small table
 * without lock, keyed by identity, weak towards the object it was derived from. Deriving must be
 * cheap and give equal things however often it is done.
 *
 * <p>A look-up reads up to {@value #PROBES} slots and allocates nothing. An application that makes
 * an object per call overwrites slots and grows nothing; slots of collected objects are cleared
 * when the next one is derived from. Any thread.
 *
 * @param <K> what it is derived from
 * @param <V> what is derived; it may refer to its key's parts, not to the key
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

  /** What was derived from an object, now or before. */
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
