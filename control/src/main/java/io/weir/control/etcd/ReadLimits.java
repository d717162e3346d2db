package io.weir.control.etcd;

import io.weir.control.store.Entry;

/**
 * Bounds how much of etcd's content comes into this JVM's memory. Immutable.
 *
 * <p>There are bounds for one message, for one value depending on its key, and for everything that
 * is kept. The last bound applies to two kinds of keys separately. The first kind is rules,
 * switches, breaker state and quotas: above the bound no change is applied and the last good state
 * stays. The second kind grows with the fleet: registrations and the keys of {@code weir top}.
 * Above the bound, known keys are still followed and new ones are left out.
 */
final class ReadLimits {
  /** Bytes of one answer or watch message. More than the 1.5 MB that etcd accepts in a request. */
  static final int MESSAGE = 4 << 20;

  /** Bytes of a rule document. */
  static final int RULE = 256 << 10;

  /** Bytes of any other value: a registration, a vote, a quota. */
  static final int VALUE = 64 << 10;

  /** Bytes of a value for an operator's tool: more than etcd accepts in a request. */
  private static final int OPERATOR_VALUE = 2 << 20;

  /** Bytes of heap that a key takes beside its text: map entries, the object made of it. */
  static final int KEY_COST = 2048;

  /** The least bound for everything that is kept, however small the heap is. */
  private static final long LEAST = 4 << 20;

  private final long maxBytes;
  private final boolean forOperator;

  private ReadLimits(long maxBytes, boolean forOperator) {
    this.maxBytes = maxBytes;
    this.forOperator = forOperator;
  }

  /** For an instance: an eighth of the heap. */
  static ReadLimits instance() {
    return instance(Math.max(LEAST, Runtime.getRuntime().maxMemory() / 8));
  }

  static ReadLimits instance(long maxBytes) {
    return new ReadLimits(maxBytes, false);
  }

  /** For an operator's tool, which does nothing else: half of the heap. */
  static ReadLimits forOperator() {
    return new ReadLimits(Runtime.getRuntime().maxMemory() / 2, true);
  }

  /** The bound of each of the two kinds, in bytes as {@link #cost} counts them. */
  long maxBytes() {
    return maxBytes;
  }

  /** Whether this key is of the kind of which new keys may be left out. */
  boolean mayBePartial(String key) {
    return !forOperator && isRegistry(key);
  }

  /** Whether this is a key of the second kind, which grows with the fleet. */
  static boolean isRegistry(String key) {
    return key.startsWith("/services/") || key.startsWith("/weir/look/");
  }

  /** How many bytes the value of this key may have. */
  int maxValueBytes(String key) {
    if (forOperator && (key.startsWith("/service/") || key.startsWith("/weir/"))) {
      return OPERATOR_VALUE;
    }
    return key.startsWith("/service/") ? RULE : VALUE;
  }

  /** The entry, without its value where that is too large. */
  Entry bounded(Entry e) {
    int max = maxValueBytes(e.key);
    return e.value != null && e.value.length > max ? e.withoutValue(max) : e;
  }

  /** The heap that an entry takes, roughly. A parsed rule takes several times its text. */
  static long cost(Entry e) {
    return cost(e.key, e.value.length);
  }

  static long cost(String key, int bytes) {
    return KEY_COST + 2L * key.length() + (isRegistry(key) ? 2L : 4L) * bytes;
  }

  /** The failure when keys of the first kind exceed the bound. */
  EtcdCallException tooMuch() {
    return new EtcdCallException(
        EtcdCallException.Kind.TOO_MUCH,
        "the keys that are followed would take more than "
            + (maxBytes >> 20)
            + " MB of memory ("
            + (forOperator ? "half" : "an eighth")
            + " of the heap): delete keys, or give this JVM more with -Xmx");
  }
}
