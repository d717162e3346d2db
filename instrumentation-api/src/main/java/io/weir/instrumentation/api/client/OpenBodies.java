package io.weir.instrumentation.api.client;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Outcomes whose bodies are neither read nor closed yet, so that one nobody ever reads is told in
 * the end.
 *
 * <p><b>How it works.</b> Nearly every body has been read before its thread makes the next call. So
 * an answer is put into a place of its thread's own, where the next one finds it told and replaces
 * it: no node, and no cache line that two threads write to. Only one that is still open then, and
 * waited for, moves on to a queue, of which every governed call looks at a few of the oldest.
 * Places of threads that make no more calls are cleared into the queue once in a while, by whoever
 * comes by ({@link #tidy}). So none is forgotten, and what is held is as much as bodies are open,
 * and one told outcome a place.
 *
 * <p>Any thread, no lock. An outcome in a place is judged by nobody; else by whoever has taken it
 * from there or from the queue.
 */
final class OpenBodies {
  private static final int AT_ONCE = 4;
  private static final int PLACES = 64;

  /** References between two places: a cache line or two. */
  private static final int APART = 32;

  private final AtomicReferenceArray<BodyTracker> recent =
      new AtomicReferenceArray<BodyTracker>(PLACES * APART);
  private final Queue<BodyTracker> open = new ConcurrentLinkedQueue<BodyTracker>();
  private final AtomicLong tidied;

  /**
   * @param now nano clock
   */
  OpenBodies(long now) {
    tidied = new AtomicLong(now);
  }

  /**
   * @param now nano clock
   */
  void add(BodyTracker body, long now) {
    BodyTracker before = recent.getAndSet(place(), body);
    if (before != null && !before.isOver()) {
      open.add(before);
    }
    tidy(now);
  }

  /** Before a call is decided: what nobody reads any more gives back what it holds. */
  void sweep() {
    for (int i = 0; i < AT_ONCE && !open.isEmpty(); i++) {
      BodyTracker oldest = open.poll();
      if (oldest == null) {
        return;
      }
      if (!oldest.isOver()) {
        open.add(oldest); // at the end, so that one long stream does not hide the rest
      }
    }
  }

  /**
   * After an answer and after a refusal, so that it is done whatever becomes of calls: open bodies
   * of other threads get to where they are looked at. Once a second at most.
   *
   * @param now nano clock
   */
  void tidy(long now) {
    long last = tidied.get();
    if (now - last > BodyTracker.PATIENCE_NANOS && tidied.compareAndSet(last, now)) {
      for (int i = 0; i < PLACES; i++) {
        take(i * APART);
      }
    }
  }

  private void take(int place) {
    BodyTracker o = recent.get(place);
    if (o != null && !o.hasEnded() && recent.compareAndSet(place, o, null)) {
      open.add(o);
    }
  }

  private static int place() {
    return (int) (Thread.currentThread().getId() & PLACES - 1) * APART;
  }
}
