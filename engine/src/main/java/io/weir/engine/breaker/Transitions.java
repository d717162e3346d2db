package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongArray;

/** How often a breaker went from which state to which, and by whom. Any thread. */
public final class Transitions {
  static final int CLOSED = 0;
  static final int OPEN = 1;
  static final int HALF_OPEN = 2;

  /** What this instance saw itself. */
  static final int SELF = 0;

  /** What the other instances agreed on. */
  static final int FLEET = 1;

  /** A rule's or the fleet's {@code force}. */
  static final int OPERATOR = 2;

  private static final String[] STATES = {"closed", "open", "half-open"};
  private static final String[] BY = {"self", "fleet", "operator"};

  private final AtomicLongArray counts =
      new AtomicLongArray(STATES.length * STATES.length * BY.length);

  /** Takes the counts. */
  public interface Reader {
    /**
     * @param from {@code closed}, {@code open} or {@code half-open}, as {@code to}
     * @param by {@code self}, {@code fleet} or {@code operator}
     */
    void moved(String from, String to, String by, long times);
  }

  Transitions() {}

  /** Counts a move; from a state to itself is none. */
  void count(int from, int to, int by) {
    if (from != to) {
      counts.incrementAndGet((from * STATES.length + to) * BY.length + by);
    }
  }

  /** Tells {@code to} about every move there has been. */
  public void read(Reader to) {
    for (int i = 0; i < counts.length(); i++) {
      long n = counts.get(i);
      if (n > 0) {
        int states = i / BY.length;
        to.moved(
            STATES[states / STATES.length], STATES[states % STATES.length], BY[i % BY.length], n);
      }
    }
  }
}
