package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes by which a closed breaker decides whether to open. A window lives as long as one
 * closed {@link StatePeriod}, so its evidence does not outlive that period.
 *
 * <p>Evidence must span time: with {@code min_seconds} a window opens the breaker only if the first
 * and the last failure are at least so far apart. If more calls than fit into the window come in
 * that time, all of them are judged ({@link FailureSpan}).
 *
 * <p>A failure may be evidence for this instance only ({@link #NOT_SHARED}), or also for the fleet.
 *
 * <p>Threading: {@link #record} from any thread, without lock or per-call allocation. Each call
 * judges <em>after</em> it has added its outcome. So of concurrent calls the one that adds last
 * sees all of them, and a threshold that is reached is never overlooked.
 */
abstract class SlidingWindow {
  /** The call failed. */
  static final int FAILED = 1;

  /** The call was slow. */
  static final int SLOW = 2;

  /** Set together with {@link #FAILED}: the failure is not evidence for the fleet. */
  static final int NOT_SHARED = 4;

  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> FAILURE_SPAN =
      AtomicReferenceFieldUpdater.newUpdater(SlidingWindow.class, FailureSpan.class, "failureSpan");
  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> SHARED_SPAN =
      AtomicReferenceFieldUpdater.newUpdater(SlidingWindow.class, FailureSpan.class, "sharedSpan");
  private static final AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> SLOW_SPAN =
      AtomicReferenceFieldUpdater.newUpdater(SlidingWindow.class, FailureSpan.class, "slowSpan");

  // Created at the first failure; most windows never see one. Null until then. They are for
  // failures, for failures that are evidence for the fleet, and for slow calls.
  private volatile @Nullable FailureSpan failureSpan;
  private volatile @Nullable FailureSpan sharedSpan;
  private volatile @Nullable FailureSpan slowSpan;

  /** The limits of a rule. A window asks whether its counts are beyond them. */
  interface Judge {
    /** Whether these counts open the breaker. */
    boolean trips(long calls, long failures, long slow);

    /** Nanos that evidence must span; 0 when the rule asks for none. */
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
   * Adds an outcome.
   *
   * @param outcome 0 for a success, or bits: {@link #FAILED}, {@link #SLOW}, {@link #NOT_SHARED}
   * @return whether the window, with this outcome, is beyond the limits
   */
  abstract boolean record(int outcome, long now, Judge judge);

  /**
   * Calls recorded since the window began, or a few less or more. It never falls. (An edit of the
   * rule may put another window in the place of this one; that counts anew.)
   */
  abstract long total();

  /** Calls inside the window. */
  abstract long calls(long now);

  /** Failed calls inside the window. */
  abstract long failures(long now);

  /** Failed calls inside the window that are not evidence for the fleet. */
  abstract long notShared(long now);

  /** Slow calls inside the window. */
  abstract long slow(long now);

  /**
   * If fewer calls than this came since the evidence began, the counts of the window decide.
   * Otherwise all calls since then are counted. {@code Long.MAX_VALUE}: the counts of the window
   * always decide.
   */
  abstract long decidesBelow();

  /** Evidence that began longer ago than this opens nothing; in nanos. */
  abstract long oldestNanos(long minNanos);

  /**
   * The window that continues this one under an edited rule. It is this window when the shape is
   * the same, a copy of its newest outcomes when only the length changed, and an empty one when the
   * type (count or time) changed. Outcomes recorded during the copy may be lost.
   */
  abstract SlidingWindow reshaped(CircuitBreakerRule rule, long now);

  /** Whether the evidence that opens the breaker here is also evidence for the fleet. */
  final boolean isFleetEvidence(long now, Judge judge) {
    long calls = calls(now);
    return tripsByFailures(calls, failures(now) - notShared(now), sharedSpan, now, judge)
        || tripsBySlow(calls, slow(now), now, judge);
  }

  /**
   * Adds the checkpoints that {@link #spansMinSeconds} uses. Called for failures and slow calls
   * only.
   */
  final void addCheckpoints(int outcome, long now, Judge judge) {
    long min = judge.minNanos();
    if (min == 0) {
      return;
    }
    long before =
        decidesBelow() == Long.MAX_VALUE ? 0 : total() - 1; // a time window does not need it
    if ((outcome & FAILED) != 0) {
      span(FAILURE_SPAN, now).failed(before, now, min);
      if ((outcome & NOT_SHARED) == 0) {
        span(SHARED_SPAN, now).failed(before, now, min);
      }
    }
    if ((outcome & SLOW) != 0) {
      span(SLOW_SPAN, now).failed(before, now, min);
    }
  }

  @SuppressWarnings("NullAway") // once set, it is never null again
  private FailureSpan span(
      AtomicReferenceFieldUpdater<SlidingWindow, FailureSpan> which, long now) {
    FailureSpan t = which.get(this);
    if (t == null) {
      which.compareAndSet(this, null, new FailureSpan(now));
      t = which.get(this);
    }
    return t;
  }

  /** Whether the evidence of a window beyond the limits spans {@code min_seconds}. */
  final boolean spansMinSeconds(long calls, long failures, long slow, long now, Judge judge) {
    return judge.minNanos() == 0
        || tripsByFailures(calls, failures, failureSpan, now, judge)
        || tripsBySlow(calls, slow, now, judge);
  }

  private boolean tripsByFailures(
      long calls, long failures, @Nullable FailureSpan span, long now, Judge judge) {
    return judge.trips(calls, failures, 0) && spans(span, false, now, judge);
  }

  private boolean tripsBySlow(long calls, long slow, long now, Judge judge) {
    return judge.trips(calls, 0, slow) && spans(slowSpan, true, now, judge);
  }

  private boolean spans(@Nullable FailureSpan span, boolean slow, long now, Judge judge) {
    return judge.minNanos() == 0 || span != null && span.spans(this, now, slow, judge);
  }
}
