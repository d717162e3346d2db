package io.weir.engine.limit;

import io.weir.engine.rules.RateLimitRule;
import org.jspecify.annotations.Nullable;

/**
 * Computes from latencies how many calls should be under way: the algorithm of an adaptive limit,
 * apart from the gate ({@link ConcurrencyLimit}).
 *
 * <h2>Idea</h2>
 *
 * A service works on a certain number of calls at once; further calls queue inside it. While no
 * call queues, a call takes its <em>baseline</em> latency; with twice as many calls as the service
 * works on, twice as long. So the ratio of latency to baseline says how far off the limit is. After
 * every time window, with {@code p50} its median latency,
 *
 * <pre>  limit = limit * max(1/2, tolerance * baseline / p50) + sqrt(limit)</pre>
 *
 * which settles where p50 is a little more than tolerance times the baseline (Netflix, Performance
 * Under Load, 2018; Envoy's gradient controller). The square root lets the limit grow, to find out
 * whether there is more capacity. The median is used, not the mean: one call in a hundred that
 * takes a thousand times as long changes nothing.
 *
 * <h2>What others stumbled over</h2>
 *
 * <ul>
 *   <li><b>An inflating baseline.</b> A long-term average takes lasting overload for normal after a
 *       while, and the limit grows without end (concurrency-limits #134, #165). Here any window
 *       with a lower latency lowers the baseline; only a <em>probe</em> raises it. A probe cuts the
 *       limit for one window, to a third or less at the default tolerance. If the latency of that
 *       window is about the known baseline, it becomes the baseline. If it is higher, the limit is
 *       cut again, until a cut makes no difference: then no call queues in the service.
 *   <li><b>Probes that hurt.</b> Probes refuse calls, so they happen only when they could matter:
 *       every half minute while the limit is used; or after five seconds at the earliest when the
 *       baseline is in doubt, because calls take long although the limit is not used, take more
 *       than twice as long as tolerated, or the limit has fallen to its lower bound. How far a
 *       probe cuts does not depend on that bound (Envoy #46532, #38338), and calls that began
 *       before it do not count (#11579).
 *   <li><b>A slow ramp</b>: while no call queues, the limit doubles every window: from 20 to 1000
 *       within a second when calls are quick.
 *   <li><b>Growth without need</b>: the limit grows only in windows that used four fifths of it.
 *   <li><b>Growth under overload</b> that shows as time-outs instead of longer calls (#137): the
 *       limit does not grow when there is one time-out or rejection by the service for ten answers,
 *       and shrinks when there are as many as answers.
 *   <li><b>Noise</b>: a window with fewer than {@value #MIN_CALLS} calls goes on.
 * </ul>
 *
 * <p>It reads no clock: times are arguments. One thread at a time.
 */
final class GradientLimit {
  /** Fewest calls of a window; with fewer it goes on. */
  static final int MIN_CALLS = 25;

  /** Age of the baseline at which a limit that is used probes. */
  private static final long PROBE_NANOS = 30_000_000_000L;

  /** Age of the baseline at which a limit probes when the baseline is in doubt. */
  private static final long URGENT_NANOS = 5_000_000_000L;

  /** Factor by which an overloaded window reduces the limit. */
  private static final double OVERLOAD_FACTOR = 0.7;

  private final int min;
  private final int max;
  private final double tolerance;
  private double limit;
  private long baseline;

  /** The limit during a probe, 0 while there is none. */
  private int probeLimit;

  /** The median latency at the previous, higher limit of this probe; 0 at its first limit. */
  private long lastProbeP50;

  /** When a probe last confirmed or raised the baseline. */
  private long baselineConfirmedAt;

  /**
   * @param max upper bound of the limit
   * @param before the state before the rule was edited, which carries over, or null
   */
  GradientLimit(RateLimitRule.Adaptive rule, int max, @Nullable GradientLimit before, long now) {
    this.min = Math.min(rule.min, max);
    this.max = max;
    this.tolerance = rule.tolerance;
    this.limit = bounded(before == null ? rule.initial : before.limit);
    this.baseline = before == null ? 0 : before.baseline;
    this.baselineConfirmedAt = before == null ? now - PROBE_NANOS : before.baselineConfirmedAt;
  }

  /** The limit in force; during a probe it may be below the lower bound. */
  int limit() {
    return probeLimit > 0 ? probeLimit : (int) limit;
  }

  /** The latency of a call that does not queue, in nanos; 0 when not known yet. */
  long baseline() {
    return baseline;
  }

  /**
   * The limit after a window.
   *
   * @param p50 median latency of the answered calls, in nanos
   * @param answered how many calls were answered
   * @param overloaded how many timed out or were turned away by the service
   * @param peak most calls under way at once
   */
  int next(long p50, int answered, int overloaded, int peak, long now) {
    if (overloaded >= answered) {
      probeLimit = 0;
      limit = bounded(limit * OVERLOAD_FACTOR);
      return limit();
    }
    if (probeLimit > 0) {
      continueProbe(p50, now);
      return limit();
    }
    boolean used = peak * 5L >= limit() * 4L;
    if (baseline == 0) {
      baseline = p50;
    } else if (p50 < baseline) {
      baseline -= (baseline - p50) / 4;
    }
    double headroom = tolerance * baseline / Math.max(p50, 1);
    long age = now - baselineConfirmedAt;
    boolean doubtful = used ? headroom < 0.5 || limit <= min && headroom < 1 : headroom < 1;
    if (used && age >= PROBE_NANOS || doubtful && age >= URGENT_NANOS) {
      lastProbeP50 = 0;
      probeLimit = probeBelow(limit);
      return limit();
    }
    if (!used) {
      // The limit is not reached, so it is not the cause of the latency: stay above what is used.
      limit = bounded(Math.min(limit, Math.max(limit * headroom, 2.0 * peak)));
    } else {
      boolean grows = overloaded * 10L < answered;
      boolean nobodyWaits = headroom > 0.9 * tolerance;
      double factor = nobodyWaits ? 2 : Math.max(0.5, headroom);
      double next = limit * factor + Math.sqrt(limit);
      limit = bounded(grows ? next : Math.min(next, limit));
    }
    return limit();
  }

  /** Cuts the limit further, unless a cut made no difference or confirmed the baseline. */
  private void continueProbe(long p50, long now) {
    boolean known = Math.abs(p50 - baseline) <= baseline / 10;
    boolean same = lastProbeP50 > 0 && p50 >= lastProbeP50 * 0.8;
    if (known || same || probeLimit == 1) {
      baseline = same ? Math.min(p50, lastProbeP50) : p50;
      baselineConfirmedAt = now;
      probeLimit = 0;
    } else {
      lastProbeP50 = p50;
      probeLimit = probeBelow(probeLimit);
    }
  }

  /** The next limit of a probe. */
  private int probeBelow(double limit) {
    return (int) Math.max(1, limit / (2 * tolerance));
  }

  private double bounded(double wanted) {
    return Math.max(min, Math.min(wanted, max));
  }
}
