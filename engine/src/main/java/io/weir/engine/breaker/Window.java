package io.weir.engine.breaker;

import io.weir.engine.rules.BreakerRule;

/**
 * The outcomes a closed breaker judges by. One window lives as long as one closed era, so evidence
 * never outlives the era it was gathered in.
 *
 * <p>Threading: {@link #record} from any thread, without lock or per-call allocation. Each call
 * judges <em>after</em> its own outcome has been added, so of any set of concurrent calls the one
 * that adds last sees all of them: a threshold that is reached is never overlooked.
 */
abstract class Window {
  /** The limits a window is judged by. */
  interface Judge {
    boolean trips(long calls, long failures, long slow);
  }

  static Window of(BreakerRule rule, long now) {
    return rule.countWindow
        ? new CountWindow(rule.windowSize)
        : new TimeWindow(rule.windowSeconds, now);
  }

  /** Adds an outcome and says whether the window, with it, is beyond the limits. */
  abstract boolean record(boolean failed, boolean slow, long now, Judge judge);

  /** Calls recorded since the window began, or a few less; it falls when the rule is edited. */
  abstract long total();

  /** Calls inside the window. */
  abstract long calls(long now);

  /** Failed calls inside the window. */
  abstract long failures(long now);

  /** Slow calls inside the window. */
  abstract long slow(long now);

  /**
   * The window to go on with under an edited rule: itself when the shape is the same, a copy of its
   * recent outcomes when only the length changed, an empty one when count became time or the other
   * way round. Outcomes that arrive during the copy may be lost; the old window is then garbage.
   */
  abstract Window reshaped(BreakerRule rule, long now);
}
