package io.weir.instrumentation.api.server;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.pacing.Paced;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One governed inbound call: its decision, its traffic colour, and whether it has a thread or is
 * parked. Each server module extends this class, so that a call costs one object and its decision.
 *
 * <p>A paced call that waits without a thread is <em>parked</em> ({@link RequestParking}). States:
 *
 * <ul>
 *   <li>{@code ON_THREAD -> PARKED -> DUE -> ON_THREAD}: the call is parked, its turn comes, and a
 *       thread of the server takes it up.
 *   <li>{@code PARKED} or {@code DUE -> ENDED}: the server has ended the request, because its
 *       caller disconnected.
 *   <li>{@code DUE -> REFUSED}: the server has no thread for the call in time. It is answered
 *       without the application.
 * </ul>
 *
 * Each step from {@code PARKED} or {@code DUE} is one compare-and-set, and the thread whose step
 * succeeds decides what happens to the request. So it is continued once or never.
 *
 * <p>Threads: steps may race from any thread. The thread that serves the call binds and unbinds its
 * colour.
 */
public abstract class ServerCall implements Paced {
  private static final AtomicIntegerFieldUpdater<ServerCall> STATE =
      AtomicIntegerFieldUpdater.newUpdater(ServerCall.class, "state");

  private static final int ON_THREAD = 0;
  private static final int PARKED = 1;
  private static final int DUE = 2;
  private static final int ENDED = 3;
  private static final int REFUSED = 4;

  protected final Engine engine;

  /** What the engine decided; its outcome is recorded once. */
  public final CallDecision decision;

  private final Colour colour;
  private Colour before = Colour.NONE; // confined to the thread between bind and unbind

  private volatile int state;

  /**
   * @param colour the request's traffic colour, {@link Colour#NONE} for none
   */
  protected ServerCall(Engine engine, Colour colour) {
    this.engine = engine;
    this.colour = colour;
    decision = engine.newDecision();
  }

  /** Binds the call's colour to this thread, while the application serves the call. */
  public final void bindColour() {
    before = Colour.swap(colour);
  }

  /** Restores the colour that was bound before {@link #bindColour}. */
  public final void unbindColour() {
    Colour.swap(before);
  }

  /**
   * Binds the call's colour when the server dispatches the same call again, perhaps on another
   * thread.
   *
   * @return the colour that the caller must restore afterwards; null: nothing was bound
   */
  public final @Nullable Colour bindColourAgain() {
    return colour == Colour.current() ? null : Colour.swap(colour);
  }

  @Override
  public final long now() {
    return engine.now();
  }

  @Override
  public final long dueAt() {
    return decision.startNanos() + decision.waitNanos();
  }

  @Override
  public final void started(boolean anew) {
    decision.outcome().started(engine.now());
  }

  @Override
  public final void abandon() {
    decision.outcome().abandon(engine.now());
  }

  /**
   * Waits on this thread until the call's turn comes.
   *
   * @return false when the thread was interrupted and still is: the call must not be served, and
   *     its tokens have been given back
   */
  public final boolean waitOnThread() {
    return PacedWait.onThread(this, null) == PacedWait.End.DUE;
  }

  /**
   * Parks the call until its turn comes.
   *
   * @param request the server's own request object
   * @return true: parked, this thread must return to the server. False: the request cannot be
   *     parked and still has this thread
   */
  public final boolean park(RequestParking parking, Object request) {
    // written first: the request can return on another thread before begin() returns
    state = PARKED;
    if (parking.begin(request, this, decision.waitNanos())) {
      return true;
    }
    state = ON_THREAD;
    return false;
  }

  /**
   * The call's turn has come.
   *
   * @return true: the caller must give the request back to the server. False: the request has ended
   */
  public final boolean comeDue() {
    return STATE.compareAndSet(this, PARKED, DUE);
  }

  /** Whether the server has the request back, but no thread has taken it up yet. */
  public final boolean isDue() {
    return state == DUE;
  }

  /**
   * A thread of the server takes the request up again.
   *
   * @return true: the caller must serve it. False: it was not due, or another thread was first
   */
  public final boolean takeUp() {
    return state == DUE && STATE.compareAndSet(this, DUE, ON_THREAD);
  }

  /**
   * Whether the request returns, to be served or refused: it must be dispatched as a new request.
   */
  public final boolean isReturning() {
    int s = state;
    return s == DUE || s == REFUSED;
  }

  /** Whether the request has ended or is refused with 503: the application must not get it. */
  public final boolean isOver() {
    return state >= ENDED;
  }

  /**
   * The server has ended the request: gives its tokens back if it was parked or due, else nothing.
   */
  public final void ended() {
    if (STATE.compareAndSet(this, PARKED, ENDED) || STATE.compareAndSet(this, DUE, ENDED)) {
      abandon();
    }
  }

  /**
   * The server has had no thread for the request for too long: gives its tokens back.
   *
   * @return true: the caller must have the request answered with 503. False: it has gone on or
   *     ended
   */
  public final boolean refuse() {
    if (STATE.compareAndSet(this, DUE, REFUSED)) {
      abandon();
      return true;
    }
    return false;
  }
}
