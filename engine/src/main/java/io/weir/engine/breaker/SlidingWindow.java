package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes a closed breaker judges by. One window lives as long as one closed era, so evidence
 * never outlives the era it was gathered in.
 *
 * <p>Evidence spans time: with {@code min_seconds} a window opens only if its first and its last
 * failure are at least so far apart, and where more calls than the window's come in that time, all
 * of them are judged ({@link FailureSpan}).
 *
 * <p>Threading: {@link #record} from any thread, without lock or per-call allocation. Each call
 * judges <em>after</em> its own outcome has been added, so of any set of concurrent calls the one
 * that adds last sees all of them: a threshold that is reached is never overlooked.
 */
abstract class SlidingWindow {
  /** The call failed. */
  static final int FAILED = 1;

  /** The call was slow. */
  static final int SLOW = 2;

  /** With {@link #FAILED}: no evidence for the fleet. */
  static final int OWN = 4;

  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> FAILURES =
      AtomicReferenceFieldUpdater.newUpdater(
          SlidingWindow.class, FailureSpan.class, "failureTrail");
  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> SHARED =
      AtomicReferenceFieldUpdater.newUpdater(SlidingWindow.class, FailureSpan.class, "sharedTrail");
  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> SLOWS =
      AtomicReferenceFieldUpdater.newUpdater(SlidingWindow.class, FailureSpan.class, "slowTrail");

  // made at the first failure: most windows never see one
  private volatile @Nullable FailureSpan failureTrail;
  private volatile @Nullable FailureSpan sharedTrail;
  private volatile @Nullable FailureSpan slowTrail;

  /** The limits a window is judged by. */
  interface Judge {
    boolean trips(long calls, long failures, long slow);

    /** Nanos that evidence must span; 0: none. */
    default long minNanos() {
      return 0;
    }
  }

  static SlidingWindow of(CircuitBreakerRule rule, long now) {
    return rule.countWindow
        ? new CountBasedWindow(rule.windowSize)
        : new TimeBasedWindow(rule.windowSeconds, now);
  }

  /**
   * Adds an outcome and says whether the window, with it, is beyond the limits.
   *
   * @param outcome {@link #FAILED}, {@link #SLOW} and {@link #OWN}, or 0: a success
   */
  abstract boolean record(int outcome, long now, Judge judge);

  /** Calls recorded since the window began, or a few less; it falls when the rule is edited. */
  abstract long total();

  /** Calls inside the window. */
  abstract long calls(long now);

  /** Failed calls inside the window. */
  abstract long failures(long now);

  /** Failed calls inside the window that are no evidence for the fleet. */
  abstract long own(long now);

  /** Slow calls inside the window. */
  abstract long slow(long now);

  /** With fewer calls in {@code min_seconds} the window's own numbers decide. */
  abstract long atLeast();

  /** How long ago evidence may have begun. */
  abstract long oldestNanos(long minNanos);

  /**
   * The window to go on with under an edited rule: itself when the shape is the same, a copy of its
   * recent outcomes when only the length changed, an empty one when count became time or the other
   * way round. Outcomes that arrive during the copy may be lost; the old window is then garbage.
   */
  abstract SlidingWindow reshaped(CircuitBreakerRule rule, long now);

  /** Whether what would open this instance is evidence for the fleet as well. */
  final boolean convincesFleet(long now, Judge judge) {
    long calls = calls(now);
    return tripsByFailures(calls, failures(now) - own(now), sharedTrail, now, judge)
        || tripsBySlow(calls, slow(now), now, judge);
  }

  /** Leaves the marks that {@link #lasted} goes by. Failures and slow calls only. */
  final void mark(int outcome, long now, Judge judge) {
    long min = judge.minNanos();
    if (min == 0) {
      return;
    }
    long before = atLeast() == Long.MAX_VALUE ? 0 : total() - 1; // counted where it decides
    if ((outcome & FAILED) != 0) {
      trail(FAILURES, now).failed(before, now, min);
      if ((outcome & OWN) == 0) {
        trail(SHARED, now).failed(before, now, min);
      }
    }
    if ((outcome & SLOW) != 0) {
      trail(SLOWS, now).failed(before, now, min);
    }
  }

  @SuppressWarnings("NullAway") // set once, never taken away
  private FailureSpan trail(
      AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> which, long now) {
    FailureSpan t = which.get(this);
    if (t == null) {
      which.compareAndSet(this, null, new FailureSpan(now));
      t = which.get(this);
    }
    return t;
  }

  /** Of a window beyond the limits: whether its evidence spans {@code min_seconds}. */
  final boolean lasted(long calls, long failures, long slow, long now, Judge judge) {
    return judge.minNanos() == 0
        || tripsByFailures(calls, failures, failureTrail, now, judge)
        || tripsBySlow(calls, slow, now, judge);
  }

  private boolean tripsByFailures(
      long calls, long failures, @Nullable FailureSpan trail, long now, Judge judge) {
    return judge.trips(calls, failures, 0) && spans(trail, false, now, judge);
  }

  private boolean tripsBySlow(long calls, long slow, long now, Judge judge) {
    return judge.trips(calls, 0, slow) && spans(slowTrail, true, now, judge);
  }

  private boolean spans(@Nullable FailureSpan trail, boolean slow, long now, Judge judge) {
    return judge.minNanos() == 0 || trail != null && trail.spans(this, now, slow, judge);
  }
}
