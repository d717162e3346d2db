package io.weir.instrumentation.api.pacing;

import io.weir.engine.call.Pacer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A call that waits for its turn: without a thread where its library can take it up again, else on
 * its own ({@link #onThread}).
 *
 * <p>Its wait ends once, by whoever comes first: its time has come ({@link #due}), its own time-out
 * has passed or it was cancelled ({@link #over}; then its tokens are back). Both run on the pacer's
 * thread or on the one that cancels, and must do nothing that takes time.
 */
public abstract class PacedWait {
  /** How a wait ended. */
  public enum End {
    /** The call's turn has come. */
    DUE,
    /** The waiting thread was interrupted, and still is. */
    INTERRUPTED,
    CANCELLED,
    /** The call's own time-out has passed. */
    TIMED_OUT
  }

  /** How soon a waiting thread notices that its call was cancelled; nothing wakes it for that. */
  private static final long CANCEL_CHECK_NANOS = 10_000_000;

  private final Paced call;

  // whoever sets it decides how the call goes on
  private final AtomicBoolean awake = new AtomicBoolean();

  protected PacedWait(Paced call) {
    this.call = call;
  }

  /**
   * Lets the call wait.
   *
   * @param timeoutNanos the call's own, which runs while it waits; 0 for none
   * @return false: it cannot wait, its tokens are back, and its thread must go on with it
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
      if (awake.compareAndSet(false, true)) {
        call.abandon();
        cannotWait(noTimer);
        return false;
      }
    }
    return true;
  }

  /** The caller has cancelled the call; without effect when it waits no more. */
  public final void cancel() {
    end(End.CANCELLED);
  }

  private void comeDue(long began) {
    if (awake.compareAndSet(false, true)) {
      call.started(true);
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
   * The call's turn has come: it is to get a thread.
   *
   * @param waitedNanos how long it has waited
   */
  protected abstract void due(long waitedNanos);

  /** The call will not be made: its caller is to be told. */
  protected abstract void over(End how);

  /** There is no timer; {@link #begin} is about to return false. */
  protected void cannotWait(Throwable why) {}

  /**
   * Waits on the calling thread.
   *
   * @param cancelled asked every few milliseconds; null: the call cannot be cancelled
   * @return {@link End#DUE}, or why the call must not be made, and then its tokens are back
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
    call.started(false);
    return End.DUE;
  }
}
