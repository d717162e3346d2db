package io.weir.instrumentation.api.pacing;

import io.weir.engine.call.Pacer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The wait of a paced call for its turn. If the library can continue the call on another thread, no
 * thread waits: a subclass begins the wait ({@link #begin}) and continues the call in {@link #due}.
 * Otherwise the call's own thread waits ({@link #onThread}).
 *
 * <p>If {@link #begin} returns true, the wait ends exactly once. Either the call's turn comes,
 * which calls {@link #due} on the pacer's thread. Or the time that the application allows for the
 * call passes, or the application cancels it: then its tokens are given back, and {@link #over} is
 * called on the pacer's thread or on the thread that cancels. Neither method may block.
 */
public abstract class PacedWait {
  /** How a wait ended. */
  public enum End {
    /** The call's turn has come. */
    DUE,
    /** The waiting thread was interrupted, and still is. */
    INTERRUPTED,
    CANCELLED,
    /** The time that the application allows for the call has passed. */
    TIMED_OUT
  }

  /** How often a waiting thread checks whether its call was cancelled; nothing wakes it up. */
  private static final long CANCEL_CHECK_NANOS = 10_000_000;

  private final Paced call;

  // set once; whoever sets it decides how the wait ends
  private final AtomicBoolean awake = new AtomicBoolean();

  protected PacedWait(Paced call) {
    this.call = call;
  }

  /**
   * Begins the wait.
   *
   * @param timeoutNanos what the application allows for the whole call, its wait included, such as
   *     OkHttp's call time-out; 0: no limit, or the library's time-outs begin after the wait
   * @return true: the wait has begun, or is over already. False: the pacer threw, for example
   *     because it could not start its thread. Then the call's tokens have been given back, and
   *     this decision is over: this thread goes on with the call, ungoverned or decided anew
   */
  public final boolean begin(Pacer pacer, long timeoutNanos) {
    long began = call.now();
    long wait = call.dueAt() - began;
    try {
      if (timeoutNanos > 0 && timeoutNanos <= wait) {
        pacer.after(timeoutNanos, () -> end(End.TIMED_OUT));
      } else {
        pacer.after(wait, () -> comeDue(began));
      }
    } catch (Throwable noTimer) {
      // a caller may have cancelled meanwhile: then the wait has ended by that
      if (awake.compareAndSet(false, true)) {
        call.abandon();
        cannotWait(noTimer);
        return false;
      }
    }
    return true;
  }

  /** The caller has cancelled the call. Does nothing when the wait is over. */
  public final void cancel() {
    end(End.CANCELLED);
  }

  private void comeDue(long began) {
    if (awake.compareAndSet(false, true)) {
      call.started(true); // the library starts its timer now, as it gets the call now
      due(call.now() - began);
    }
  }

  private void end(End how) {
    if (awake.compareAndSet(false, true)) {
      call.abandon();
      over(how);
    }
  }

  /**
   * The call's turn has come: continue it on a thread of its library.
   *
   * @param waitedNanos how long it has waited
   */
  protected abstract void due(long waitedNanos);

  /**
   * The call will not be made: report this to its caller.
   *
   * @param how {@link End#TIMED_OUT} or {@link End#CANCELLED}
   */
  protected abstract void over(End how);

  /**
   * Called before {@link #begin} returns false, for a report.
   *
   * @param why what the pacer threw
   */
  protected void cannotWait(Throwable why) {}

  /**
   * Waits on the calling thread.
   *
   * @param cancelled whether the call was cancelled, checked every ten milliseconds; null: it
   *     cannot be cancelled
   * @return {@link End#DUE}; {@link End#INTERRUPTED} or {@link End#CANCELLED}: the call must not be
   *     made, and its tokens have been given back. A time-out that runs during the wait cancels the
   *     call
   */
  public static End onThread(Paced call, @Nullable BooleanSupplier cancelled) {
    for (long due = call.dueAt(), left; (left = due - call.now()) > 0; ) {
      boolean interrupted = Thread.currentThread().isInterrupted();
      if (interrupted || cancelled != null && cancelled.getAsBoolean()) {
        call.abandon();
        return interrupted ? End.INTERRUPTED : End.CANCELLED;
      }
      LockSupport.parkNanos(call, cancelled == null ? left : Math.min(left, CANCEL_CHECK_NANOS));
    }
    call.started(false); // the library had started its timer before the wait
    return End.DUE;
  }
}
