package io.weir.engine.limit;

import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A token bucket in one 64-bit word, which can also admit calls in advance (a paced wait).
 *
 * <h2>How it decides</h2>
 *
 * This is the generic cell rate algorithm (ITU-T I.371), kept in tokens instead of arrival times,
 * because a token is the same size at every rate and a nanosecond is not. {@code used} counts what
 * has been taken since the epoch, {@link RateTerms#minted N(now)} what has been minted. A bucket
 * holds no more than its burst. So {@code used} counts as at least N - burst, and tokens that were
 * not used in time are lost:
 *
 * <pre>  u = max(used, N - burst) + cost
 *   u - N &lt;= 0      admitted now
 *   u - N &lt;= debt   admitted after (u - N) / rate: a reservation, taken now, in order
 *   otherwise       refused; a retry can succeed after (u - N - debt) / rate</pre>
 *
 * An admission is one compare-and-set; a refusal writes nothing. A reservation is the same
 * compare-and-set, so two waiting calls never get the same tokens.
 *
 * <p>Guarantee: in any interval the tokens taken are at most burst + debt + those minted in it,
 * however threads interleave. For every admission raises max(used, N - burst) by its cost, and
 * never beyond N(now) + debt. The clock may stop or step back: N is then smaller, which only delays
 * calls. It may jump forward: max() leaves no more than one burst.
 *
 * <h2>How it is replaced under load</h2>
 *
 * The terms of a bucket never change. When the rule is edited, a new bucket, the
 * <em>successor</em>, takes over in three steps. First the reference to it is written. Then the
 * word is sealed by adding {@link #SEAL}: now it is so large that any {@link #take} fails its test.
 * Then the successor's word is computed from the sealed one and set where it is still {@link
 * #UNSET}. The last two steps depend only on values that no longer change. So any thread can
 * complete them, and none waits for the thread that began:
 *
 * <ul>
 *   <li>A take whose compare-and-set succeeds came before the seal, so the word carried over
 *       contains it: no token is taken twice.
 *   <li>A take whose compare-and-set fails sees the seal and takes from the successor: no token is
 *       lost.
 *   <li>A take by a thread whose clock reading is later than the successor's epoch is in the word,
 *       too, as debt.
 * </ul>
 *
 * A full bucket equals an absent one, so {@link KeyedBuckets} may retire it. One compare-and-set
 * changes the word from a full value to {@link #RETIRED_WORD}; it fails if a token was taken
 * meanwhile.
 *
 * <p>Threads: any. Memory model: {@code next} is written before the volatile seal. So a thread that
 * has seen the seal sees the successor.
 */
final class TokenBucket implements CallLedger.Reservation {
  /** Result of {@link #take}: this bucket was retired; look the key up in the table again. */
  static final long RETIRED = Long.MIN_VALUE;

  // Values of the word. Counts stay below FIRST_SENTINEL: see RateTerms, "Why nothing overflows".

  /** Added to the word of a bucket that has a successor. */
  private static final long SEAL = 1L << 62;

  /** Where the values begin that are no plain count: sealed, retired or unset. */
  private static final long FIRST_SENTINEL = 1L << 61;

  /** The word of a retired bucket. */
  private static final long RETIRED_WORD = 0x6800_0000_0000_0000L;

  /** The word of a successor until it is computed. */
  private static final long UNSET = 0x6C00_0000_0000_0000L;

  private static final AtomicLongFieldUpdater<TokenBucket> USED =
      AtomicLongFieldUpdater.newUpdater(TokenBucket.class, "used");
  private static final AtomicReferenceFieldUpdater<TokenBucket, TokenBucket> NEXT =
      AtomicReferenceFieldUpdater.newUpdater(TokenBucket.class, TokenBucket.class, "next");

  private static final AtomicLongFieldUpdater<TokenBucket> TAKEN =
      AtomicLongFieldUpdater.newUpdater(TokenBucket.class, "taken");

  final RateTerms terms;

  /** Units taken since the epoch, or one of the special values above. */
  private volatile long used;

  /** The successor; null until one was made. From the seal on, it is in force instead of this. */
  private volatile @Nullable TokenBucket next;

  /** Admitted calls counted here and not yet moved to the rule's sum. */
  private volatile long taken;

  /** This bucket is not in force any more: a late call that counts here moves its count itself. */
  private volatile boolean superseded;

  private TokenBucket(RateTerms terms, long used) {
    this.terms = terms;
    this.used = used;
  }

  /** A full bucket. */
  static TokenBucket full(RateTerms terms, long now) {
    return new TokenBucket(terms, terms.full(now));
  }

  /**
   * Takes the tokens of one call.
   *
   * @return when admitted, the nanos to wait before the call is made, at least 0. When refused, the
   *     complement ({@code ~}) of the nanos until a retry may succeed, where 0 means never; so
   *     every refusal is negative. {@link #RETIRED} when this bucket was retired
   */
  long take(long now) {
    RateTerms t = terms;
    long minted = t.minted(now);
    long floor = minted - t.burst;
    for (; ; ) {
      long word = used;
      long ahead = Math.max(word, floor) + t.cost - minted;
      if (ahead > t.debt) {
        return word < FIRST_SENTINEL ? ~retryAfter(ahead) : takeFromSuccessor(now);
      }
      if (USED.compareAndSet(this, word, minted + ahead)) {
        return ahead <= 0 ? 0 : t.nanosFor(ahead);
      }
    }
  }

  /**
   * Counts a call that {@link #take} has just admitted. The counter is on the cache line that
   * {@code take} has just written; elsewhere it would be one more line that cores pass to each
   * other.
   *
   * @param sum the rule's counter, to which the counts are moved from time to time
   */
  void count(LongAdder sum) {
    TAKEN.getAndIncrement(this);
    if (superseded) {
      moveCountTo(sum);
    }
  }

  /** Moves what was counted here to the sum. Any thread; each call counts once. */
  void moveCountTo(LongAdder sum) {
    if (taken != 0) {
      sum.add(TAKEN.getAndSet(this, 0));
    }
  }

  /**
   * Notes that this bucket is not in force any more, and moves the count for the last time. Calls
   * that still count here move their counts themselves.
   */
  void supersede(LongAdder sum) {
    superseded = true;
    moveCountTo(sum);
  }

  private long retryAfter(long ahead) {
    return terms.payable ? terms.nanosFor(ahead - terms.debt) : 0;
  }

  private long takeFromSuccessor(long now) {
    TokenBucket b = bucketInForce();
    return b == null ? RETIRED : b.take(now);
  }

  /** Gives back the tokens of a call that was not made after all. */
  @Override
  public void giveBack(int cost, long now) {
    long units = (long) cost << terms.scale;
    for (; ; ) {
      long word = used;
      if (word >= FIRST_SENTINEL) {
        TokenBucket b = bucketInForce();
        if (b != null) {
          b.giveBack(cost, now);
        }
        // if it was retired, it was full without these tokens: they would not have fitted
        return;
      }
      if (USED.compareAndSet(this, word, word - units)) {
        return;
      }
    }
  }

  /**
   * The successor of this bucket. This call makes it and seals this bucket, unless that has
   * happened before. The successor's terms are {@code newer}, or those of a generation between.
   *
   * @return null when this bucket was retired
   */
  @Nullable TokenBucket succeed(RateTerms newer) {
    if (next == null) {
      NEXT.compareAndSet(this, null, new TokenBucket(newer, UNSET));
    }
    for (; ; ) {
      long word = used;
      if (word == RETIRED_WORD) {
        return null;
      }
      if (word >= FIRST_SENTINEL) {
        return successor(word);
      }
      if (USED.compareAndSet(this, word, word + SEAL)) {
        return successor(word + SEAL);
      }
    }
  }

  /** The successor of this bucket, which is sealed; computes its word if that is missing. */
  @SuppressWarnings("NullAway") // the successor is written before the seal
  private TokenBucket successor(long sealed) {
    TokenBucket n = next;
    if (n.used == UNSET) {
      USED.compareAndSet(n, UNSET, n.terms.wordAfter(terms, sealed - SEAL));
    }
    return n;
  }

  /**
   * Retires the bucket if it is full and has no successor.
   *
   * @return 0 when this call has retired it; otherwise how many units it lacks, at least 1, or more
   *     than a burst when it was sealed or retired before
   */
  long retire(long now) {
    long word = used;
    long lacking = word - terms.full(now);
    return lacking > 0 || !USED.compareAndSet(this, word, RETIRED_WORD) ? Math.max(lacking, 1) : 0;
  }

  /**
   * The newest successor of this bucket, or the bucket itself when it has none; null when it was
   * retired. A loop and not recursive: a call may outlive very many generations.
   */
  private @Nullable TokenBucket bucketInForce() {
    TokenBucket b = this;
    for (; ; ) {
      long word = b.used;
      if (word == RETIRED_WORD) {
        return null;
      }
      if (word < FIRST_SENTINEL) {
        return b;
      }
      b = b.successor(word);
    }
  }

  /** Whether this bucket or its newest successor was retired. */
  boolean isRetired() {
    return bucketInForce() == null;
  }
}
