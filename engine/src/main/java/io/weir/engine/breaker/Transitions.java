package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts how often a breaker went from one state to another, and who caused it. Any thread may call
 * the methods.
 */
public final class Transitions {
  // states, and below who caused a transition: indices into STATES and BY
  static final int CLOSED = 0;
  static final int OPEN = 1;
  static final int HALF_OPEN = 2;

  /** This instance, by the outcomes of its own calls. */
  static final int SELF = 0;

  /** The fleet: the breaker's state is shared by all instances. */
  static final int FLEET = 1;

  /** An operator: the field {@code force} of the rule, or a key {@code force} in etcd. */
  static final int OPERATOR = 2;

  private static final String[] STATES = {"closed", "open", "half-open"};
  private static final String[] BY = {"self", "fleet", "operator"};

  /** The count of each (from, to, by), at the index that {@link #count} computes. */
  private final AtomicLongArray counts =
      new AtomicLongArray(STATES.length * STATES.length * BY.length);

  /** Receives the counts. */
  public interface Reader {
    /**
     * @param from {@code closed}, {@code open} or {@code half-open}
     * @param to one of the same words, but not {@code from}
     * @param by {@code self}, {@code fleet} or {@code operator}
     * @param times how often this has happened since the breaker was made, at least 1
     */
    void moved(String from, String to, String by, long times);
  }

  Transitions() {}

  /** Counts a transition. Does nothing when both states are the same. */
  void count(int from, int to, int by) {
    if (from != to) {
      counts.incrementAndGet((from * STATES.length + to) * BY.length + by);
    }
  }

  /** Calls the reader once for each kind of transition that has happened, on this thread. */
  public void read(Reader to) {
    for (int i = 0; i < counts.length(); i++) {
      long n = counts.get(i);
      if (n > 0) {
        int pair = i / BY.length;
        to.moved(STATES[pair / STATES.length], STATES[pair % STATES.length], BY[i % BY.length], n);
      }
    }
  }
}
