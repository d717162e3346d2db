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
 * How many calls are under way, and how many may be.
 *
 * <p>A call that comes takes a place by one compare-and-set, which never makes more than the limit;
 * one that is refused writes nothing. The place is freed by one decrement when the call's ledger
 * ends, which it does once, whatever becomes of it. Every edition of a rule shares this object, so
 * an edit changes the limit and loses or frees no place: with fewer places than calls under way
 * nobody gets in until enough have ended.
 *
 * <p>An adaptive limit also counts what calls took, one more increment, in a histogram of six
 * percent wide buckets. Nothing runs in the background: the call that ends when a window is over
 * claims it by a compare-and-set and has {@link GradientLimit} compute the next limit. Only calls
 * that began after the limit's last change are counted, so a window shows what the limit in force
 * does; a limit that heeds what an earlier one has caused swings, and its baseline creeps up (as
 * Envoy's did, #11579).
 *
 * <p>Threads: any; {@link #edited} one at a time.
 */
final class ConcurrencyLimit implements CallLedger.Slot {
  private static final AtomicIntegerFieldUpdater<ConcurrencyLimit> IN_FLIGHT =
      AtomicIntegerFieldUpdater.newUpdater(ConcurrencyLimit.class, "inFlight");
  private static final AtomicLongFieldUpdater<ConcurrencyLimit> DUE =
      AtomicLongFieldUpdater.newUpdater(ConcurrencyLimit.class, "due");

  /** Buckets to an octave, as a power of two; a bucket's unit is 1024 ns. */
  private static final int FINE = 4;

  private static final int UNIT = 10;
  private static final int OVERLOADED = 0;
  private static final int BUCKETS = (64 - UNIT - FINE) << FINE;
  private static final long WINDOW_NANOS = 100_000_000L;
  private static final long MAX_WINDOW_NANOS = 5_000_000_000L;
  private static final long CLAIMED = Long.MIN_VALUE;

  private volatile int inFlight;
  private volatile int limit;

  /** As the rule says. */
  private volatile int most;

  // of an adaptive one
  private volatile @Nullable GradientLimit gradient;

  /** Made with the first gradient. */
  @SuppressWarnings("NullAway.Init")
  private volatile AtomicIntegerArray counts;

  private volatile int peak;

  /** Calls that began earlier were not under the limit in force. */
  private volatile long since;

  /** When the window ends, in nanos since {@link #origin}; {@link #CLAIMED} while it is closed. */
  private volatile long due;

  private final long origin;

  /** What had been counted when the window began; of whoever has claimed it. */
  @SuppressWarnings("NullAway.Init")
  private int[] before;

  ConcurrencyLimit(RateLimitRule rule, long now) {
    origin = now;
    edited(rule, now);
  }

  /** A new edition of the rule. */
  void edited(RateLimitRule rule, long now) {
    RateLimitRule.Adaptive a = rule.adaptive;
    most = rule.maxConcurrent;
    if (a == null) {
      // before the limit: see close()
      gradient = null;
      limit = most;
      return;
    }
    if (counts == null) {
      counts = new AtomicIntegerArray(BUCKETS);
      before = new int[BUCKETS];
    }
    GradientLimit old = gradient;
    GradientLimit next = new GradientLimit(a, rule.maxConcurrent, old, now);
    since = now;
    due = now - origin + WINDOW_NANOS;
    gradient = next;
    limit = next.limit();
  }

  int limit() {
    return limit;
  }

  int inFlight() {
    return inFlight;
  }

  /** Takes a place; false when there is none. */
  boolean take() {
    for (; ; ) {
      int n = inFlight;
      if (n >= limit) {
        // what matters to an adaptive limit is that it was reached
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
    if (g == null || startNanos - since < 0) {
      return;
    }
    boolean overloaded = isOverload(outcome);
    if (!overloaded && !isWorthTiming(outcome)) {
      return;
    }
    counts.incrementAndGet(overloaded ? OVERLOADED : bucket(now - startNanos));
    long end = due;
    if (end != CLAIMED && now - origin - end >= 0 && DUE.compareAndSet(this, end, CLAIMED)) {
      close(g, now);
    }
  }

  /** Timed out, or turned away for want of capacity. */
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
   * Of an outcome that is no overload: there was an answer. A call that was cancelled, never made,
   * or failed for reasons of its own tells nothing about capacity.
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
        return code == 0; // OK, or handled
    }
  }

  private void close(GradientLimit g, long now) {
    AtomicIntegerArray c = counts;
    int overloaded = c.get(OVERLOADED) - before[OVERLOADED];
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
        since = now;
        limit = next;
        GradientLimit edited = gradient;
        if (edited != g) {
          // an edit came between; it put its own in force before or after ours
          limit = edited == null ? most : edited.limit();
        }
      }
      // long enough that slow calls are seen as well as quick ones
      window = Math.max(window, Math.min(3 * median, MAX_WINDOW_NANOS));
    }
    due = now - origin + window;
  }

  /** Within the bucket the calls are taken to be spread evenly. */
  private long median(int answered) {
    long half = (answered + 1L) / 2;
    for (int i = 1; i < BUCKETS && answered > 0; i++) {
      int n = counts.get(i) - before[i];
      if (n >= half) {
        return from(i) + (long) ((from(i + 1) - from(i)) * ((half - 0.5) / n));
      }
      half -= n;
    }
    return 0;
  }

  /** The bucket of a time; never the first, which counts something else. */
  static int bucket(long nanos) {
    long v = Math.max(nanos, 0) + ((1L << FINE) << UNIT) >> UNIT;
    int octave = 63 - Long.numberOfLeadingZeros(v) - FINE;
    return Math.min(1 + (octave << FINE) + (int) (v >> octave) - (1 << FINE), BUCKETS - 1);
  }

  /** Where a bucket begins. */
  static long from(int bucket) {
    int octave = bucket - 1 >> FINE;
    long v = (long) ((bucket - 1 & (1 << FINE) - 1) + (1 << FINE)) << octave;
    return (v << UNIT) - ((1L << FINE) << UNIT);
  }
}
