package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The outcomes of the last {@code seconds}, in one-second slots that slide.
 *
 * <p>How it works: slot number {@code t} stands at {@code t mod seconds}. A slot carries its own
 * number and is never reset: the first call of a new second replaces the object by CAS, so two
 * threads cannot wipe each other's counts, and a late thread still holding the old object writes to
 * garbage that no sum reads. One small object per second of traffic is all that is ever allocated.
 * A clock that steps back counts into the newer slot that is there (nothing is thrown away); one
 * that steps back by more than the window starts over at that slot.
 */
final class TimeBasedWindow extends SlidingWindow {
  private static final long SLOT_NANOS = 1_000_000_000L;
  private static final AtomicLongFieldUpdater<Slot> COUNTS =
      AtomicLongFieldUpdater.newUpdater(Slot.class, "counts");
  private static final AtomicIntegerFieldUpdater<Slot> SLOW_CALLS =
      AtomicIntegerFieldUpdater.newUpdater(Slot.class, "slow");
  private static final AtomicIntegerFieldUpdater<Slot> OWN_FAILURES =
      AtomicIntegerFieldUpdater.newUpdater(Slot.class, "own");
  private static final AtomicLongFieldUpdater<TimeBasedWindow> GONE =
      AtomicLongFieldUpdater.newUpdater(TimeBasedWindow.class, "gone");

  /** One second's outcomes. */
  private static final class Slot {
    final long number;

    /** Failures in the low, calls in the high half. */
    volatile long counts;

    volatile int slow;

    /** Failures that are no evidence for the fleet. */
    volatile int own;

    Slot(long number) {
      this.number = number;
    }
  }

  private final int seconds;
  private final long origin;
  private final AtomicReferenceArray<Slot> slots;

  /** Calls in slots that have been replaced. */
  private volatile long gone;

  TimeBasedWindow(int seconds, long now) {
    this.seconds = seconds;
    this.origin = now;
    this.slots = new AtomicReferenceArray<Slot>(seconds);
  }

  private long number(long now) {
    return Math.floorDiv(now - origin, SLOT_NANOS);
  }

  private Slot slot(long number) {
    int i = (int) Math.floorMod(number, (long) seconds);
    while (true) {
      Slot s = slots.get(i);
      if (s != null && s.number >= number && s.number - number < seconds) {
        return s;
      }
      Slot fresh = new Slot(number);
      if (slots.compareAndSet(i, s, fresh)) {
        if (s != null) {
          GONE.addAndGet(this, s.counts >>> 32);
        }
        return fresh;
      }
    }
  }

  @Override
  boolean record(int outcome, long now, Judge judge) {
    long number = number(now);
    Slot mine = slot(number);
    COUNTS.addAndGet(mine, (1L << 32) + (outcome & FAILED));
    if (outcome != 0) {
      if ((outcome & SLOW) != 0) {
        SLOW_CALLS.incrementAndGet(mine);
      }
      if ((outcome & OWN) != 0) {
        OWN_FAILURES.incrementAndGet(mine);
      }
      mark(outcome, now, judge);
    }
    long calls = 0;
    long failures = 0;
    long slows = 0;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      if (s != null && inside(s, number)) {
        long c = s.counts;
        calls += c >>> 32;
        failures += c & 0xFFFF_FFFFL;
        slows += s.slow;
      }
    }
    return judge.trips(calls, failures, slows) && lasted(calls, failures, slows, now, judge);
  }

  private boolean inside(Slot s, long number) {
    long age = number - s.number;
    return age < seconds && age > -seconds;
  }

  @Override
  long total() {
    long sum = gone;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      sum += s == null ? 0 : s.counts >>> 32;
    }
    return sum;
  }

  /** The window's own numbers decide: it is never shorter than {@code min_seconds}. */
  @Override
  long atLeast() {
    return Long.MAX_VALUE;
  }

  @Override
  long oldestNanos(long minNanos) {
    return Math.max(seconds * SLOT_NANOS, minNanos + minNanos / 2);
  }

  @Override
  long calls(long now) {
    return sum(now, 0);
  }

  @Override
  long failures(long now) {
    return sum(now, 1);
  }

  @Override
  long slow(long now) {
    return sum(now, 2);
  }

  @Override
  long own(long now) {
    return sum(now, 3);
  }

  private long sum(long now, int what) {
    long number = number(now);
    long sum = 0;
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      if (s != null && inside(s, number)) {
        sum +=
            what == 0
                ? s.counts >>> 32
                : what == 1 ? s.counts & 0xFFFF_FFFFL : what == 2 ? s.slow : s.own;
      }
    }
    return sum;
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
    long number = number(now);
    for (int i = 0; i < seconds; i++) {
      Slot s = slots.get(i);
      if (s != null && inside(s, number) && number - s.number < rule.windowSeconds) {
        Slot copy = new Slot(s.number);
        copy.counts = s.counts;
        copy.slow = s.slow;
        copy.own = s.own;
        w.slots.set((int) Math.floorMod(s.number, (long) rule.windowSeconds), copy);
      }
    }
    return w;
  }
}
