package io.weir.engine.measure;

import org.jspecify.annotations.Nullable;

/**
 * A rule in force that depends on how long calls take: a breaker that judges slow calls, or a limit
 * with {@code auto}. It outlives edits of the rule.
 */
public interface TimedRule {
  /** Receives rules. */
  interface Each {
    /**
     * One rule.
     *
     * @param kind {@code circuit-breaker} or {@code rate-limit}, as keys spell it
     * @param slowNanos a call of so many nanos or more is slow to the rule; 0: the rule has no such
     *     bound
     */
    void rule(String kind, String id, long slowNanos, TimedRule rule);
  }

  /** The recorder for the durations of its calls, or null: they are not recorded. */
  @Nullable LatencyRecorder latency();

  /** From now on, records the durations in {@code by}. */
  void time(LatencyRecorder by);
}
