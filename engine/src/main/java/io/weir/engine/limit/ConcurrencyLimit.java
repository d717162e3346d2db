package io.weir.engine.limit;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.RateLimitRule;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * Counts the calls under way and limits their number.
 *
 * <p>A call takes a slot by one compare-and-set, which never exceeds the limit; a call that is
 * refused writes no more than {@code peak}. The slot is freed by one decrement when the call's
 * ledger ends, which happens exactly once. This object stays the same when the rule is edited. So
 * an edit changes the limit, and no slot is lost or freed: with a limit below the calls under way,
 * no call is admitted until enough have ended.
 *
 * <p>An adaptive limit also counts latencies, one more increment a call, in a histogram whose
 * buckets are at most six percent wide. Nothing runs in the background. The first call that ends
 * after the end of a time window claims the window by a compare-and-set, and has {@link
 * GradientLimit} compute the next limit. Only calls that began after the last change of the limit
 * are counted, so a window shows the effect of the limit in force. A limit that follows the effects
 * of an earlier limit oscillates, and its baseline creeps up (as Envoy's did, #11579).
 *
 * <p>Threads: any; {@link #edited} one at a time.
 */
final class ConcurrencyLimit implements CallLedger.Slot {
  private static final AtomicIntegerFieldUpdater<ConcurrencyLimit> IN_FLIGHT =
      AtomicIntegerFieldUpdater.newUpdater(ConcurrencyLimit.class, "inFlight");
  private static final AtomicLongFieldUpdater<ConcurrencyLimit> WINDOW_END =
      AtomicLongFieldUpdater.newUpdater(ConcurrencyLimit.class, "windowEnd");

  /** Each power of two of latency has 2^4 = 16 buckets. */
  private static final int SUB_BUCKET_BITS = 4;

  /** Latencies are counted in units of 2^10 = 1024 ns. */
  private static final int UNIT_BITS = 10;

  /** The first bucket does not count a latency but the calls that ended in overload. */
  private static final int OVERLOADED_BUCKET = 0;

  private static final int BUCKETS = (64 - UNIT_BITS - SUB_BUCKET_BITS) << SUB_BUCKET_BITS;
  private static final long WINDOW_NANOS = 100_000_000L;
  private static final long MAX_WINDOW_NANOS = 5_000_000_000L;

  /** Value of {@link #windowEnd} while a call closes the window. */
  static final long CLAIMED = Long.MIN_VALUE;

  private volatile int inFlight;
  private volatile int limit;

  /** The rule's own limit; of an adaptive limit the upper bound. */
  private volatile int maxConcurrent;

  // All below is used by an adaptive limit only.

  /** Computes the limit; null while the rule is not adaptive. */
  private volatile @Nullable GradientLimit gradient;

  /** Calls by bucket of latency; only grows. Null until the rule is adaptive for the first time. */
  @SuppressWarnings("NullAway.Init")
  private volatile AtomicIntegerArray counts;

  /** Most calls under way at once in this window. Racing writers may lose one; a hint is enough. */
  private volatile int peak;

  /** When the limit in force was set; calls that began earlier are not counted. Nano clock. */
  private volatile long limitSince;

  /**
   * When the window ends, in nanos since {@link #origin}; {@link #CLAIMED} while a call closes it.
   * The test sets it, because it cannot hold a thread there.
   */
  volatile long windowEnd;

  private final long origin;

  /** The counts when the window began; confined to the thread that has claimed the window. */
  @SuppressWarnings("NullAway.Init")
  private int[] before;

  ConcurrencyLimit(RateLimitRule rule, long now) {
    origin = now;
    edited(rule, now);
  }

  /** The rule was edited, or is new. */
  void edited(RateLimitRule rule, long now) {
    RateLimitRule.Adaptive a = rule.adaptive;
    maxConcurrent = rule.maxConcurrent;
    if (a == null) {
      // Written before the limit: closeWindow() writes the limit and then reads this again.
      gradient = null;
      limit = maxConcurrent;
      return;
    }
    if (counts == null) {
      counts = new AtomicIntegerArray(BUCKETS);
      before = new int[BUCKETS];
    }
    GradientLimit old = gradient;
    GradientLimit next = new GradientLimit(a, rule.maxConcurrent, old, now);
    limitSince = now;
    beginWindow(now);
    gradient = next;
    limit = next.limit();
  }

  /**
   * Lets the window end a tenth of a second from now. A window that a call is closing stays as it
   * is: that call sets the end of the next one, and two calls must not close windows at once.
   */
  private void beginWindow(long now) {
    long end;
    do {
      end = windowEnd;
    } while (end != CLAIMED && !WINDOW_END.compareAndSet(this, end, now - origin + WINDOW_NANOS));
  }

  int limit() {
    return limit;
  }

  int inFlight() {
    return inFlight;
  }

  /** Takes a slot; false when none is free. */
  boolean take() {
    for (; ; ) {
      int n = inFlight;
      if (n >= limit) {
        // an adaptive limit grows only if it was reached
        if (peak < n) {
          peak = n;
        }
        return false;
      }
      if (IN_FLIGHT.compareAndSet(this, n, n + 1)) {
        if (peak <= n) {
          peak = n + 1;
        }
        return true;
      }
    }
  }

  @Override
  public void free(int outcome, long startNanos, long now) {
    IN_FLIGHT.decrementAndGet(this);
    GradientLimit g = gradient;
    if (g == null || startNanos - limitSince < 0) {
      return;
    }
    boolean overloaded = isOverload(outcome);
    if (!overloaded && !isWorthTiming(outcome)) {
      return;
    }
    counts.incrementAndGet(overloaded ? OVERLOADED_BUCKET : bucket(now - startNanos));
    long end = windowEnd;
    if (end != CLAIMED && now - origin - end >= 0 && WINDOW_END.compareAndSet(this, end, CLAIMED)) {
      closeWindow(g, now);
    }
  }

  /** Whether the call timed out or was turned away for lack of capacity. */
  static boolean isOverload(int outcome) {
    if (Outcome.hasFailure(outcome)) {
      Failure failure = Outcome.failure(outcome);
      return failure == Failure.TIMEOUT || failure == Failure.SHED;
    }
    int code = Outcome.code(outcome);
    switch (Outcome.protocol(outcome)) {
      case Outcome.HTTP:
        return code == 429 || code == 503 || code == 504;
      case Outcome.GRPC:
        return code == GrpcCodes.DEADLINE_EXCEEDED
            || code == GrpcCodes.RESOURCE_EXHAUSTED
            || code == GrpcCodes.UNAVAILABLE;
      default:
        return false;
    }
  }

  /**
   * Whether the latency of a call says something about capacity: it does if the call got an answer.
   * It does not for a call that was cancelled, was never made, or failed in another way. Not for
   * overload outcomes: see {@link #isOverload}.
   */
  static boolean isWorthTiming(int outcome) {
    if (Outcome.hasFailure(outcome)) {
      return false;
    }
    int code = Outcome.code(outcome);
    switch (Outcome.protocol(outcome)) {
      case Outcome.HTTP:
        return code < 500;
      case Outcome.NO_ANSWER:
        return false;
      default:
        return code == 0; // gRPC's OK, or a call of no protocol that was handled
    }
  }

  /**
   * Ends a window that this thread has claimed and sets the next limit. A window with too few calls
   * goes on.
   */
  private void closeWindow(GradientLimit g, long now) {
    AtomicIntegerArray c = counts;
    int overloaded = c.get(OVERLOADED_BUCKET) - before[OVERLOADED_BUCKET];
    int answered = 0;
    for (int i = 1; i < BUCKETS; i++) {
      answered += c.get(i) - before[i];
    }
    long window = WINDOW_NANOS;
    if (answered + overloaded >= GradientLimit.MIN_CALLS) {
      long median = median(answered);
      int next = g.next(median, answered, overloaded, peak, now);
      for (int i = 0; i < BUCKETS; i++) {
        before[i] = c.get(i);
      }
      peak = inFlight;
      if (g == gradient && next != limit) {
        limitSince = now;
        limit = next;
        GradientLimit edited = gradient;
        if (edited != g) {
          // The rule was edited meanwhile, and its limit written before or after ours: write again.
          limit = edited == null ? maxConcurrent : edited.limit();
        }
      }
      if (g == gradient) {
        // long enough to see slow calls, too, not only the quick ones
        window = Math.max(window, Math.min(3 * median, MAX_WINDOW_NANOS));
      }
    }
    windowEnd = now - origin + window;
  }

  /** The median latency of the window. Assumes that calls are spread evenly within a bucket. */
  private long median(int answered) {
    long half = (answered + 1L) / 2;
    for (int i = 1; i < BUCKETS && answered > 0; i++) {
      int n = counts.get(i) - before[i];
      if (n >= half) {
        return lowerBound(i) + (long) ((lowerBound(i + 1) - lowerBound(i)) * ((half - 0.5) / n));
      }
      half -= n;
    }
    return 0;
  }

  /**
   * The bucket of a latency; never {@link #OVERLOADED_BUCKET}. Sixteen units are added first, so
   * that short latencies, too, are in an octave (power of two) with sixteen buckets.
   */
  static int bucket(long nanos) {
    long v = Math.max(nanos, 0) + ((1L << SUB_BUCKET_BITS) << UNIT_BITS) >> UNIT_BITS;
    int octave = 63 - Long.numberOfLeadingZeros(v) - SUB_BUCKET_BITS;
    return Math.min(
        1 + (octave << SUB_BUCKET_BITS) + (int) (v >> octave) - (1 << SUB_BUCKET_BITS),
        BUCKETS - 1);
  }

  /** The lowest latency in a bucket, in nanos. */
  static long lowerBound(int bucket) {
    int octave = bucket - 1 >> SUB_BUCKET_BITS;
    long v = (long) ((bucket - 1 & (1 << SUB_BUCKET_BITS) - 1) + (1 << SUB_BUCKET_BITS)) << octave;
    return (v << UNIT_BITS) - ((1L << SUB_BUCKET_BITS) << UNIT_BITS);
  }
}
