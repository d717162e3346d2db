package io.weir.engine.limit;

import io.weir.engine.rules.LimitRule;

/**
 * How many calls should be under way, from how long they take: the algorithm of an adaptive limit,
 * apart from the gate ({@link Slots}).
 *
 * <h2>Idea</h2>
 *
 * A service works on so many calls at once; what comes beyond waits inside it. As long as nobody
 * waits a call takes what it takes, its <em>baseline</em>; with twice as many calls as it can work
 * on, twice as long. So the ratio of the two says how far off the limit is. After every window, in
 * which {@code p50} is what a call took,
 *
 * <pre>  limit = limit * clamp(tolerance * baseline / p50, 1/2, tolerance) + sqrt(limit)</pre>
 *
 * which ends where p50 is a little more than tolerance times the baseline (Netflix, Performance
 * Under Load, 2018; Envoy's gradient controller). The square root is room to find out whether there
 * is more. The median, not the mean: one call in a hundred that takes a thousand times as long
 * changes nothing.
 *
 * <h2>What others stumbled over</h2>
 *
 * <ul>
 *   <li><b>An inflating baseline.</b> A long-term average takes lasting overload for normal after a
 *       while, and the limit grows without end (concurrency-limits #134, #165). Ours goes down with
 *       what is seen and goes up only by a <em>probe</em>: for one window the limit is cut to a
 *       third or less, far enough that nobody waits in the service, and what calls take then is the
 *       baseline.
 *   <li><b>Probes that hurt.</b> They refuse calls, so there is none unless it could matter: while
 *       the limit is used, every half minute; when calls suddenly take long though the limit is not
 *       used, or the limit has fallen to its lower bound, after five seconds at the earliest. How
 *       far they cut has nothing to do with that bound (Envoy #46532, #38338), and calls that were
 *       under way before do not count (#11579).
 *   <li><b>A slow ramp</b>: it grows by half per window of 100 ms, from 20 to 1000 in a second.
 *   <li><b>Growth while nobody needs it</b>: it grows only in windows that used four fifths of it.
 *   <li><b>Growth under overload</b> that shows as time-outs instead of longer calls (#137): when
 *       one call in ten timed out or was turned away by the service the limit does not grow, when
 *       half of them did it shrinks.
 *   <li><b>Noise</b>: a window with less than {@value #MIN_CALLS} calls goes on.
 * </ul>
 *
 * <p>No clock, no thread: times are told. One thread at a time.
 */
final class Gradient {
  /** Calls without which a window says nothing. */
  static final int MIN_CALLS = 25;

  private static final long PROBE_NANOS = 30_000_000_000L;
  private static final long URGENT_NANOS = 5_000_000_000L;
  private static final double GIVE_WAY = 0.7;

  private final int min;
  private final int max;
  private final double tolerance;
  private double limit;
  private long baseline;
  private boolean probing;

  /** When the baseline was last beyond doubt. */
  private long measured;

  /**
   * @param max most calls at once
   * @param before what is known from an earlier edition of the rule, or null
   */
  Gradient(LimitRule.Adaptive rule, int max, Gradient before, long now) {
    this.min = Math.min(rule.min, max);
    this.max = max;
    this.tolerance = rule.tolerance;
    this.limit = bounded(before == null ? rule.initial : before.limit);
    this.baseline = before == null ? 0 : before.baseline;
    this.measured = before == null ? now - PROBE_NANOS : before.measured;
  }

  /** The limit in force; while it probes, less than its lower bound perhaps. */
  int limit() {
    return probing ? (int) Math.max(1, limit / (2 * tolerance)) : (int) limit;
  }

  /** What a call takes when it does not wait, in nanos; 0: not known yet. */
  long baseline() {
    return baseline;
  }

  /**
   * The limit after a window.
   *
   * @param p50 what half of the calls took at most, in nanos
   * @param answered how many calls that is
   * @param overloaded how many timed out or were turned away behind us
   * @param peak most calls under way at once
   */
  int next(long p50, int answered, int overloaded, int peak, long now) {
    if (overloaded >= answered) {
      probing = false;
      limit = bounded(limit * GIVE_WAY);
      return limit();
    }
    if (probing) {
      probing = false;
      baseline = p50;
      measured = now;
      return limit();
    }
    boolean used = peak * 5L >= limit() * 4L;
    if (baseline == 0) {
      baseline = p50;
    } else if (p50 < baseline) {
      baseline -= (baseline - p50) / 4;
    }
    double room = tolerance * baseline / Math.max(p50, 1);
    long age = now - measured;
    boolean doubtful = used ? room < 0.5 || limit <= min && room < 1 : room < 1;
    if (used && age >= PROBE_NANOS || doubtful && age >= URGENT_NANOS) {
      probing = true;
      return limit();
    }
    if (!used) {
      // nobody waits for us, so what calls take is not of our making: stay above what is used
      limit = bounded(Math.min(limit, Math.max(limit * room, 2.0 * peak)));
    } else {
      boolean grows = overloaded * 10L < answered;
      double factor = Math.max(0.5, Math.min(room, grows ? tolerance : 1));
      double next = limit * factor + Math.sqrt(limit);
      limit = bounded(grows ? next : Math.min(next, limit));
    }
    return limit();
  }

  private double bounded(double wanted) {
    return Math.max(min, Math.min(wanted, max));
  }
}
