package io.weir.instrumentation.api.pacing;

import io.weir.engine.call.Pacer;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A routing rule's {@code timeout_ms}: cancels the call when its time is up, answer's body
 * included. Any thread. What is stopped before its time holds nothing of the call.
 */
public final class CallDeadline {
  private static final Runnable EXCEEDED = () -> {};

  private final long nanos;

  /** What cancels the call; null once it has ended, {@link #EXCEEDED} once its time is up. */
  private final AtomicReference<@Nullable Runnable> state;

  private CallDeadline(long nanos, Runnable cancel) {
    this.nanos = nanos;
    state = new AtomicReference<@Nullable Runnable>(cancel);
  }

  /**
   * Starts a call's deadline.
   *
   * @param nanos from now; 0: there is none
   * @param pacer null: there can be none
   * @param cancel the call; runs on the pacer's thread and must do nothing that takes time
   * @return null: there is none
   */
  public static @Nullable CallDeadline start(long nanos, @Nullable Pacer pacer, Runnable cancel) {
    if (nanos <= 0 || pacer == null) {
      return null;
    }
    CallDeadline d = new CallDeadline(nanos, cancel);
    pacer.after(nanos, d::timeIsUp);
    return d;
  }

  private void timeIsUp() {
    Runnable cancel = state.get();
    if (cancel != null && state.compareAndSet(cancel, EXCEEDED)) {
      cancel.run();
    }
  }

  /** The call has ended: stops the clock. True when the time had been up. */
  public boolean over() {
    Runnable cancel = state.get();
    return cancel == EXCEEDED || !state.compareAndSet(cancel, null);
  }

  /** What the caller gets for what the library threw. */
  public InterruptedIOException exceeded(@Nullable Throwable thrown) {
    InterruptedIOException e =
        new InterruptedIOException(
            "timeout: the route allows " + TimeUnit.NANOSECONDS.toMillis(nanos) + " ms");
    e.initCause(thrown);
    return e;
  }
}
