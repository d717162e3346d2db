package io.weir.instrumentation.grpc.adapter;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Stands where the application's listener will, while an inbound call waits for its turn: no thread
 * waits with it. When the time has come the application's handler starts on the server's own
 * executor and in the call's own context, and gets what has happened meanwhile in order. A caller
 * that goes away while waiting gives its tokens back, and the handler never runs.
 */
final class PacedServerListener<Q, P> extends ServerCall.Listener<Q> implements Runnable {
  private final GovernedServerCall<Q, P> call;
  private final ServerCallHandler<Q, P> next;
  private final Context context = Context.current();
  private final BufferedActions holdback = new BufferedActions();

  // written before the holdback opens, read by what it lets through
  @SuppressWarnings("NullAway.Init")
  private ServerCall.Listener<Q> listener;

  // whoever sets it decides what becomes of the call: the handler starts, or it never will
  private final AtomicBoolean decided = new AtomicBoolean();

  private PacedServerListener(GovernedServerCall<Q, P> call, ServerCallHandler<Q, P> next) {
    this.call = call;
    this.next = next;
  }

  static <Q, P> ServerCall.Listener<Q> start(
      GovernedServerCall<Q, P> call, ServerCallHandler<Q, P> next, Executors executors) {
    PacedServerListener<Q, P> paced = new PacedServerListener<Q, P>(call, next);
    executors.execute(null, paced, call.decision.waitNanos());
    return paced;
  }

  @Override
  public void run() {
    if (!decided.compareAndSet(false, true)) {
      return;
    }
    Context before = context.attach();
    try {
      call.started();
      listener = call.begin(next);
      holdback.open();
    } catch (Throwable t) {
      // what the library does when a handler throws
      try {
        call.original().close(Status.UNKNOWN.withCause(t), new Metadata());
      } catch (IllegalStateException closedAlready) {
        // the application answered before it threw
      }
      throw t;
    } finally {
      context.detach(before);
    }
  }

  @Override
  public void onMessage(final Q message) {
    holdback.run(() -> listener.onMessage(message));
  }

  @Override
  public void onHalfClose() {
    holdback.run(() -> listener.onHalfClose());
  }

  @Override
  public void onCancel() {
    if (decided.compareAndSet(false, true)) {
      call.abandon();
    } else {
      holdback.run(() -> listener.onCancel());
    }
  }

  @Override
  public void onComplete() {
    holdback.run(() -> listener.onComplete());
  }

  @Override
  public void onReady() {
    holdback.run(() -> listener.onReady());
  }
}
