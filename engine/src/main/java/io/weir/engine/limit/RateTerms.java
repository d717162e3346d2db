package io.weir.engine.limit;

/**
 * The numbers of one edition of a rule, in the unit the bucket's word counts in, and the clock that
 * mints. Immutable.
 *
 * <h2>The arithmetic, and why</h2>
 *
 * A token is 2^k <em>units</em>. What has been minted since the epoch is a pure function of
 * absolute elapsed time,
 *
 * <pre>  N(now) = floor(e * r),   e = now - epoch in nanos,   r = qps * 2^k / 1e9 units per nano
 * </pre>
 *
 * so nothing is ever added up and no error accumulates: after 100 days the next token is due as
 * precisely as after one second. {@code r} is held as the fraction {@code m / 2^(28+s)}, {@code m}
 * normalised to 31 bits (2^30 &lt;= m &lt; 2^31), which is a relative error of at most 2^-31
 * (5e-10) at any rate, always upwards: what a period of the rule's own length should have minted is
 * there. With {@code e = h * 2^28 + l}, 0 &lt;= l &lt; 2^28,
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
 * cost at most 2^41. A word therefore stays within -2^51 .. 2^60 + 2^49, far from 2^61 where {@link
 * Bucket}'s sentinels begin. qps above {@link #MAX_QPS} is taken for {@link #MAX_QPS}.
 *
 * <h2>Waiting</h2>
 *
 * {@link #nanosFor} is rounded up: floor((e + d/r) * r) = N + d, so a caller that waits exactly so
 * long finds its units minted, never one short.
 */
final class RateTerms {
  /** Highest rate, calls per second; the design note tells why there is one. */
  static final double MAX_QPS = 1e9;

  /** Largest burst, tokens. */
  static final long MAX_BURST = 1L << 40;

  /** Longest paced wait, one day in nanos. */
  static final long MAX_WAIT = 86_400_000_000_000L;

  private static final int SPLIT = 28;
  private static final long HORIZON = 1L << 59;

  /** Position in the sequence of editions of one rule; a higher one is newer. */
  final int edition;

  /** Units per token as a power of two. */
  final int scale;

  /** All in units. */
  final long burst;

  final long debt;
  final long cost;

  /** The cost in tokens. */
  final int tokens;

  /** Whether a call could ever be admitted. */
  final boolean payable;

  private final long epoch;
  private final long multiplier;
  private final int shift;
  private final double nanosPerUnit;

  /**
   * @param qps tokens per second, at least 0; 0 denies all, whatever the burst
   * @param burst tokens, at least 1
   * @param maxWaitNanos longest paced wait, at least 0
   * @param cost tokens a call takes, at least 1
   * @param epoch nano clock when these terms come into force
   */
  RateTerms(int edition, double qps, long burst, long maxWaitNanos, int cost, long epoch) {
    this.edition = edition;
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
    // one part in 2^50 more than the quotient, so that rounding in doubles cannot make it too short
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

  /** Nanos in which {@code units} are minted, rounded up; {@code Long.MAX_VALUE} for never. */
  long nanosFor(long units) {
    return (long) Math.ceil(units * nanosPerUnit);
  }

  /**
   * The word with which a bucket under these terms starts, given the word it had under {@code old}:
   * tokens are those it had at this epoch, at most the new burst; debt is kept.
   */
  long carry(RateTerms old, long word) {
    long tokens = Math.min(old.minted(epoch) - word, old.burst);
    int up = scale - old.scale;
    // a clock gone wrong can leave any debt; what does not fit is debt enough
    tokens = up >= 0 ? Math.max(tokens, -1L << 50) << up : tokens >> -up;
    return -Math.min(tokens, burst);
  }

  /** The word of a full bucket. */
  long full(long now) {
    return minted(now) - burst;
  }
}
