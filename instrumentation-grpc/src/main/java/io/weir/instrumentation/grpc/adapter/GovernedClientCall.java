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
 * <p>The decision needs the headers, which are final only in {@link #start}; so the library's call
 * is made there and not before, with what was decided in its options. The outcome is what the call
 * closes with: once, whatever its type.
 */
final class GovernedClientCall<Q, P> extends ForwardingClientCall<Q, P> {
  private static final int MAX_CAUSES = 8;

  private final ClientGate gate;
  private final ServicePlan plan;
  private final String authority;
  private final MethodDescriptor<Q, P> method;
  private final CallOptions options;
  private final Channel next;
  private final CallDecision decision;

  // from start on, and nobody asks before
  @SuppressWarnings("NullAway.Init")
  private Metadata headers;

  /** Decided in {@link #start}, where the thread still has the caller's traffic colour. */
  @SuppressWarnings("NullAway.Init")
  private String[] toSet;

  @SuppressWarnings("NullAway.Init")
  private Context context;

  private volatile @Nullable ClientCall<Q, P> delegate;
  private volatile boolean cancelled;

  GovernedClientCall(
      ClientGate gate,
      ServicePlan plan,
      String authority,
      MethodDescriptor<Q, P> method,
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

  MethodDescriptor<Q, P> method() {
    return method;
  }

  String authority() {
    return authority;
  }

  /** Outbound, the caller is this JVM's own service. */
  String caller() {
    return gate.engine.service();
  }

  @Override
  protected ClientCall<Q, P> delegate() {
    ClientCall<Q, P> d = delegate;
    if (d == null) {
      throw new IllegalStateException("Not started");
    }
    return d;
  }

  @Override
  public void start(Listener<P> listener, Metadata headers) {
    if (delegate != null || listener == null || headers == null) {
      // started twice, or cancelled before: the library says what it thinks of that
      delegate = delegate == null ? next.newCall(method, options) : delegate;
      delegate.start(listener, headers);
      return;
    }
    this.headers = headers;
    this.context = Context.current();
    boolean admitted;
    try {
      Colour before = PropagatingListener.bindContexts();
      try {
        admitted = gate.engine.outbound(plan, ClientAttributes.INSTANCE, this, decision);
        toSet = gate.engine.propagation().headers(ClientAttributes.INSTANCE, this, decision);
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
      delegate = new RefusedClientCall<Q, P>();
      close(listener, GrpcRefusal.status(decision), GrpcRefusal.trailers(decision));
    } else if (decision.waitNanos() > 0) {
      PacedClientCall<Q, P> paced = new PacedClientCall<Q, P>(this, listener, context);
      delegate = paced;
      paced.await();
      gate.executors.execute(
          options.getExecutor(), paced, Math.min(decision.waitNanos(), remainingNanos()));
    } else {
      begin(decide(), listener);
    }
  }

  private ClientCall<Q, P> decide() {
    try {
      delegate = next.newCall(method, decided());
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

  /** Makes the library's call after a paced wait; not yet started. */
  ClientCall<Q, P> afterWait() {
    if (context.isCancelled() || remainingNanos() <= 0) {
      // deadline or caller were faster; the library's call below says so to the listener
      abandon();
    }
    decision.outcome().started(gate.engine.now());
    return next.newCall(method, decided());
  }

  /** Until the call's own deadline or the one it inherits. */
  private long remainingNanos() {
    return Math.min(remaining(options.getDeadline()), remaining(context.getDeadline()));
  }

  private static long remaining(@Nullable Deadline deadline) {
    return deadline == null ? Long.MAX_VALUE : deadline.timeRemaining(TimeUnit.NANOSECONDS);
  }

  void begin(ClientCall<Q, P> call, Listener<P> listener) {
    try {
      GrpcNames.set(headers, toSet);
      GrpcNames.setCaller(headers, gate.caller(authority));
      call.start(new EndListener(listener), headers);
    } catch (Throwable t) {
      abandon();
      throw t;
    }
  }

  void abandon() {
    decision.outcome().abandon(gate.engine.now());
  }

  /**
   * Ends a call that was never made, where its callbacks are expected: not within {@link #start},
   * which callers do not reckon with.
   */
  void close(Listener<P> listener, Status status, Metadata trailers) {
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

  private CallOptions decided() {
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

  private void ended(Status status, Metadata trailers) {
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
        // the target may say CANCELLED, too: that is its answer
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

  private static boolean neverConnected(@Nullable Throwable cause) {
    Throwable t = cause;
    for (int i = 0; t != null && i < MAX_CAUSES; i++, t = t.getCause()) {
      if (t instanceof ConnectException || t instanceof NoRouteToHostException) {
        return true;
      }
    }
    return false;
  }

  private final class EndListener extends SimpleForwardingClientCallListener<P> {
    private boolean answered;

    EndListener(Listener<P> listener) {
      super(listener);
    }

    @Override
    public void onHeaders(Metadata headers) {
      answers();
      super.onHeaders(headers);
    }

    @Override
    public void onMessage(P message) {
      answers();
      super.onMessage(message);
    }

    /** A stream may go on for hours after its answer has begun. */
    private void answers() {
      if (!answered) {
        answered = true;
        if (decision.outcome().isTimed() && !method.getType().serverSendsOneMessage()) {
          decision.outcome().streams(false, gate.engine.now());
        }
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      ended(status, trailers);
      super.onClose(status, trailers);
    }
  }
}
