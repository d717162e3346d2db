package io.weir.engine.measure;

import org.HdrHistogram.Histogram;

/** How long the calls took that one rule goes by. Immutable, but for what is counted. */
public final class RuleLatency {
  public final String service;

  /** {@code server} or {@code client}. */
  public final String side;

  /** {@code circuit-breaker} or {@code rate-limit}. */
  public final String kind;

  public final String rule;

  /** From how many nanos on a call is slow to the rule; 0: it has no such bound. */
  public final long slowNanos;

  /** Of the calls that were let in and said something; not by kind. */
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
   * How many of these calls the rule takes for slow, to a hundredth of the bound.
   *
   * @param micros what {@link #latency} has counted, or some of it
   */
  public long slow(Histogram micros) {
    long from = Math.min(slowNanos / 1000, LatencyRecorder.HIGHEST_MICROS);
    return slowNanos == 0 ? 0 : micros.getCountBetweenValues(from, LatencyRecorder.HIGHEST_MICROS);
  }
}
