package io.weir.instrumentation.grpc.adapter;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.engine.outcome.Failure;
import org.jspecify.annotations.Nullable;

/**
 * An inbound call and its decision. The outcome is learnt at the first of: the application closes
 * the call; a callback of the application throws (the library then closes with UNKNOWN); the client
 * goes away or its deadline passes.
 */
final class GovernedServerCall<Q, P> extends SimpleForwardingServerCall<Q, P> {
  final Metadata headers;
  final CallDecision decision;
  private final Engine engine;

  /** A call is answered by one thread at a time. */
  private boolean answered;

  GovernedServerCall(ServerCall<Q, P> call, Metadata headers, Engine engine) {
    super(call);
    this.headers = headers;
    this.engine = engine;
    decision = engine.newDecision();
  }

  ServerCall<Q, P> original() {
    return delegate();
  }

  /** Answers in the application's stead. */
  ServerCall.Listener<Q> refuse() {
    delegate().close(GrpcRefusal.status(decision), GrpcRefusal.trailers(decision));
    return new ServerCall.Listener<Q>() {};
  }

  ServerCall.Listener<Q> begin(ServerCallHandler<Q, P> next) {
    try {
      return new Outcome(next.startCall(this, headers));
    } catch (Throwable t) {
      threw(t);
      throw t;
    }
  }

  /** The paced wait is over. */
  void started() {
    decision.outcome().started(engine.now());
  }

  /** The caller went away before the call was made. */
  void abandon() {
    decision.outcome().abandon(engine.now());
  }

  @Override
  public void sendHeaders(Metadata headers) {
    answers();
    super.sendHeaders(headers);
  }

  @Override
  public void sendMessage(P message) {
    answers();
    super.sendMessage(message);
  }

  /** A stream may go on for hours after its answer has begun. */
  private void answers() {
    if (!answered) {
      answered = true;
      if (decision.outcome().isTimed()
          && !getMethodDescriptor().getType().serverSendsOneMessage()) {
        decision.outcome().streams(false, engine.now());
      }
    }
  }

  @Override
  public void close(Status status, Metadata trailers) {
    end(status.getCode(), null, status.getCause());
    super.close(status, trailers);
  }

  private void threw(Throwable t) {
    end(Status.Code.UNKNOWN, null, t);
  }

  private void end(Status.Code code, @Nullable Failure failure, @Nullable Throwable thrown) {
    decision.outcome().endGrpc(code.value(), failure, thrown, engine.now());
  }

  private final class Outcome extends SimpleForwardingServerCallListener<Q> {
    Outcome(ServerCall.Listener<Q> delegate) {
      super(delegate);
    }

    @Override
    public void onMessage(Q message) {
      try {
        super.onMessage(message);
      } catch (Throwable t) {
        threw(t);
        throw t;
      }
    }

    @Override
    public void onHalfClose() {
      try {
        super.onHalfClose();
      } catch (Throwable t) {
        threw(t);
        throw t;
      }
    }

    @Override
    public void onReady() {
      try {
        super.onReady();
      } catch (Throwable t) {
        threw(t);
        throw t;
      }
    }

    @Override
    public void onCancel() {
      Deadline deadline = Context.current().getDeadline();
      if (deadline != null && deadline.isExpired()) {
        end(Status.Code.DEADLINE_EXCEEDED, Failure.TIMEOUT, null);
      } else {
        end(Status.Code.CANCELLED, Failure.CANCELLED, null);
      }
      super.onCancel();
    }

    @Override
    public void onComplete() {
      end(Status.Code.OK, null, null);
      super.onComplete();
    }
  }
}
