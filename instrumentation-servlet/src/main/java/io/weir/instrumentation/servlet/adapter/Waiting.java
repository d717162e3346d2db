package io.weir.instrumentation.servlet.adapter;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * Whether a request is on a thread, or waits for its turn without one.
 *
 * <p>{@code ON_THREAD -> AWAY -> DUE -> ON_THREAD}, or {@code AWAY -> GONE} when the container says
 * that the caller went away first, or {@code DUE -> GONE} when the container finds no thread for
 * it: whoever makes the step decides what becomes of the request, so it goes on once or never.
 */
public abstract class Waiting {
  private static final AtomicIntegerFieldUpdater<Waiting> STATE =
      AtomicIntegerFieldUpdater.newUpdater(Waiting.class, "state");

  private static final int ON_THREAD = 0;
  private static final int AWAY = 1;
  private static final int DUE = 2;
  private static final int GONE = 3;

  private volatile int state;

  /** The thread is about to go home. */
  public final void leave() {
    state = AWAY;
  }

  /** It could not; the request stays where it is. */
  public final void stay() {
    state = ON_THREAD;
  }

  /** The time has come: true for the one who may hand the request back to its container. */
  public final boolean due() {
    return STATE.compareAndSet(this, AWAY, DUE);
  }

  /** Whether the container has it back, but no thread yet. */
  public final boolean isDue() {
    return state == DUE;
  }

  /** A thread takes it up again. */
  public final boolean takeUp() {
    return state == DUE && STATE.compareAndSet(this, DUE, ON_THREAD);
  }

  /** The caller went away: its tokens go back. */
  public final void gone() {
    if (STATE.compareAndSet(this, AWAY, GONE)) {
      abandon();
    }
  }

  /** The container has had it for too long without giving it a thread: its tokens go back. */
  public final void giveUp() {
    if (STATE.compareAndSet(this, DUE, GONE)) {
      abandon();
    }
  }

  /** Gives the tokens back; the call will not be made. */
  public abstract void abandon();
}
