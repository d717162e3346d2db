package io.weir.engine.limit;

import io.weir.engine.rules.RateLimitRule;
import org.jspecify.annotations.Nullable;

/**
 * How many calls should be under way, from how long they take: the algorithm of an adaptive limit,
 * apart from the gate ({@link ConcurrencyLimit}).
 *
 * <h2>Idea</h2>
 *
 * A service works on so many calls at once; what comes beyond waits inside it. As long as nobody
 * waits a call takes what it takes, its <em>baseline</em>; with twice as many calls as it can work
 * on, twice as long. So the ratio of the two says how far off the limit is. After every window, in
 * which {@code p50} is what a call took,
 *
 * <pre>  limit = limit * max(1/2, tolerance * baseline / p50) + sqrt(limit)</pre>
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
 *       what is seen and goes up only by a <em>probe</em>: for a window the limit is cut to a third
 *       or less, and what calls take then is the baseline, if it is what was known. If not, it is
 *       cut again until that makes no difference any more: then nobody waits in the service.
 *   <li><b>Probes that hurt.</b> They refuse calls, so there is none unless it could matter: while
 *       the limit is used, every half minute; when calls suddenly take long though the limit is not
 *       used, or the limit has fallen to its lower bound, after five seconds at the earliest. How
 *       far they cut has nothing to do with that bound (Envoy #46532, #38338), and calls that were
 *       under way before do not count (#11579).
 *   <li><b>A slow ramp</b>: while nobody waits it doubles every window, from 20 to 1000 within a
 *       second when calls are quick.
 *   <li><b>Growth while nobody needs it</b>: it grows only in windows that used four fifths of it.
 *   <li><b>Growth under overload</b> that shows as time-outs instead of longer calls (#137): when
 *       one call in ten timed out or was turned away by the service the limit does not grow, when
 *       half of them did it shrinks.
 *   <li><b>Noise</b>: a window with less than {@value #MIN_CALLS} calls goes on.
 * </ul>
 *
 * <p>No clock, no thread: times are told. One thread at a time.
 */
final class GradientLimit {
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

  /** The limit of a probe, 0 while there is none, and what calls took under the one before it. */
  private int cut;

  private long shallower;

  /** When the baseline was last beyond doubt. */
  private long measured;

  /**
   * @param max most calls at once
   * @param before what is known from an earlier edition of the rule, or null
   */
  GradientLimit(RateLimitRule.Adaptive rule, int max, @Nullable GradientLimit before, long now) {
    this.min = Math.min(rule.min, max);
    this.max = max;
    this.tolerance = rule.tolerance;
    this.limit = bounded(before == null ? rule.initial : before.limit);
    this.baseline = before == null ? 0 : before.baseline;
    this.measured = before == null ? now - PROBE_NANOS : before.measured;
  }

  /** The limit in force; while it probes, less than its lower bound perhaps. */
  int limit() {
    return cut > 0 ? cut : (int) limit;
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
      cut = 0;
      limit = bounded(limit * GIVE_WAY);
      return limit();
    }
    if (cut > 0) {
      probed(p50, now);
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
      shallower = 0;
      cut = deeper(limit);
      return limit();
    }
    if (!used) {
      // nobody waits for us, so what calls take is not of our making: stay above what is used
      limit = bounded(Math.min(limit, Math.max(limit * room, 2.0 * peak)));
    } else {
      boolean grows = overloaded * 10L < answered;
      boolean nobodyWaits = room > 0.9 * tolerance;
      double factor = nobodyWaits ? 2 : Math.max(0.5, room);
      double next = limit * factor + Math.sqrt(limit);
      limit = bounded(grows ? next : Math.min(next, limit));
    }
    return limit();
  }

  /** Deeper and deeper, until that changes nothing or what is known has been seen again. */
  private void probed(long p50, long now) {
    boolean known = Math.abs(p50 - baseline) <= baseline / 10;
    boolean same = shallower > 0 && p50 >= shallower * 0.8;
    if (known || same || cut == 1) {
      baseline = same ? Math.min(p50, shallower) : p50;
      measured = now;
      cut = 0;
    } else {
      shallower = p50;
      cut = deeper(cut);
    }
  }

  private int deeper(double than) {
    return (int) Math.max(1, than / (2 * tolerance));
  }

  private double bounded(double wanted) {
    return Math.max(min, Math.min(wanted, max));
  }
}
