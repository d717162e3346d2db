package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongArray;

/** How often a breaker went from one state to another, and who made it do so. Any thread. */
public final class Transitions {
  static final int CLOSED = 0;
  static final int OPEN = 1;
  static final int HALF_OPEN = 2;

  /** The calls of this instance. */
  static final int SELF = 0;

  /** The decision of the fleet. */
  static final int FLEET = 1;

  /** The {@code force} of the rule or of the fleet's key. */
  static final int OPERATOR = 2;

  private static final String[] STATES = {"closed", "open", "half-open"};
  private static final String[] BY = {"self", "fleet", "operator"};

  private final AtomicLongArray counts =
      new AtomicLongArray(STATES.length * STATES.length * BY.length);

  /** Receives the counts. */
  public interface Reader {
    /**
     * @param from {@code closed}, {@code open} or {@code half-open}
     * @param to as {@code from}, but another one
     * @param by {@code self}, {@code fleet} or {@code operator}
     * @param times how often, at least 1
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

  /** Calls {@code to} for each transition that has happened. */
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
