package io.weir.instrumentation.api.client;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Calls whose bodies are neither read to the end nor closed yet. It ends those whose bodies nobody
 * reads ({@link BodyTracker#isOver}), so that they give back what they hold.
 *
 * <p><b>How it works.</b> Nearly every body has been read before its thread makes the next call. So
 * a call is put into a slot that only few threads use. The next call of the thread finds that it
 * has ended, and replaces it: this makes no node, and threads seldom write to the same cache line.
 * A call that is still open then moves on to a queue. Every governed call looks at a few of the
 * oldest in it ({@link #sweep}). Once a second at most, a call moves all open ones from the slots
 * to the queue ({@link #tidy}), because some threads make no further call. So no call is forgotten,
 * and as many are held as are open, and one that has ended for each slot.
 *
 * <p>Any thread, no lock. Only the thread that has taken a call out of a slot or the queue asks
 * whether it is over.
 */
final class OpenBodies {
  /** How many calls of the queue one sweep looks at. */
  private static final int AT_ONCE = 4;

  private static final int SLOTS = 64;

  /** Elements of the array from one slot to the next: a cache line or two. */
  private static final int APART = 32;

  private final AtomicReferenceArray<BodyTracker> recent =
      new AtomicReferenceArray<BodyTracker>(SLOTS * APART);
  private final Queue<BodyTracker> open = new ConcurrentLinkedQueue<BodyTracker>();
  private final AtomicLong tidied;

  /**
   * @param now nano clock
   */
  OpenBodies(long now) {
    tidied = new AtomicLong(now);
  }

  /**
   * Adds a call whose body is open.
   *
   * @param now nano clock
   */
  void add(BodyTracker body, long now) {
    BodyTracker before = recent.getAndSet(slot(), body);
    if (before != null && !before.isOver()) {
      open.add(before);
    }
    tidy(now);
  }

  /**
   * Looks at a few calls of the queue. Called before each decision, which may need their permits.
   */
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
   * Moves open calls of all threads from the slots to the queue, where sweeps look at them. Once a
   * second at most. Called after an answer whose body is watched and after a refusal, so that it
   * also happens while every call is refused.
   *
   * @param now nano clock
   */
  void tidy(long now) {
    long last = tidied.get();
    if (now - last > BodyTracker.PATIENCE_NANOS && tidied.compareAndSet(last, now)) {
      for (int i = 0; i < SLOTS; i++) {
        take(i * APART);
      }
    }
  }

  private void take(int slot) {
    BodyTracker o = recent.get(slot);
    if (o != null && !o.hasEnded() && recent.compareAndSet(slot, o, null)) {
      open.add(o);
    }
  }

  private static int slot() {
    return (int) (Thread.currentThread().getId() & SLOTS - 1) * APART;
  }
}
