package io.weir.engine.measure;

import org.HdrHistogram.Histogram;

/**
 * How long the calls took that one timed rule judges. Immutable, but the recorder goes on counting.
 */
public final class RuleLatency {
  public final String service;

  /** {@code server} or {@code client}. */
  public final String side;

  /** {@code circuit-breaker} or {@code rate-limit}. */
  public final String kind;

  public final String rule;

  /** A call of so many nanos or more is slow to the rule; 0: the rule has no such bound. */
  public final long slowNanos;

  /** The recorder for admitted calls whose outcome was judged; it does not distinguish kinds. */
  public final LatencyRecorder latency;

  public RuleLatency(
      String service,
      String side,
      String kind,
      String rule,
      long slowNanos,
      LatencyRecorder latency) {
    this.service = service;
    this.side = side;
    this.kind = kind;
    this.rule = rule;
    this.slowNanos = slowNanos;
    this.latency = latency;
  }

  /**
   * How many calls are slow to the rule, to a hundredth of its bound.
   *
   * @param micros what {@link #latency} has counted, or a part of it
   */
  public long slow(Histogram micros) {
    long from = Math.min(slowNanos / 1000, LatencyRecorder.HIGHEST_MICROS);
    return slowNanos == 0 ? 0 : micros.getCountBetweenValues(from, LatencyRecorder.HIGHEST_MICROS);
  }
}
