package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Pacer;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import okhttp3.Call;

/**
 * An enqueued call that waits for its turn: its thread has gone back to the dispatcher's executor,
 * and the call gets another one there when the time has come. To the dispatcher it is under way all
 * the time, so its limits hold; to the application it has not begun: no interceptor, no event
 * beyond {@code callStart}.
 *
 * <p>Cancelling it, or the end of its call timeout, gives the tokens back and lets the call fail at
 * once, in the interceptors and on the executor, like any other that is cancelled. What is left of
 * the call timeout is the time the call has after its wait.
 *
 * <p>It runs exactly once, whatever the executor does: throw any exception or error, with or
 * without having queued or run it. An application's callback is called once, always.
 */
final class PacedRun implements Runnable {
  private static final ConcurrentHashMap<Call, PacedRun> WAITING =
      new ConcurrentHashMap<Call, PacedRun>();

  private final Gate gate;
  private final Decision decision;
  private final Runnable run;
  private final Executor executor;
  private final Colour colour = Colour.current();

  // whoever sets it decides how the call goes on
  private final AtomicBoolean awake = new AtomicBoolean();

  // whoever sets it runs the call
  private final AtomicBoolean begun = new AtomicBoolean();

  /**
   * @param run the call as its dispatcher runs it
   * @param executor the dispatcher's
   */
  PacedRun(Gate gate, Decision decision, Runnable run, Executor executor) {
    this.gate = gate;
    this.decision = decision;
    this.run = run;
    this.executor = executor;
  }

  /**
   * Lets the call wait.
   *
   * @return false: it cannot wait, its tokens are back, and its thread must go on with it
   */
  boolean await(Pacer pacer) {
    WAITING.put(decision.call, this);
    try {
      schedule(pacer);
    } catch (Throwable noTimer) {
      if (wake()) {
        gate.abandon(decision.ticket);
        Gate.failedOpen(noTimer);
        return false;
      }
    }
    return true;
  }

  private void schedule(Pacer pacer) {
    long wait = decision.ticket.waitNanos();
    long timeout = Calls.timeoutNanos(decision.call);
    if (timeout > 0 && timeout <= wait) {
      pacer.after(timeout, () -> end(new InterruptedIOException("timeout")));
    } else {
      long began = gate.engine.now();
      pacer.after(wait, () -> due(timeout, began));
    }
    if (decision.call.isCanceled()) {
      cancelled(decision.call);
    }
  }

  /** The application has cancelled this call. */
  static void cancelled(Object call) {
    PacedRun waiting = WAITING.get(call);
    if (waiting != null) {
      waiting.end(new IOException("Canceled"));
    }
  }

  private void due(long timeout, long began) {
    if (wake()) {
      try {
        long now = gate.engine.now();
        decision.ticket.outcome().started(now);
        if (timeout > 0) {
          long left = Math.max(1, timeout - (now - began));
          decision.call.timeout().timeout(left, TimeUnit.NANOSECONDS);
        }
      } catch (Throwable t) {
        Gate.failedOpen(t);
      }
      resume();
    }
  }

  private void end(IOException failure) {
    if (wake()) {
      fail(failure);
      resume();
    }
  }

  private void fail(IOException failure) {
    decision.failure = failure;
    gate.abandon(decision.ticket);
  }

  private boolean wake() {
    if (!awake.compareAndSet(false, true)) {
      return false;
    }
    WAITING.remove(decision.call, this);
    return true;
  }

  /**
   * Gets the call a thread, or ends it here: the executor is full, shut down, or out of threads.
   */
  private void resume() {
    try {
      executor.execute(this);
    } catch (Throwable noThread) {
      // the executor may have queued it before it threw, or have run it here
      if (!begun.compareAndSet(false, true)) {
        throw noThread;
      }
      if (decision.failure == null) {
        InterruptedIOException rejected = new InterruptedIOException("executor rejected");
        rejected.initCause(noThread);
        fail(rejected);
      }
      runCall();
    }
  }

  @Override
  public void run() {
    if (begun.compareAndSet(false, true)) {
      runCall();
    }
  }

  private void runCall() {
    Colour before = Colour.swap(colour);
    decision.bind();
    try {
      run.run();
    } finally {
      if (decision.unbind()) {
        gate.abandon(decision.ticket);
      }
      Colour.swap(before);
    }
  }
}
