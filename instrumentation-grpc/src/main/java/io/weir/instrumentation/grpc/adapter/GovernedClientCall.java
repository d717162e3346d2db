package io.weir.instrumentation.grpc.adapter;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.LocalFailures;
import io.weir.engine.outcome.Outcome;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An outbound call and its decision.
 *
 * <p>The decision needs the headers, which are final only in {@link #start}. So the library's call
 * is created there and not earlier; its options carry the decision. The outcome is the status with
 * which the call closes, once for every type of call.
 */
final class GovernedClientCall<ReqT, RespT> extends ForwardingClientCall<ReqT, RespT> {
  /** How many causes of an exception are examined, as a chain of causes may be a circle. */
  private static final int MAX_CAUSES = 8;

  private final ClientGate gate;
  private final ServicePlan plan;
  private final String authority;
  private final MethodDescriptor<ReqT, RespT> method;
  private final CallOptions options;
  private final Channel next;
  private final CallDecision decision;

  // set in start(), read only afterwards
  @SuppressWarnings("NullAway.Init")
  private Metadata headers;

  /**
   * Colour and route headers: name, value, name, value ... Computed in {@link #start}, where the
   * caller's traffic colour is bound to the thread.
   */
  @SuppressWarnings("NullAway.Init")
  private String[] headersToSet;

  @SuppressWarnings("NullAway.Init")
  private Context context;

  private volatile @Nullable ClientCall<ReqT, RespT> delegate;
  private volatile boolean cancelled;

  GovernedClientCall(
      ClientGate gate,
      ServicePlan plan,
      String authority,
      MethodDescriptor<ReqT, RespT> method,
      CallOptions options,
      Channel next) {
    this.gate = gate;
    this.plan = plan;
    this.authority = authority;
    this.method = method;
    this.options = options;
    this.next = next;
    decision = gate.engine.newDecision();
  }

  Metadata headers() {
    return headers;
  }

  MethodDescriptor<ReqT, RespT> method() {
    return method;
  }

  String authority() {
    return authority;
  }

  /** The calling service, which is this JVM's own. */
  String caller() {
    return gate.engine.service();
  }

  @Override
  protected ClientCall<ReqT, RespT> delegate() {
    ClientCall<ReqT, RespT> d = delegate;
    if (d == null) {
      throw new IllegalStateException("Not started");
    }
    return d;
  }

  @Override
  public void start(Listener<RespT> listener, Metadata headers) {
    if (delegate != null || listener == null || headers == null) {
      // wrong use, or cancelled before start: let the library react
      delegate = delegate == null ? next.newCall(method, options) : delegate;
      delegate.start(listener, headers);
      return;
    }
    this.headers = headers;
    this.context = Context.current();
    boolean admitted;
    try {
      Colour before = PropagatingHandler.bindContextColour();
      try {
        admitted = gate.engine.outbound(plan, ClientAttributes.INSTANCE, this, decision);
        headersToSet = gate.engine.propagation().headers(ClientAttributes.INSTANCE, this, decision);
      } finally {
        Colour.swap(before);
      }
    } catch (Throwable t) {
      abandon();
      Bridge.failedOpen(t);
      delegate = next.newCall(method, options);
      delegate.start(listener, headers);
      return;
    }
    if (!admitted) {
      delegate = new RefusedClientCall<ReqT, RespT>();
      close(listener, GrpcRefusal.status(decision), GrpcRefusal.trailers(decision));
    } else if (decision.waitNanos() > 0) {
      PacedClientCall<ReqT, RespT> paced =
          new PacedClientCall<ReqT, RespT>(this, listener, context);
      delegate = paced;
      paced.await();
      gate.executors.execute(
          options.getExecutor(), paced, Math.min(decision.waitNanos(), remainingNanos()));
    } else {
      begin(newDecidedCall(), listener);
    }
  }

  private ClientCall<ReqT, RespT> newDecidedCall() {
    try {
      delegate = next.newCall(method, decidedOptions());
      return delegate;
    } catch (Throwable t) {
      abandon();
      throw t;
    }
  }

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {
    cancelled = true;
    if (delegate == null) {
      delegate = next.newCall(method, options);
    }
    delegate.cancel(message, cause);
  }

  /**
   * Creates the library's call after a paced wait, without starting it. What the library throws
   * gives the call's tokens and permits back.
   */
  ClientCall<ReqT, RespT> afterWait() {
    if (context.isCancelled() || remainingNanos() <= 0) {
      // The deadline has passed or the caller has cancelled: the library's call below fails at
      // once.
      abandon();
    }
    decision.outcome().started(gate.engine.now());
    try {
      return next.newCall(method, decidedOptions());
    } catch (Throwable t) {
      abandon();
      throw t;
    }
  }

  /** Time until the earlier of the call's own deadline and that of its context. */
  private long remainingNanos() {
    return Math.min(remaining(options.getDeadline()), remaining(context.getDeadline()));
  }

  private static long remaining(@Nullable Deadline deadline) {
    return deadline == null ? Long.MAX_VALUE : deadline.timeRemaining(TimeUnit.NANOSECONDS);
  }

  /** Sets the headers and starts the library's call. */
  void begin(ClientCall<ReqT, RespT> call, Listener<RespT> listener) {
    try {
      GrpcNames.set(headers, headersToSet);
      GrpcNames.setCaller(headers, gate.caller(authority));
      call.start(new EndListener(listener), headers);
    } catch (Throwable t) {
      abandon();
      throw t;
    }
  }

  /** The call will not be made, or not be governed: gives its tokens and permits back. */
  void abandon() {
    decision.outcome().abandon(gate.engine.now());
  }

  /**
   * Closes a call that was never made. The listener is called on the call's executor and not within
   * {@link #start}, which callers do not expect.
   */
  void close(Listener<RespT> listener, Status status, Metadata trailers) {
    gate.executors.execute(
        options.getExecutor(),
        context.wrap(
            new Runnable() {
              @Override
              public void run() {
                listener.onClose(status, trailers);
              }
            }));
  }

  /** The call's options with the chosen instance and the rule's deadline. */
  private CallOptions decidedOptions() {
    CallOptions decided = options;
    if (decision.instance() != null) {
      decided = RoutedExecutor.to(decision.instance(), decided);
    }
    if (decision.timeoutNanos() > 0) {
      Deadline rule = Deadline.after(decision.timeoutNanos(), TimeUnit.NANOSECONDS);
      Deadline own = options.getDeadline();
      decided = decided.withDeadline(own == null ? rule : own.minimum(rule));
    }
    return decided;
  }

  private void recordEnd(Status status, Metadata trailers) {
    Throwable cause = status.getCause();
    Failure failure = null;
    if (!status.isOk()) {
      if (GrpcRefusal.byTarget(trailers)
          && gate.isRegistered(plan, decision.instance(), authority)) {
        decision.outcome().endShed(Outcome.grpc(status.getCode().value()), gate.engine.now());
        return;
      }
      if (LocalFailures.isLocal(cause)) {
        failure = Failure.LOCAL;
      }
    }
    switch (status.getCode()) {
      case CANCELLED:
        // without a cancellation here, CANCELLED is the target's answer
        failure = cancelled || context.isCancelled() ? Failure.CANCELLED : null;
        break;
      case DEADLINE_EXCEEDED:
        failure = Failure.TIMEOUT;
        break;
      case UNAVAILABLE:
        failure = failure == null && neverConnected(cause) ? Failure.CONNECT : failure;
        break;
      default:
        break;
    }
    decision.outcome().endGrpc(status.getCode().value(), failure, cause, gate.engine.now());
  }

  /** Whether the call failed because no connection could be made. */
  private static boolean neverConnected(@Nullable Throwable cause) {
    Throwable t = cause;
    for (int i = 0; t != null && i < MAX_CAUSES; i++, t = t.getCause()) {
      if (t instanceof ConnectException || t instanceof NoRouteToHostException) {
        return true;
      }
    }
    return false;
  }

  /** Records the outcome when the call closes. */
  private final class EndListener extends SimpleForwardingClientCallListener<RespT> {
    private boolean answered;

    EndListener(Listener<RespT> listener) {
      super(listener);
    }

    @Override
    public void onHeaders(Metadata headers) {
      answerBegins();
      super.onHeaders(headers);
    }

    @Override
    public void onMessage(RespT message) {
      answerBegins();
      super.onMessage(message);
    }

    /** The latency of a stream ends when its answer begins: it may go on for hours afterwards. */
    private void answerBegins() {
      if (!answered) {
        answered = true;
        if (decision.outcome().isTimed() && !method.getType().serverSendsOneMessage()) {
          decision.outcome().streams(false, gate.engine.now());
        }
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      recordEnd(status, trailers);
      super.onClose(status, trailers);
    }
  }
}
