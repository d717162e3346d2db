package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * The last {@code size} outcomes.
 *
 * <p>How it works: a ring of four bits per call (failed, slow, no evidence for the fleet; one is
 * spare), 16 calls to a word, a cursor that only grows, and running totals. Recording takes three
 * steps: claim a position by incrementing the cursor; exchange the bits at that position by CAS on
 * their word, which yields the bits that were there; add the difference to the totals. The
 * exchanges of one position form a chain in which every value enters once and leaves once, so the
 * totals telescope to exactly the bits in the ring whenever nobody is between the second and the
 * third step, however late a thread writes. In the usual case, a success over an old success, the
 * exchange finds nothing to change and the increment is the only atomic write.
 */
final class CountBasedWindow extends SlidingWindow {
  private static final AtomicLongFieldUpdater<CountBasedWindow> CURSOR =
      AtomicLongFieldUpdater.newUpdater(CountBasedWindow.class, "cursor");
  private static final AtomicLongFieldUpdater<CountBasedWindow> TOTALS =
      AtomicLongFieldUpdater.newUpdater(CountBasedWindow.class, "totals");

  /** Bits of one call. */
  private static final long OUTCOME = 7;

  /** Bits of one counter in the totals; a window has ten thousand calls at most. */
  private static final int FIELD = 21;

  private static final long HALF = 1L << (FIELD - 1);

  private final int size;

  /** A position's place in the ring without a division: see {@link #place}. */
  private final long inverse;

  private final int shift;
  private final AtomicLongArray ring;
  private volatile long cursor;

  /** Failures in the lowest 21 bits, above them slow calls, above them own failures. */
  private volatile long totals;

  CountBasedWindow(int size) {
    this.size = size;
    this.shift = 31 + (32 - Integer.numberOfLeadingZeros(size - 1));
    this.inverse = ((1L << shift) + size - 1) / size;
    this.ring = new AtomicLongArray((size + 15) / 16);
  }

  @Override
  boolean record(int outcome, long now, Judge judge) {
    long at = CURSOR.getAndIncrement(this);
    int place = place(at);
    long bits = outcome;
    int word = place >>> 4;
    int shift = (place & 15) << 2;
    long before;
    while (true) {
      long w = ring.get(word);
      before = (w >>> shift) & OUTCOME;
      if (before == bits || ring.compareAndSet(word, w, w ^ ((before ^ bits) << shift))) {
        break;
      }
    }
    long t = before == bits ? totals : TOTALS.addAndGet(this, spread(bits) - spread(before));
    if (outcome != 0) {
      mark(outcome, now, judge);
    }
    long calls = Math.min(at + 1, size);
    long failures = failuresOf(t);
    long slow = slowOf(t);
    return judge.trips(calls, failures, slow) && lasted(calls, failures, slow, now, judge);
  }

  /** An outcome's bits, each in the lowest place of its counter. */
  private static long spread(long bits) {
    return (bits & 1L) | (bits & 2L) << (FIELD - 1) | (bits & 4L) << (2 * FIELD - 2);
  }

  /**
   * {@code at} modulo the size, by 31 bits; once in two billion calls the order in the ring jumps.
   * The quotient of a number below 2^31 is exact when it is multiplied by 2^(31+L) / size, rounded
   * up, L being the bits of the size, and shifted back (Granlund and Montgomery 1994); the product
   * stays below 2^63.
   */
  int place(long at) {
    long n = at & Integer.MAX_VALUE;
    return (int) (n - ((n * inverse) >>> shift) * size);
  }

  private static long failuresOf(long totals) {
    return totals << (64 - FIELD) >> (64 - FIELD);
  }

  /**
   * A negative field (a removal overtaking its addition) has borrowed from the one above; adding
   * half a unit first pays that back.
   */
  private static long slowOf(long totals) {
    return (totals + HALF) << (64 - 2 * FIELD) >> (64 - FIELD);
  }

  private static long ownOf(long totals) {
    return (totals + HALF + (HALF << FIELD)) >> (2 * FIELD);
  }

  @Override
  long total() {
    return cursor;
  }

  @Override
  long calls(long now) {
    return Math.min(cursor, size);
  }

  @Override
  long failures(long now) {
    return failuresOf(totals);
  }

  @Override
  long own(long now) {
    return ownOf(totals);
  }

  @Override
  long atLeast() {
    return size;
  }

  @Override
  long oldestNanos(long minNanos) {
    return Long.MAX_VALUE;
  }

  @Override
  long slow(long now) {
    return slowOf(totals);
  }

  @Override
  SlidingWindow reshaped(CircuitBreakerRule rule, long now) {
    if (!rule.countWindow) {
      return new TimeBasedWindow(rule.windowSeconds, now);
    }
    if (rule.windowSize == size) {
      return this;
    }
    CountBasedWindow w = new CountBasedWindow(rule.windowSize);
    long end = cursor;
    long keep = Math.min(end, Math.min(size, rule.windowSize));
    for (long at = end - keep; at < end; at++) {
      int place = place(at);
      w.record((int) (ring.get(place >>> 4) >>> ((place & 15) << 2) & OUTCOME), now, NEVER);
    }
    return w;
  }

  private static final Judge NEVER =
      new Judge() {
        @Override
        public boolean trips(long calls, long failures, long slow) {
          return false;
        }
      };
}
