package io.weir.engine.limit;

/**
 * The numbers of a rate limit in the form that {@link TokenBucket} computes with: rate, burst, cost
 * of a call, and how many tokens have been minted by now. An edit of the rule, or another rate from
 * its {@code auto} loop, makes new terms. Immutable.
 *
 * <h2>The arithmetic, and why</h2>
 *
 * A token is 2^k <em>units</em>. A bucket counts units, in one 64-bit <em>word</em>. The units
 * minted since the epoch are a pure function of the time elapsed since then,
 *
 * <pre>  N(now) = floor(e * r),   e = now - epoch in nanos,   r = qps * 2^k / 1e9 units per nano
 * </pre>
 *
 * so nothing is ever added up and no error accumulates: after 100 days the next token is due as
 * precisely as after one second. {@code r} is held as the fraction {@code m / 2^(28+s)}, with
 * {@code m} normalised to 31 bits (2^30 &lt;= m &lt; 2^31). Its relative error is at most 2^-31
 * (5e-10) at any rate, and always upwards, so a token is never minted too late. With {@code e = h *
 * 2^28 + l}, 0 &lt;= l &lt; 2^28,
 *
 * <pre>  floor(e * m / 2^28) = h * m + floor(l * m / 2^28)      and      N = that &gt;&gt; s</pre>
 *
 * exactly (h * m is whole; floor(floor(x) / 2^s) = floor(x / 2^s)): two multiplications and two
 * shifts, no division, no floating point, and the same for negative {@code e}, since {@code >>}
 * rounds down.
 *
 * <h2>Why nothing overflows</h2>
 *
 * {@code e} is clamped to +-2^59 ns (18 years), so |h| &lt;= 2^31, |h * m| &lt; 2^62 and l * m &lt;
 * 2^59. {@code k} is the largest of 0..10 with r &lt;= 2, so |N| &lt;= 2^60. Burst is at most 2^40
 * tokens, hence at most 2^50 units; {@code maxWait} at most one day, hence debt at most 2^48 units;
 * cost at most 2^41. A word therefore stays within -2^51 .. 2^60 + 2^49, far from 2^61 where the
 * sentinels of {@link TokenBucket} begin. qps above {@link #MAX_QPS} counts as {@link #MAX_QPS}.
 *
 * <h2>Waiting</h2>
 *
 * {@link #nanosFor} rounds up: floor((e + d/r) * r) = N + d. So a caller that waits exactly that
 * long finds its units minted, and never one too few.
 */
final class RateTerms {
  /** Highest rate, calls per second: one per nanosecond, which keeps r below 2. */
  static final double MAX_QPS = 1e9;

  /** Largest burst, tokens. */
  static final long MAX_BURST = 1L << 40;

  /** Longest paced wait, one day in nanos. */
  static final long MAX_WAIT = 86_400_000_000_000L;

  private static final int SPLIT = 28;
  private static final long HORIZON = 1L << 59;

  /** Number of these terms among all terms of one rule; of two, the higher is the newer. */
  final int generation;

  /** Units per token as a power of two: k. */
  final int scale;

  /** Most units a bucket holds. */
  final long burst;

  /** Units that may be taken before they are minted: what is minted in the longest paced wait. */
  final long debt;

  /** Units that a call takes. */
  final long cost;

  /** Tokens that a call takes: the cost before scaling. */
  final int tokens;

  /** Whether a call can ever be admitted: not at qps 0, nor when one call costs more than burst. */
  final boolean payable;

  private final long epoch;
  private final long multiplier;
  private final int shift;
  private final double nanosPerUnit;

  /**
   * @param qps tokens per second, at least 0; 0 denies all, whatever the burst
   * @param generation one more than that of the terms before, 0 for the first
   * @param burst tokens, at least 1
   * @param maxWaitNanos longest paced wait, at least 0
   * @param cost tokens a call takes, at least 1
   * @param epoch nano clock when these terms come into force
   */
  RateTerms(int generation, double qps, long burst, long maxWaitNanos, int cost, long epoch) {
    this.generation = generation;
    this.epoch = epoch;
    double rate = Math.min(Math.max(qps, 0), MAX_QPS) / 1e9;
    int k = 10;
    while (k > 0 && rate * (1 << k) > 2) {
      k--;
    }
    this.scale = k;
    double fraction = rate * (1 << k) * (1 << SPLIT);
    int s = 0;
    while (s < 62 && fraction < 1 << 30) {
      fraction *= 2;
      s++;
    }
    this.multiplier = Math.min((long) Math.ceil(fraction), (1L << 31) - 1);
    this.shift = s;
    // larger than the quotient by 2^-50 of it, so that rounding in doubles cannot make it too short
    this.nanosPerUnit = Math.scalb(1 + 0x1p-50, SPLIT + s) / multiplier;
    this.burst = qps > 0 ? Math.min(Math.max(burst, 1), MAX_BURST) << k : 0;
    long wait = Math.min(Math.max(maxWaitNanos, 0), MAX_WAIT);
    this.debt = minted(epoch + wait);
    this.tokens = Math.max(cost, 1);
    this.cost = (long) tokens << k;
    this.payable = multiplier != 0 && this.cost <= this.burst + debt;
  }

  /** N(now): units minted since the epoch, negative before it. */
  long minted(long now) {
    long e = Math.max(-HORIZON, Math.min(now - epoch, HORIZON));
    return ((e >> SPLIT) * multiplier + ((e & ((1L << SPLIT) - 1)) * multiplier >> SPLIT)) >> shift;
  }

  /** The longest time that {@link #nanosFor} gives: more than 292 years. */
  static final long NEVER = Long.MAX_VALUE - 1;

  /**
   * Nanos in which {@code units} are minted, rounded up; {@link #NEVER} at most. So the complement,
   * the result of a refusal, is never {@link TokenBucket#RETIRED}.
   */
  long nanosFor(long units) {
    return Math.min((long) Math.ceil(units * nanosPerUnit), NEVER);
  }

  /**
   * The word with which a bucket starts under these terms.
   *
   * @param old the terms before
   * @param word the bucket's word under {@code old}. The tokens it held at the new epoch carry
   *     over, but no more than the new burst; a debt carries over in full
   */
  long wordAfter(RateTerms old, long word) {
    long tokens = Math.min(old.minted(epoch) - word, old.burst);
    int up = scale - old.scale;
    // after a jump of the clock the debt can be of any size: bounded, so that the shift is exact
    tokens = up >= 0 ? Math.max(tokens, -1L << 50) << up : tokens >> -up;
    return -Math.min(tokens, burst);
  }

  /** The word of a bucket that is full at this time. */
  long full(long now) {
    return minted(now) - burst;
  }
}
