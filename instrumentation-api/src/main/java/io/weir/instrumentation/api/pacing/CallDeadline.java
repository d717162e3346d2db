package io.weir.instrumentation.api.pacing;

import io.weir.engine.call.Pacer;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A routing rule's {@code timeout_ms}: cancels the call, including the reading of its response
 * body, when the time is up. Any thread may call the methods. The pacer keeps a deadline until its
 * time is up, so a deadline drops its reference to the call when the call ends.
 */
public final class CallDeadline {
  /** A value of {@link #state}; never run. */
  private static final Runnable EXCEEDED = () -> {};

  private final long nanos;

  /** Cancels the call; null once the call has ended, {@link #EXCEEDED} once its time is up. */
  private final AtomicReference<@Nullable Runnable> state;

  private CallDeadline(long nanos, Runnable cancel) {
    this.nanos = nanos;
    state = new AtomicReference<@Nullable Runnable>(cancel);
  }

  /**
   * Starts a call's deadline.
   *
   * @param nanos the time from now; 0: no deadline
   * @param pacer the timer; null: this JVM has none, so there is no deadline
   * @param cancel cancels the call; runs on the pacer's thread and must not block
   * @return null when there is no deadline
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

  /**
   * The call has ended: stops the deadline.
   *
   * @return whether the time was up before
   */
  public boolean stop() {
    Runnable cancel = state.get();
    return cancel == EXCEEDED || !state.compareAndSet(cancel, null);
  }

  /**
   * The exception for the caller of a call whose time was up.
   *
   * @param thrown what the library threw, which becomes the cause; or null
   */
  public InterruptedIOException exceeded(@Nullable Throwable thrown) {
    InterruptedIOException e =
        new InterruptedIOException(
            "timeout: the route allows " + TimeUnit.NANOSECONDS.toMillis(nanos) + " ms");
    e.initCause(thrown);
    return e;
  }
}
