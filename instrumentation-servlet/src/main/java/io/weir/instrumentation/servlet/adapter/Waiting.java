package io.weir.instrumentation.servlet.adapter;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * Whether a request is on a thread, or waits for its turn without one.
 *
 * <p>{@code ON_THREAD -> AWAY -> DUE -> ON_THREAD}. {@code AWAY} or {@code DUE -> GONE} when the
 * container says that it has ended the request, because its caller went away. {@code DUE ->
 * REFUSED} when the container finds no thread for it: then it is answered without the application.
 * Whoever makes the step decides what becomes of the request, so it goes on once or never.
 */
public abstract class Waiting {
  private static final AtomicIntegerFieldUpdater<Waiting> STATE =
      AtomicIntegerFieldUpdater.newUpdater(Waiting.class, "state");

  private static final int ON_THREAD = 0;
  private static final int AWAY = 1;
  private static final int DUE = 2;
  private static final int GONE = 3;
  private static final int REFUSED = 4;

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

  /** On its way back to the application, or to its refusal: the container is to make it anew. */
  public final boolean isReturning() {
    int s = state;
    return s == DUE || s == REFUSED;
  }

  /** It has ended, or is to be answered 503: the application must not get it. */
  public final boolean isOver() {
    return state >= GONE;
  }

  /** The container has ended it: its tokens go back. */
  public final void gone() {
    if (STATE.compareAndSet(this, AWAY, GONE) || STATE.compareAndSet(this, DUE, GONE)) {
      abandon();
    }
  }

  /**
   * The container has had it for too long without giving it a thread: its tokens go back. True for
   * the one who is to see to its answer.
   */
  public final boolean refuse() {
    if (STATE.compareAndSet(this, DUE, REFUSED)) {
      abandon();
      return true;
    }
    return false;
  }

  /** Gives the tokens back; the call will not be made. */
  public abstract void abandon();
}
