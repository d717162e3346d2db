package io.weir.engine.breaker;

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
final class FailureTrail {
  /** Checkpoints in {@code min_seconds}: evidence may begin so much of it late. */
  static final int STEPS = 8;

  private static final int SLOTS = 4 * STEPS;
  private static final int NUMBER = 0;
  private static final int TIME = 1;
  private static final int CALLS = 2;
  private static final int FAILURES = 3;
  private static final int WORDS = 4;
  private static final long WRITING = Long.MIN_VALUE;

  private static final AtomicLongFieldUpdater<FailureTrail> LAST =
      AtomicLongFieldUpdater.newUpdater(FailureTrail.class, "last");
  private static final AtomicLongFieldUpdater<FailureTrail> HEAD =
      AtomicLongFieldUpdater.newUpdater(FailureTrail.class, "head");
  private static final AtomicLongFieldUpdater<FailureTrail> FAILED =
      AtomicLongFieldUpdater.newUpdater(FailureTrail.class, "failed");

  private final AtomicLongArray slots = new AtomicLongArray(SLOTS * WORDS);

  /** Checkpoints claimed so far. */
  private volatile long head;

  /** Time of the newest checkpoint. */
  private volatile long last;

  /** Failures so far. */
  private volatile long failed;

  /** When the last one was. */
  private volatile long failedAt;

  FailureTrail(long now) {
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
    if (age >= 0 && age < minNanos / STEPS || !LAST.compareAndSet(this, newest, now)) {
      return; // a clock that stepped back leaves a checkpoint, too
    }
    long number = HEAD.getAndIncrement(this);
    int at = at(number);
    if (slots.compareAndSet(at + NUMBER, number - SLOTS, WRITING)) {
      slots.set(at + TIME, now);
      slots.set(at + CALLS, calls);
      slots.set(at + FAILURES, before);
      slots.set(at + NUMBER, number);
    }
  }

  /**
   * Whether failures span {@code minNanos} and are too many.
   *
   * @param calls calls so far
   * @param atLeast with fewer calls than these since the evidence began, the window's own numbers
   *     decide, and the answer is true
   * @param oldestNanos evidence must not have begun longer ago; {@link Long#MAX_VALUE}: any time
   * @param slow whether this trail is about slow calls
   */
  boolean spans(
      long calls,
      long now,
      long minNanos,
      long atLeast,
      long oldestNanos,
      boolean slow,
      Window.Judge judge) {
    long newest = head - 1;
    long failures = failed;
    long latest = failedAt;
    for (long number = newest; number >= 0 && number > newest - SLOTS; number--) {
      int at = at(number);
      if (slots.get(at + NUMBER) != number) {
        continue;
      }
      long time = slots.get(at + TIME);
      if (latest - time < minNanos) {
        continue;
      }
      long n = calls - slots.get(at + CALLS);
      long f = failures - slots.get(at + FAILURES);
      if (slots.get(at + NUMBER) != number || now - time > oldestNanos) {
        return false;
      }
      return n < atLeast || judge.trips(n, slow ? 0 : f, slow ? f : 0);
    }
    return false;
  }

  private static int at(long number) {
    return (int) (number % SLOTS) * WORDS;
  }
}
