package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * Tells how long calls have been failing, and how many calls there were meanwhile, so that a burst
 * within milliseconds opens no breaker.
 *
 * <p>How it works: a failure leaves a checkpoint (its time, the calls and the failures before it),
 * at most {@link #STEPS} in {@code min_seconds}. The newest checkpoint that is at least {@code
 * min_seconds} older than the last failure is the beginning of the evidence: the counters say what
 * came since. Without such a checkpoint all failures lie closer together, and nothing opens.
 * Successes touch nothing of this.
 *
 * <p>Threading: any thread, no lock, no allocation. A checkpoint is claimed by one CAS on the time
 * of the newest, and its slot by one CAS on the slot's number. A reader that finds another number
 * after reading than before has no evidence; the next failure asks again.
 */
final class FailureSpan {
  /** Checkpoints in {@code min_seconds}: evidence may begin so much of it late. */
  static final int STEPS = 8;

  private static final int SLOTS = 4 * STEPS;
  private static final int NUMBER = 0;
  private static final int TIME = 1;
  private static final int CALLS = 2;
  private static final int FAILURES = 3;
  private static final int WORDS = 4;
  private static final long WRITING = Long.MIN_VALUE;

  /** Fewer failures that come late are threads that were delayed. */
  private static final int STEPPED_BACK = 64;

  private static final AtomicLongFieldUpdater<FailureSpan> LAST =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "last");
  private static final AtomicLongFieldUpdater<FailureSpan> HEAD =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "head");
  private static final AtomicLongFieldUpdater<FailureSpan> FAILED =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "failed");

  private static final AtomicIntegerFieldUpdater<FailureSpan> BEHIND =
      AtomicIntegerFieldUpdater.newUpdater(FailureSpan.class, "behind");

  private final AtomicLongArray slots = new AtomicLongArray(SLOTS * WORDS);

  /** Checkpoints claimed so far. */
  private volatile long head;

  /** Time of the newest checkpoint. */
  private volatile long last;

  /** Failures so far. */
  private volatile long failed;

  /** Failures in a row, or nearly, that were older than the newest checkpoint. */
  private volatile int behind;

  /** When the last one was. */
  private volatile long failedAt;

  FailureSpan(long now) {
    last = now - Long.MAX_VALUE / 2; // long ago: the first failure leaves a checkpoint
    for (int i = 0; i < SLOTS; i++) {
      slots.set(i * WORDS, i - SLOTS);
    }
  }

  /**
   * A call failed.
   *
   * @param calls calls before it
   */
  void failed(long calls, long now, long minNanos) {
    failedAt = now;
    long before = FAILED.getAndIncrement(this);
    long newest = last;
    long age = now - newest;
    if (age < 0) {
      // one that was delayed on its way here; so many in a row are a clock that stepped back
      if (BEHIND.incrementAndGet(this) < STEPPED_BACK) {
        return;
      }
    } else if (age < minNanos / STEPS) {
      return;
    }
    if (!LAST.compareAndSet(this, newest, now)) {
      return;
    }
    behind = 0;
    long number = HEAD.getAndIncrement(this);
    int at = at(number);
    long old = slots.get(at + NUMBER);
    // a thread that was delayed leaves the slot to whoever came later
    if (old != WRITING && old < number && slots.compareAndSet(at + NUMBER, old, WRITING)) {
      slots.set(at + TIME, now);
      slots.set(at + CALLS, calls);
      slots.set(at + FAILURES, before);
      slots.set(at + NUMBER, number);
    }
  }

  /**
   * Whether failures span {@code min_seconds} and are too many. True as well where the window has
   * more calls than came since the evidence began: then its own numbers decide.
   *
   * @param slow whether this trail is about slow calls
   */
  boolean spans(SlidingWindow window, long now, boolean slow, SlidingWindow.Judge judge) {
    long min = judge.minNanos();
    // calls last: a thread that is delayed here sees too many of them, not too many failures
    long failures = failed;
    long latest = failedAt;
    long calls = window.total();
    long newest = head - 1;
    for (long number = newest; number >= 0 && number > newest - SLOTS; number--) {
      int at = at(number);
      if (slots.get(at + NUMBER) != number) {
        continue;
      }
      long time = slots.get(at + TIME);
      if (latest - time < min) {
        continue;
      }
      long n = calls - slots.get(at + CALLS);
      long f = failures - slots.get(at + FAILURES);
      if (slots.get(at + NUMBER) != number || now - time > window.oldestNanos(min)) {
        return false;
      }
      return n < window.atLeast() || judge.trips(n, slow ? 0 : f, slow ? f : 0);
    }
    return false;
  }

  private static int at(long number) {
    return (int) (number % SLOTS) * WORDS;
  }
}
