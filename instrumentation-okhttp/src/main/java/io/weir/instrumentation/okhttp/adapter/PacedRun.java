package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Pacer;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
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

  void await(Pacer pacer) {
    WAITING.put(decision.call, this);
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
      long now = gate.engine.now();
      decision.ticket.started(now);
      if (timeout > 0) {
        decision.call.timeout().timeout(Math.max(1, timeout - (now - began)), TimeUnit.NANOSECONDS);
      }
      resume();
    }
  }

  private void end(IOException failure) {
    if (wake()) {
      decision.failure = failure;
      gate.abandon(decision.ticket);
      resume();
    }
  }

  private boolean wake() {
    if (!awake.compareAndSet(false, true)) {
      return false;
    }
    WAITING.remove(decision.call, this);
    return true;
  }

  private void resume() {
    try {
      executor.execute(this);
    } catch (RejectedExecutionException down) {
      // the application took its executor away; its callback must still learn the call's end
      if (decision.failure == null) {
        decision.failure = new InterruptedIOException("executor rejected");
        gate.abandon(decision.ticket);
      }
      run();
    }
  }

  @Override
  public void run() {
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
