package io.weir.engine.limit;

import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A hybrid of leaky bucket (the long-term rate rules) and token bucket (the burst is elastic), in
 * one word.
 *
 * <h2>How it decides</h2>
 *
 * This is the generic cell rate algorithm (ITU-T I.371), kept in tokens instead of arrival times,
 * because a token is the same size at every rate and a nanosecond is not. {@code used} is what has
 * been taken since the epoch, {@link RateTerms#minted N(now)} what has been minted. A bucket that
 * has been idle holds no more than its burst, so whatever it did not use before N - burst is
 * forfeited:
 *
 * <pre>  u = max(used, N - burst) + cost
 *   u - N &lt;= 0      admitted
 *   u - N &lt;= debt   admitted after (u - N) / rate: a reservation, taken now, in order
 *   otherwise       refused; (u - N - debt) / rate later it would not have been</pre>
 *
 * An admission is one compare-and-set; a refusal writes nothing. A reservation is the same
 * compare-and-set, so two waiters never get one slot.
 *
 * <p>Law: in any interval the tokens taken are at most burst + debt + those minted in it, whatever
 * the interleaving: every admission moves {@code used} up by its cost from a value it has seen, and
 * never beyond N(now) + debt. The clock may stand or step back: N is then smaller, which only
 * delays. It may jump forward: max() forfeits all but one burst.
 *
 * <h2>How it is replaced under load</h2>
 *
 * The terms of a bucket never change. An edited rule gets a <em>successor</em>: its address is
 * written, then the word is sealed by adding {@link #SEAL}, which makes it so large that any {@link
 * #take} fails its test, then the successor's word is computed from the sealed one and set where it
 * is still {@link #UNBORN}. Both of the last steps are a pure function of values that no longer
 * change, so whoever comes by completes them and nobody waits for the thread that began:
 *
 * <ul>
 *   <li>a take whose compare-and-set succeeds came before the seal and is in the word carried over:
 *       no token is minted;
 *   <li>one that fails sees the seal, follows and takes from the successor: no token is lost;
 *   <li>a take by a thread whose clock reading is younger than the successor's epoch is in the word
 *       too, as debt.
 * </ul>
 *
 * A full bucket equals an absent one, so {@link KeyedBuckets} may retire one: the word goes from a
 * full value to {@link #GONE} by one compare-and-set, which fails if anybody took a token
 * meanwhile.
 *
 * <p>Threads: any. Memory model: {@code next} is written before the volatile seal and read only
 * after it has been seen.
 */
final class TokenBucket implements CallLedger.Reservation {
  /** Result of {@link #take}: this bucket was retired, ask the table again. */
  static final long RETIRED = Long.MIN_VALUE;

  private static final long SEAL = 1L << 62;
  private static final long SENTINELS = 1L << 61;
  private static final long GONE = 0x6800_0000_0000_0000L;
  private static final long UNBORN = 0x6C00_0000_0000_0000L;

  private static final AtomicLongFieldUpdater<TokenBucket> USED =
      AtomicLongFieldUpdater.newUpdater(TokenBucket.class, "used");
  private static final AtomicReferenceFieldUpdater<TokenBucket, TokenBucket> NEXT =
      AtomicReferenceFieldUpdater.newUpdater(TokenBucket.class, TokenBucket.class, "next");

  private static final AtomicLongFieldUpdater<TokenBucket> TAKEN =
      AtomicLongFieldUpdater.newUpdater(TokenBucket.class, "taken");

  final RateTerms terms;
  private volatile long used;
  private volatile @Nullable TokenBucket next;

  /** Calls counted here and not yet moved to their sum. */
  private volatile long taken;

  /** Whoever counts here from now on moves it himself. */
  private volatile boolean left;

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
   * @return nanos to wait before the call is made, at least 0: admitted. Otherwise {@link
   *     #RETIRED}, or the complement ({@code ~}) of the nanos until a retry may succeed, where 0
   *     means never
   */
  long take(long now) {
    RateTerms t = terms;
    long minted = t.minted(now);
    long floor = minted - t.burst;
    for (; ; ) {
      long word = used;
      long ahead = Math.max(word, floor) + t.cost - minted;
      if (ahead > t.debt) {
        return word < SENTINELS ? ~retryAfter(ahead) : elsewhere(now);
      }
      if (USED.compareAndSet(this, word, minted + ahead)) {
        return ahead <= 0 ? 0 : t.nanosFor(ahead);
      }
    }
  }

  /**
   * Counts a call that {@link #take} has just let in, on the cache line it has just written: a
   * counter elsewhere would be one more line for cores to pass to each other.
   *
   * @param sum where the rule's calls are added up
   */
  void count(LongAdder sum) {
    TAKEN.getAndIncrement(this);
    if (left) {
      move(sum);
    }
  }

  /** Adds what was counted here to the sum; by any number of threads, each call counts once. */
  void move(LongAdder sum) {
    if (taken != 0) {
      sum.add(TAKEN.getAndSet(this, 0));
    }
  }

  /** Another bucket stands for the rule: nobody will come for what late calls count here. */
  void leave(LongAdder sum) {
    left = true;
    move(sum);
  }

  private long retryAfter(long ahead) {
    return terms.payable ? terms.nanosFor(ahead - terms.debt) : 0;
  }

  private long elsewhere(long now) {
    TokenBucket b = inForce();
    return b == null ? RETIRED : b.take(now);
  }

  /** Gives the tokens of a call back that was not made after all. */
  @Override
  public void giveBack(int cost, long now) {
    long units = (long) cost << terms.scale;
    for (; ; ) {
      long word = used;
      if (word >= SENTINELS) {
        TokenBucket b = inForce();
        if (b != null) {
          b.giveBack(cost, now);
        }
        // retired: it was full without these tokens, they would not have fitted
        return;
      }
      if (USED.compareAndSet(this, word, word - units)) {
        return;
      }
    }
  }

  /**
   * The bucket that takes over from this one, sealed by this call if it was not before. Its terms
   * are {@code newer}, or those of an edition between.
   *
   * @return null when this bucket was retired
   */
  @Nullable TokenBucket succeed(RateTerms newer) {
    if (next == null) {
      NEXT.compareAndSet(this, null, new TokenBucket(newer, UNBORN));
    }
    for (; ; ) {
      long word = used;
      if (word == GONE) {
        return null;
      }
      if (word >= SENTINELS) {
        return follow(word);
      }
      if (USED.compareAndSet(this, word, word + SEAL)) {
        return follow(word + SEAL);
      }
    }
  }

  @SuppressWarnings("NullAway") // sealed only once the next one is there
  private TokenBucket follow(long sealed) {
    TokenBucket n = next;
    if (n.used == UNBORN) {
      USED.compareAndSet(n, UNBORN, n.terms.carry(terms, sealed - SEAL));
    }
    return n;
  }

  /**
   * Retires the bucket if it is full and nobody has followed it.
   *
   * @return 0: done by this call; otherwise what it lacks, in units, or more than a burst
   */
  long retire(long now) {
    long word = used;
    long lacking = word - terms.full(now);
    return lacking > 0 || !USED.compareAndSet(this, word, GONE) ? Math.max(lacking, 1) : 0;
  }

  /**
   * The bucket that took over from this one after however many editions, or itself; null when it
   * was retired. Not recursive: a call may outlive very many editions.
   */
  private @Nullable TokenBucket inForce() {
    TokenBucket b = this;
    for (; ; ) {
      long word = b.used;
      if (word == GONE) {
        return null;
      }
      if (word < SENTINELS) {
        return b;
      }
      b = b.follow(word);
    }
  }

  /** Whether this bucket, or the one that took over from it, was retired. */
  boolean retired() {
    return inForce() == null;
  }
}
