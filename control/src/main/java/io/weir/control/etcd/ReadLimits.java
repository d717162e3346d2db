package io.weir.control.etcd;

import io.weir.control.store.Entry;

/**
 * How much of etcd is taken into this JVM's memory, whatever others have written there. Immutable.
 *
 * <p>Three bounds: of one message, of one value by its key, and of everything that is kept. The
 * last one holds twice: for what operators write (rules, switches, breaker state, quotas), and for
 * what grows with the fleet (registrations, and those who look at instances). Past the first,
 * nothing is taken over any more and the last good state stays. Past the second, keys that are
 * known stay followed and new ones are left out.
 */
final class ReadLimits {
  /** Of one answer or one message of a watch: above the 1.5 MB that etcd takes in a request. */
  static final int MESSAGE = 4 << 20;

  /** A rule's document may be so long. */
  static final int RULE = 256 << 10;

  /** A registration, a vote, a quota. */
  static final int VALUE = 64 << 10;

  /** For an operator's tool: what etcd takes in a request, and then some. */
  private static final int OVERSEEN = 2 << 20;

  /** What a key costs in heap beside its text: entries, maps, the object made of it. */
  static final int KEY_COST = 2048;

  /** The least that is kept, however small the heap. */
  private static final long LEAST = 4 << 20;

  private final long most;
  private final boolean overseer;

  private ReadLimits(long most, boolean overseer) {
    this.most = most;
    this.overseer = overseer;
  }

  /** An eighth of the heap at most. */
  static ReadLimits instance() {
    return instance(Math.max(LEAST, Runtime.getRuntime().maxMemory() / 8));
  }

  static ReadLimits instance(long most) {
    return new ReadLimits(most, false);
  }

  /** For a tool that does nothing else: half of the heap. */
  static ReadLimits overseer() {
    return new ReadLimits(Runtime.getRuntime().maxMemory() / 2, true);
  }

  /** Bytes that may be kept of each of the two kinds, as {@link #cost} counts them. */
  long most() {
    return most;
  }

  /** Whether this kind may be kept in part. */
  boolean inPart(String key) {
    return !overseer && isRegistry(key);
  }

  /** What grows with the fleet, and is none of the rules. */
  static boolean isRegistry(String key) {
    return key.startsWith("/services/") || key.startsWith("/weir/look/");
  }

  /** How many bytes the value of this key may have. */
  int mostOf(String key) {
    if (overseer && (key.startsWith("/service/") || key.startsWith("/weir/"))) {
      return OVERSEEN;
    }
    return key.startsWith("/service/") ? RULE : VALUE;
  }

  /** The entry, without its value where that is too large. */
  Entry bounded(Entry e) {
    int mostOf = mostOf(e.key);
    return e.value != null && e.value.length > mostOf ? e.withoutValue(mostOf) : e;
  }

  /** What an entry costs in heap, roughly. A rule's text becomes several times its size. */
  static long cost(Entry e) {
    return cost(e.key, e.value.length);
  }

  static long cost(String key, int bytes) {
    return KEY_COST + 2L * key.length() + (isRegistry(key) ? 2L : 4L) * bytes;
  }

  /** Says that rules and state are too many to be kept. */
  EtcdCallException tooMuch() {
    return new EtcdCallException(
        EtcdCallException.Kind.TOO_MUCH,
        "the keys that are followed would take more than "
            + (most >> 20)
            + " MB of memory ("
            + (overseer ? "half" : "an eighth")
            + " of the heap): delete keys, or give this JVM more with -Xmx");
  }
}
