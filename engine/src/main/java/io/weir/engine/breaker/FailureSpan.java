package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * Tells for how long calls have been failing, and how many calls came in that time. So a burst of
 * failures within milliseconds opens no breaker.
 *
 * <p>How it works: a failure adds a checkpoint, at most {@link #STEPS} in {@code min_seconds}. A
 * checkpoint is its time, and the numbers of calls and failures before it. The evidence begins at
 * the newest checkpoint that is at least {@code min_seconds} older than the last failure; the
 * counters minus the checkpoint say what came since. If there is no such checkpoint, all failures
 * are closer together and nothing opens. Successes do not touch this object.
 *
 * <p>Threading: any thread, no lock, no allocation. A thread claims a checkpoint by a
 * compare-and-set on the time of the newest, and a slot by a compare-and-set on the number in the
 * slot. A reader reads the number before and after the values. If it changed, the reader finds no
 * evidence; the next failure tries again.
 */
final class FailureSpan {
  /** Checkpoints in {@code min_seconds}. Evidence may begin late by {@code min_seconds / STEPS}. */
  static final int STEPS = 8;

  /**
   * The ring is longer than {@code min_seconds}, so that old enough checkpoints are still in it.
   */
  private static final int SLOTS = 4 * STEPS;

  private static final int NUMBER = 0;
  private static final int TIME = 1;
  private static final int CALLS = 2;
  private static final int FAILURES = 3;
  private static final int WORDS = 4;

  /** Number of a slot that is being written. */
  private static final long WRITING = Long.MIN_VALUE;

  /**
   * So many failures in a row with a time before the newest checkpoint mean that the clock stepped
   * back. Fewer are delayed threads.
   */
  private static final int STEPPED_BACK = 64;

  private static final AtomicLongFieldUpdater<FailureSpan> NEWEST_TIME =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "newestTime");
  private static final AtomicLongFieldUpdater<FailureSpan> CLAIMED =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "claimed");
  private static final AtomicLongFieldUpdater<FailureSpan> FAILED =
      AtomicLongFieldUpdater.newUpdater(FailureSpan.class, "failed");

  private static final AtomicIntegerFieldUpdater<FailureSpan> LATE =
      AtomicIntegerFieldUpdater.newUpdater(FailureSpan.class, "late");

  private final AtomicLongArray slots = new AtomicLongArray(SLOTS * WORDS);

  /** Checkpoints claimed so far; the next has this number. */
  private volatile long claimed;

  /** Time of the newest checkpoint. */
  private volatile long newestTime;

  /** Failures so far. */
  private volatile long failed;

  /** Failures since the newest checkpoint that came with an earlier time than it has. */
  private volatile int late;

  /** Time of the last failure. */
  private volatile long lastFailureAt;

  FailureSpan(long now) {
    newestTime = now - Long.MAX_VALUE / 2; // long ago, so the first failure adds a checkpoint
    for (int i = 0; i < SLOTS; i++) {
      // below every number that a checkpoint can have
      slots.set(i * WORDS, i - SLOTS);
    }
  }

  /**
   * A call failed.
   *
   * @param calls number of calls before this one
   */
  void failed(long calls, long now, long minNanos) {
    lastFailureAt = now;
    long before = FAILED.getAndIncrement(this);
    long newest = newestTime;
    long age = now - newest;
    if (age < 0) {
      // a delayed thread; or, with so many, a clock that stepped back: then take its time
      if (LATE.incrementAndGet(this) < STEPPED_BACK) {
        return;
      }
    } else if (age < minNanos / STEPS) {
      return;
    }
    if (!NEWEST_TIME.compareAndSet(this, newest, now)) {
      return;
    }
    late = 0;
    long number = CLAIMED.getAndIncrement(this);
    int at = at(number);
    long old = slots.get(at + NUMBER);
    // if a later checkpoint has the slot already, this one is dropped
    if (old != WRITING && old < number && slots.compareAndSet(at + NUMBER, old, WRITING)) {
      slots.set(at + TIME, now);
      slots.set(at + CALLS, calls);
      slots.set(at + FAILURES, before);
      slots.set(at + NUMBER, number);
    }
  }

  /**
   * Whether the failures span {@code min_seconds} and are too many. If fewer calls than {@link
   * SlidingWindow#decidesBelow} came since the evidence began, the counts of the window decide, and
   * only the time matters here.
   *
   * @param slow whether this object counts slow calls
   */
  boolean spans(SlidingWindow window, long now, boolean slow, SlidingWindow.Judge judge) {
    long min = judge.minNanos();
    // read the calls last: a thread delayed here sees too many calls, never too many failures
    long failures = failed;
    long latest = lastFailureAt;
    long calls = window.total();
    long newest = claimed - 1;
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
      return n < window.decidesBelow() || judge.trips(n, slow ? 0 : f, slow ? f : 0);
    }
    return false;
  }

  private static int at(long number) {
    return (int) (number % SLOTS) * WORDS;
  }
}
