package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * The last {@code size} outcomes.
 *
 * <p>How it works: a ring with four bits per call, 16 calls to a word; a cursor that only grows;
 * and running totals. The bits say: failed, slow, failure not shared with the fleet; the fourth is
 * unused. Recording takes three steps:
 *
 * <ol>
 *   <li>increment the cursor, which claims a position;
 *   <li>exchange the bits at that position by a compare-and-set on their word, which yields the old
 *       bits;
 *   <li>add the difference of new and old bits to the totals.
 * </ol>
 *
 * <p>At each position every value enters once and leaves once. So the totals equal the bits in the
 * ring whenever no thread is between the second and the third step, however late a thread writes.
 * When a success replaces a success, as it usually does, the increment is the only atomic write.
 */
final class CountBasedWindow extends SlidingWindow {
  private static final AtomicLongFieldUpdater<CountBasedWindow> CURSOR =
      AtomicLongFieldUpdater.newUpdater(CountBasedWindow.class, "cursor");
  private static final AtomicLongFieldUpdater<CountBasedWindow> TOTALS =
      AtomicLongFieldUpdater.newUpdater(CountBasedWindow.class, "totals");

  /** Mask of the used bits of one call. */
  private static final long OUTCOME = 7;

  /** Bits of one counter in the totals. A window has at most ten thousand calls. */
  private static final int FIELD = 21;

  private static final long HALF = 1L << (FIELD - 1);

  private final int size;

  /** Factor that replaces the division by {@link #size}: see {@link #index}. */
  private final long inverse;

  private final int shift;
  private final AtomicLongArray ring;
  private volatile long cursor;

  /** Three counters of 21 bits. From the lowest: failures, slow calls, failures not shared. */
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
    int index = index(at);
    long bits = outcome;
    int word = index >>> 4;
    int shift = (index & 15) << 2;
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
      addCheckpoints(outcome, now, judge);
    }
    // read after the totals, not "at": of concurrent calls the last one must see all of them
    long calls = Math.min(cursor, size);
    long failures = failuresOf(t);
    long slow = slowOf(t);
    return judge.trips(calls, failures, slow) && spansMinSeconds(calls, failures, slow, now, judge);
  }

  /** The three bits of an outcome, each moved to the lowest bit of its counter in the totals. */
  private static long spread(long bits) {
    return (bits & 1L) | (bits & 2L) << (FIELD - 1) | (bits & 4L) << (2 * FIELD - 2);
  }

  /**
   * The index in the ring of position {@code at}: its low 31 bits modulo the size. Once in two
   * billion calls the order in the ring jumps.
   *
   * <p>Division by multiplication (Granlund and Montgomery 1994): the quotient of a number below
   * 2^31 is exact when the number is multiplied by 2^(31+L) / size, rounded up, and shifted right
   * by 31+L. L is the number of bits of size - 1. The product stays below 2^63.
   */
  int index(long at) {
    long n = at & Integer.MAX_VALUE;
    return (int) (n - ((n * inverse) >>> shift) * size);
  }

  private static long failuresOf(long totals) {
    return totals << (64 - FIELD) >> (64 - FIELD);
  }

  /**
   * A counter is negative for a moment when a removal overtakes its addition. It has then borrowed
   * from the counter above. Adding half of the counter's range first undoes that.
   */
  private static long slowOf(long totals) {
    return (totals + HALF) << (64 - 2 * FIELD) >> (64 - FIELD);
  }

  private static long notSharedOf(long totals) {
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
  long notShared(long now) {
    return notSharedOf(totals);
  }

  @Override
  long decidesBelow() {
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
      int index = index(at);
      w.record((int) (ring.get(index >>> 4) >>> ((index & 15) << 2) & OUTCOME), now, NEVER);
    }
    return w;
  }

  /** Opens nothing: for outcomes that are copied. */
  private static final Judge NEVER =
      new Judge() {
        @Override
        public boolean trips(long calls, long failures, long slow) {
          return false;
        }
      };
}
