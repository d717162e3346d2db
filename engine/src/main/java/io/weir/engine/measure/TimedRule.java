package io.weir.engine.measure;

import org.jspecify.annotations.Nullable;

/**
 * A rule in force that goes by how long calls take: a breaker that judges slow ones, a limit with
 * {@code auto}. Outlives edits of the rule.
 */
public interface TimedRule {
  /** Takes rules. */
  interface Each {
    /**
     * @param kind {@code circuit-breaker} or {@code rate-limit}, as keys have it
     * @param slowNanos from how many nanos on a call is slow to the rule; 0: it has no such bound
     */
    void rule(String kind, String id, long slowNanos, TimedRule rule);
  }

  /** Where the times of its calls are counted, or null: nowhere. */
  @Nullable LatencyRecorder latency();

  /** Counts them there from now on. */
  void time(LatencyRecorder by);
}
