package io.weir.instrumentation.api.common;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is known about objects that have no field for it, such as those of the JDK. Keyed by
 * identity, weak towards the key: a value must not refer to its key strongly. Any thread, no lock.
 *
 * @param <K> whom it is about
 * @param <V> what is known
 */
public final class WeakTable<K, V> {
  private final ConcurrentMap<Object, V> entries = new ConcurrentHashMap<Object, V>();
  private final ReferenceQueue<K> collected = new ReferenceQueue<K>();
  private final int most;
  private final Consumer<V> lost;

  /**
   * @param most entries that are kept at once
   * @param lost is told the value of each key that was collected, by a thread that calls {@link
   *     #put} or {@link #sweep}
   */
  public WeakTable(int most, Consumer<V> lost) {
    this.most = most;
    this.lost = lost;
  }

  /** The value of a key; null: there is none. */
  public @Nullable V get(K key) {
    return entries.isEmpty() ? null : entries.get(new Probe(key));
  }

  /**
   * Sets the value of a key.
   *
   * @return false: the table is full, and nothing was set
   */
  public boolean put(K key, V value) {
    sweep();
    if (entries.size() >= most) {
      return false;
    }
    entries.put(new Key<K>(key, collected), value);
    return true;
  }

  /** Forgets a key. */
  public void remove(K key) {
    entries.remove(new Probe(key));
  }

  /** Forgets keys that were collected. */
  public void sweep() {
    for (Reference<?> dead; (dead = collected.poll()) != null; ) {
      V value = entries.remove(dead);
      if (value != null) {
        lost.accept(value);
      }
    }
  }

  /** For look-ups: it need not be a reference. */
  private static final class Probe {
    private final Object key;

    Probe(Object key) {
      this.key = key;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(key);
    }

    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Key && ((Key<?>) o).get() == key;
    }
  }

  private static final class Key<K> extends WeakReference<K> {
    private final int hash;

    Key(K key, ReferenceQueue<K> collected) {
      super(key, collected);
      hash = System.identityHashCode(key);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    /** One whose key was collected equals itself only. */
    @Override
    public boolean equals(@Nullable Object o) {
      Object key = get();
      return o == this || key != null && o instanceof Key && ((Key<?>) o).get() == key;
    }
  }
}
