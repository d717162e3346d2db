package io.weir.instrumentation.api.server;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.pacing.Paced;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One governed call that came in: what was decided about it, its traffic colour, and whether it is
 * on a thread or waits for its turn without one. A server's own call extends it, so that a call is
 * one object beside its decision.
 *
 * <p>States: {@code ON_THREAD -> AWAY -> DUE -> ON_THREAD}. {@code AWAY} or {@code DUE -> GONE}
 * when the container says that it has ended the request, because its caller went away. {@code DUE
 * -> REFUSED} when the container finds no thread for it: then it is answered without the
 * application. Whoever makes the step decides what becomes of the request, so it goes on once or
 * never.
 *
 * <p>Steps may race from any thread. Colour is bound and unbound by the thread that serves the
 * call.
 */
public abstract class ServerCall implements Paced {
  private static final AtomicIntegerFieldUpdater<ServerCall> STATE =
      AtomicIntegerFieldUpdater.newUpdater(ServerCall.class, "state");

  private static final int ON_THREAD = 0;
  private static final int AWAY = 1;
  private static final int DUE = 2;
  private static final int GONE = 3;
  private static final int REFUSED = 4;

  protected final Engine engine;

  /** What the engine decided; its outcome is told once. */
  public final CallDecision decision;

  private final Colour colour;
  private Colour before = Colour.NONE; // confined to the thread between bind and unbind

  private volatile int state;

  /**
   * @param colour of the request, {@link Colour#NONE} for none
   */
  protected ServerCall(Engine engine, Colour colour) {
    this.engine = engine;
    this.colour = colour;
    decision = engine.newDecision();
  }

  /** Binds the call's colour to this thread, for the time in which the application serves it. */
  public final void bindColour() {
    before = Colour.swap(colour);
  }

  /** Puts back what was bound before. */
  public final void unbindColour() {
    Colour.swap(before);
  }

  /**
   * The container serves the same call again, perhaps on another thread: no new call, but its
   * colour is bound.
   *
   * @return the colour to put back, or null when there is nothing to do
   */
  public final @Nullable Colour servedAgain() {
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
   * Waits on this thread for as long as the limiter's pacing asks for.
   *
   * @return false when the thread was interrupted: its tokens are given back, the call is not made,
   *     the interrupt stands
   */
  public final boolean waited() {
    return PacedWait.onThread(this, null) == PacedWait.End.DUE;
  }

  /**
   * Waits without this thread for as long as the limiter's pacing asks for.
   *
   * @param request the container's own
   * @return false: the container cannot do without
   */
  public final boolean parked(RequestParking parking, Object request) {
    // before the container can bring it back
    state = AWAY;
    if (parking.begin(request, this, decision.waitNanos())) {
      return true;
    }
    state = ON_THREAD;
    return false;
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
}
