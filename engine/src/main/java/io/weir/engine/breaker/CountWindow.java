package io.weir.engine.breaker;

import io.weir.engine.rules.BreakerRule;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * The last {@code size} outcomes.
 *
 * <p>How it works: a ring of two bits per call (failed, slow), 32 calls to a word, a cursor that
 * only grows, and running totals. Recording takes three steps: claim a position by incrementing the
 * cursor; exchange the two bits at that position by CAS on their word, which yields the bits that
 * were there; add the difference to the totals. The exchanges of one position form a chain in which
 * every value enters once and leaves once, so the totals telescope to exactly the bits in the ring
 * whenever nobody is between the second and the third step, however late a thread writes. In the
 * usual case, a success over an old success, the exchange finds nothing to change and the increment
 * is the only atomic write.
 */
final class CountWindow extends Window {
  private static final AtomicLongFieldUpdater<CountWindow> CURSOR =
      AtomicLongFieldUpdater.newUpdater(CountWindow.class, "cursor");
  private static final AtomicLongFieldUpdater<CountWindow> TOTALS =
      AtomicLongFieldUpdater.newUpdater(CountWindow.class, "totals");

  private final int size;

  /** A position's place in the ring without a division: see {@link #place}. */
  private final long inverse;

  private final int shift;
  private final AtomicLongArray ring;
  private volatile long cursor;

  /** Failures in the low, slow calls in the high half. */
  private volatile long totals;

  CountWindow(int size) {
    this.size = size;
    this.shift = 31 + (32 - Integer.numberOfLeadingZeros(size - 1));
    this.inverse = ((1L << shift) + size - 1) / size;
    this.ring = new AtomicLongArray((size + 31) / 32);
  }

  @Override
  boolean record(boolean failed, boolean slow, long now, Judge judge) {
    long at = CURSOR.getAndIncrement(this);
    int place = place(at);
    long bits = (failed ? 1L : 0L) | (slow ? 2L : 0L);
    int word = place >>> 5;
    int shift = (place & 31) << 1;
    long before;
    while (true) {
      long w = ring.get(word);
      before = (w >>> shift) & 3L;
      if (before == bits || ring.compareAndSet(word, w, w ^ ((before ^ bits) << shift))) {
        break;
      }
    }
    long t;
    if (before == bits) {
      t = totals;
    } else {
      long d = ((bits & 1L) - (before & 1L)) + (((bits >>> 1) - (before >>> 1)) << 32);
      t = TOTALS.addAndGet(this, d);
    }
    return judge.trips(Math.min(at + 1, size), (int) t, slowOf(t));
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

  /** A negative low half (a removal overtaking its addition) has borrowed from the high one. */
  private static long slowOf(long totals) {
    return (totals - (int) totals) >> 32;
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
    return (int) totals;
  }

  @Override
  long slow(long now) {
    return slowOf(totals);
  }

  @Override
  Window reshaped(BreakerRule rule, long now) {
    if (!rule.countWindow) {
      return new TimeWindow(rule.windowSeconds, now);
    }
    if (rule.windowSize == size) {
      return this;
    }
    CountWindow w = new CountWindow(rule.windowSize);
    long end = cursor;
    long keep = Math.min(end, Math.min(size, rule.windowSize));
    for (long at = end - keep; at < end; at++) {
      int place = place(at);
      long bits = (ring.get(place >>> 5) >>> ((place & 31) << 1)) & 3L;
      w.record((bits & 1L) != 0, (bits & 2L) != 0, now, NEVER);
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
