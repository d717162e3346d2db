package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The probes of one half-open period: as many as successes are needed. Each is free, outstanding
 * until a deadline, or succeeded. A probe that succeeded stays taken. A probe whose outcome was
 * ignored becomes free again. So never more probes are outstanding or have succeeded than successes
 * are needed. One failed probe ends the period, so when all have succeeded, they succeeded in a
 * row.
 */
final class HalfOpenPermits {
  private static final long FREE = 0;
  private static final long SUCCEEDED = 1;

  private final long since;
  private final AtomicLongArray probes;

  HalfOpenPermits(int successes, long now) {
    since = now;
    probes = new AtomicLongArray(successes);
  }

  /**
   * Takes a free probe.
   *
   * @return its number, or -1 when none is free
   */
  int take(long now, long timeoutNanos) {
    // + 2: a deadline must differ from FREE and SUCCEEDED even when no time has passed
    long deadline = 2 + Math.max(0, now - since) + timeoutNanos;
    for (int i = 0; i < probes.length(); i++) {
      if (probes.get(i) == FREE && probes.compareAndSet(i, FREE, deadline)) {
        return i;
      }
    }
    return -1;
  }

  boolean isOverdue(int probe, long now) {
    long p = probes.get(probe);
    return p > SUCCEEDED && now - since > p - 2;
  }

  /** Whether some probe's outcome is overdue. */
  boolean anyOverdue(long now) {
    for (int i = 0; i < probes.length(); i++) {
      if (isOverdue(i, now)) {
        return true;
      }
    }
    return false;
  }

  void giveBack(int probe) {
    probes.set(probe, FREE);
  }

  /**
   * Marks a probe as succeeded. Returns true when all have succeeded. Of two probes that succeed at
   * the same time, both callers may get true.
   */
  boolean markSucceeded(int probe) {
    probes.set(probe, SUCCEEDED);
    for (int i = 0; i < probes.length(); i++) {
      if (probes.get(i) != SUCCEEDED) {
        return false;
      }
    }
    return true;
  }

  /** Probes whose outcome is not known yet. */
  int outstanding() {
    int n = 0;
    for (int i = 0; i < probes.length(); i++) {
      if (probes.get(i) > SUCCEEDED) {
        n++;
      }
    }
    return n;
  }
}
