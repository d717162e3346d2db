package io.weir.instrumentation.grpc.adapter;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.grpc.internal.GrpcUtil;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The listener of an inbound call while the call waits for its turn; no thread waits. When its turn
 * comes, {@link #run} starts the application's handler, on the server's executor and in the call's
 * context. The handler's listener then gets, in order, all events that came during the wait. If the
 * caller disconnects before, the call's tokens are given back, and the handler never runs.
 */
final class PacedServerListener<ReqT, RespT> extends ServerCall.Listener<ReqT> implements Runnable {
  private static final String VERSION = GrpcUtil.getGrpcBuildVersion().getImplementationVersion();

  private final GovernedServerCall<ReqT, RespT> call;
  private final ServerCallHandler<ReqT, RespT> next;
  private final Context context = Context.current();
  private final BufferedActions buffered = new BufferedActions();

  // the application's listener; written before the buffer opens, read by the actions that the
  // buffer then runs
  @SuppressWarnings("NullAway.Init")
  private ServerCall.Listener<ReqT> listener;

  // whoever sets it decides: the handler starts, or the call is abandoned
  private final AtomicBoolean decided = new AtomicBoolean();

  private PacedServerListener(
      GovernedServerCall<ReqT, RespT> call, ServerCallHandler<ReqT, RespT> next) {
    this.call = call;
    this.next = next;
  }

  static <ReqT, RespT> ServerCall.Listener<ReqT> start(
      GovernedServerCall<ReqT, RespT> call,
      ServerCallHandler<ReqT, RespT> next,
      GrpcExecutors executors) {
    PacedServerListener<ReqT, RespT> paced = new PacedServerListener<ReqT, RespT>(call, next);
    // null: on the server's own executor
    executors.execute(null, paced, call.decision.waitNanos());
    return paced;
  }

  /** The call's turn has come. */
  @Override
  public void run() {
    if (!decided.compareAndSet(false, true)) {
      return;
    }
    Context before = context.attach();
    try {
      call.started();
      listener = call.begin(next);
      buffered.open();
    } catch (Throwable t) {
      try {
        // as grpc-java does when a handler throws; in this task it would not notice
        call.original().close(callbackThrew(VERSION).withCause(t), new Metadata());
      } catch (IllegalStateException closedAlready) {
        // the application answered before it threw
      }
      throw t;
    } finally {
      context.detach(before);
    }
  }

  /**
   * The status with which grpc-java closes a call whose handler or listener threw: {@code UNKNOWN},
   * with a description from 1.60 on.
   */
  static Status callbackThrew(String version) {
    String[] parts = version.split("[.-]");
    try {
      boolean described = Integer.parseInt(parts[0]) > 1 || Integer.parseInt(parts[1]) >= 60;
      return described
          ? Status.UNKNOWN.withDescription("Application error processing RPC")
          : Status.UNKNOWN;
    } catch (RuntimeException noVersion) {
      return Status.UNKNOWN;
    }
  }

  @Override
  public void onMessage(final ReqT message) {
    buffered.run(() -> listener.onMessage(message));
  }

  @Override
  public void onHalfClose() {
    buffered.run(() -> listener.onHalfClose());
  }

  @Override
  public void onCancel() {
    if (decided.compareAndSet(false, true)) {
      call.abandon();
    } else {
      buffered.run(() -> listener.onCancel());
    }
  }

  @Override
  public void onComplete() {
    buffered.run(() -> listener.onComplete());
  }

  @Override
  public void onReady() {
    buffered.run(() -> listener.onReady());
  }
}
