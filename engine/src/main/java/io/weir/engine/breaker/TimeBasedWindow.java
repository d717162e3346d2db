package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The outcomes of the last {@code seconds}, in one-second slots.
 *
 * <p>How it works: the slot of second {@code t} is at index {@code t mod seconds}. A slot carries
 * the number of its second and is never reset. The first call of a new second replaces the slot by
 * a compare-and-set. So two threads cannot erase each other's counts, and a late thread that still
 * holds the old slot writes to garbage. The only allocation is one slot per second of traffic.
 *
 * <p>When the clock steps back, a call is counted in the slot of its own, earlier second. A slot of
 * any other second at that index is replaced. Sums include slots that are newer than the clock by
 * less than {@code seconds}.
 */
final class TimeBasedWindow extends SlidingWindow {
  private static final long SLOT_NANOS = 1_000_000_000L;

  // what sum() adds up
  private static final int CALLS = 0;
  private static final int FAILURES = 1;
  private static final int SLOWS = 2;
  private static final int FAILURES_NOT_SHARED = 3;

  private static final AtomicLongFieldUpdater<Slot> COUNTS =
      AtomicLongFieldUpdater.newUpdater(Slot.class, "counts");
  private static final AtomicIntegerFieldUpdater<Slot> SLOW_CALLS =
      AtomicIntegerFieldUpdater.newUpdater(Slot.class, "slow");
  private static final AtomicIntegerFieldUpdater<Slot> NOT_SHARED_FAILURES =
      AtomicIntegerFieldUpdater.newUpdater(Slot.class, "notShared");
  private static final AtomicLongFieldUpdater<TimeBasedWindow> REPLACED =
      AtomicLongFieldUpdater.newUpdater(TimeBasedWindow.class, "replaced");

  /** One second's outcomes. */
  private static final class Slot {
    final long slotNumber;

    /** Failures in the low 32 bits, calls in the high 32 bits. */
    volatile long counts;

    volatile int slow;

    /** Failures that count for this instance only, not for the breaker that the fleet shares. */
    volatile int notShared;

    Slot(long slotNumber) {
      this.slotNumber = slotNumber;
    }
  }

  private final int seconds;
  private final long origin;
  private final AtomicReferenceArray<Slot> slots;

  /**
   * Calls in slots that have been replaced: {@link #total} has them, too, because {@link
   * TargetHealth} subtracts totals that are ten seconds apart. 0 when reshaped.
   */
  private volatile long replaced;

  /** The last result of {@link #total}. */
  private volatile long lastTotal;

  TimeBasedWindow(int seconds, long now) {
    this.seconds = seconds;
    this.origin = now;
    this.slots = new AtomicReferenceArray<Slot>(seconds);
  }

  private long slotNumber(long now) {
    return Math.floorDiv(now - origin, SLOT_NANOS);
  }

  private Slot slot(long slotNumber) {
    int i = (int) Math.floorMod(slotNumber, (long) seconds);
    while (true) {
      Slot s = slots.get(i);
      if (s != null && s.slotNumber == slotNumber) {
        return s;
      }
      Slot fresh = new Slot(slotNumber);
      if (slots.compareAndSet(i, s, fresh)) {
        if (s != null) {
          REPLACED.addAndGet(this, s.counts >>> 32);
        }
        return fresh;
      }
    }
  }

  @Override
  boolean record(int outcome, long now, Judge judge) {
    long slotNumber = slotNumber(now);
    Slot slot = slot(slotNumber);
    COUNTS.addAndGet(
        slot, (1L << 32) + (outcome & FAILED)); // FAILED is 1: one call, 0 or 1 failure
    if (outcome != 0) {
      if ((outcome & SLOW) != 0) {
        SLOW_CALLS.incrementAndGet(slot);
      }
      if ((outcome & NOT_SHARED) != 0) {
        NOT_SHARED_FAILURES.incrementAndGet(slot);
      }
      addCheckpoints(outcome, now, judge);
    }
    long calls = 0;
    long failures = 0;
    long slows = 0;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      if (s != null && isInside(s, slotNumber)) {
        long c = s.counts;
        calls += c >>> 32;
        failures += c & 0xFFFF_FFFFL;
        slows += s.slow;
      }
    }
    return judge.trips(calls, failures, slows)
        && spansMinSeconds(calls, failures, slows, now, judge);
  }

  private boolean isInside(Slot s, long slotNumber) {
    long age = slotNumber - s.slotNumber;
    return age < seconds && age > -seconds;
  }

  @Override
  long total() {
    long sum = replaced;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      sum += s == null ? 0 : s.counts >>> 32;
    }
    // while a slot is being replaced, its calls are missing: a total must not fall
    long before = lastTotal;
    if (sum > before) {
      lastTotal = sum;
    }
    return Math.max(sum, before);
  }

  /**
   * No limit: the counts of this window always decide. The rule's parser sees to it that the window
   * is not shorter than {@code min_seconds}.
   */
  @Override
  long decidesBelow() {
    return Long.MAX_VALUE;
  }

  /**
   * Evidence begins at a checkpoint, which is older than {@code min_seconds} by the distance of two
   * checkpoints: an eighth of it, more when failures are rare. A window that is hardly longer than
   * {@code min_seconds} must not reject such evidence, so it gets half of that time on top.
   */
  @Override
  long oldestNanos(long minNanos) {
    return Math.max(seconds * SLOT_NANOS, minNanos + minNanos / 2);
  }

  @Override
  long calls(long now) {
    return sum(now, CALLS);
  }

  @Override
  long failures(long now) {
    return sum(now, FAILURES);
  }

  @Override
  long slow(long now) {
    return sum(now, SLOWS);
  }

  @Override
  long notShared(long now) {
    return sum(now, FAILURES_NOT_SHARED);
  }

  private long sum(long now, int what) {
    long slotNumber = slotNumber(now);
    long sum = 0;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      if (s != null && isInside(s, slotNumber)) {
        sum += count(s, what);
      }
    }
    return sum;
  }

  private static long count(Slot s, int what) {
    switch (what) {
      case CALLS:
        return s.counts >>> 32;
      case FAILURES:
        return s.counts & 0xFFFF_FFFFL;
      case SLOWS:
        return s.slow;
      default:
        return s.notShared;
    }
  }

  @Override
  SlidingWindow reshaped(CircuitBreakerRule rule, long now) {
    if (rule.countWindow) {
      return new CountBasedWindow(rule.windowSize);
    }
    if (rule.windowSeconds == seconds) {
      return this;
    }
    TimeBasedWindow w = new TimeBasedWindow(rule.windowSeconds, origin);
    long slotNumber = slotNumber(now);
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      long age = s == null ? seconds : slotNumber - s.slotNumber;
      if (s != null
          && isInside(s, slotNumber)
          && age < rule.windowSeconds
          && age > -rule.windowSeconds) {
        Slot copy = new Slot(s.slotNumber);
        copy.counts = s.counts;
        copy.slow = s.slow;
        copy.notShared = s.notShared;
        w.slots.set((int) Math.floorMod(s.slotNumber, (long) rule.windowSeconds), copy);
      }
    }
    return w;
  }
}
