package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The probes of one half-open era: as many places as successes are wanted, each free, out (until a
 * deadline) or good. A place that is good stays taken, one whose outcome was ignored becomes free
 * again, so never more calls pass than probes are wanted, and the last place to become good is the
 * last success in an unbroken row: one bad probe ends the era.
 */
final class HalfOpenPermits {
  private static final long FREE = 0;
  private static final long GOOD = 1;

  private final long since;
  private final AtomicLongArray places;

  HalfOpenPermits(int wanted, long now) {
    since = now;
    places = new AtomicLongArray(wanted);
  }

  /**
   * @return the place taken, or -1 when none is free
   */
  int take(long now, long timeoutNanos) {
    // +2 keeps deadlines apart from FREE and GOOD even when the clock has stood still
    long deadline = 2 + Math.max(0, now - since) + timeoutNanos;
    for (int i = 0; i < places.length(); i++) {
      if (places.get(i) == FREE && places.compareAndSet(i, FREE, deadline)) {
        return i;
      }
    }
    return -1;
  }

  boolean isOverdue(int place, long now) {
    long p = places.get(place);
    return p > GOOD && now - since > p - 2;
  }

  /** Whether some probe's outcome is overdue. */
  boolean anyOverdue(long now) {
    for (int i = 0; i < places.length(); i++) {
      if (isOverdue(i, now)) {
        return true;
      }
    }
    return false;
  }

  void giveBack(int place) {
    places.set(place, FREE);
  }

  /** Marks a place good; true for the one call that made all of them good. */
  boolean good(int place) {
    places.set(place, GOOD);
    for (int i = 0; i < places.length(); i++) {
      if (places.get(i) != GOOD) {
        return false;
      }
    }
    return true;
  }

  /** Probes whose outcome is not known yet. */
  int outstanding() {
    int n = 0;
    for (int i = 0; i < places.length(); i++) {
      if (places.get(i) > GOOD) {
        n++;
      }
    }
    return n;
  }
}
