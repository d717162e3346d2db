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
 * An inbound call and its decision. The call's outcome is recorded at the first of these events:
 * the application closes the call; a callback of the application throws (the library then closes
 * with UNKNOWN); the client disconnects; its deadline passes.
 */
final class GovernedServerCall<ReqT, RespT> extends SimpleForwardingServerCall<ReqT, RespT> {
  final Metadata headers;
  final CallDecision decision;
  private final Engine engine;

  /** Whether the answer has begun. Not volatile: gRPC has one thread at a time answer a call. */
  private boolean answered;

  GovernedServerCall(ServerCall<ReqT, RespT> call, Metadata headers, Engine engine) {
    super(call);
    this.headers = headers;
    this.engine = engine;
    decision = engine.newDecision();
  }

  /** The library's call. */
  ServerCall<ReqT, RespT> original() {
    return delegate();
  }

  /** Answers a refused call; the application never sees it. */
  ServerCall.Listener<ReqT> refuse() {
    delegate().close(GrpcRefusal.status(decision), GrpcRefusal.trailers(decision));
    return new ServerCall.Listener<ReqT>() {};
  }

  /** Starts the application's handler. */
  ServerCall.Listener<ReqT> begin(ServerCallHandler<ReqT, RespT> next) {
    try {
      return new EndListener(next.startCall(this, headers));
    } catch (Throwable t) {
      threw(t);
      throw t;
    }
  }

  /** The paced wait is over: the call's latency counts from now. */
  void started() {
    decision.outcome().started(engine.now());
  }

  /** The call will not be served, because its caller has disconnected: gives its tokens back. */
  void abandon() {
    decision.outcome().abandon(engine.now());
  }

  @Override
  public void sendHeaders(Metadata headers) {
    answerBegins();
    super.sendHeaders(headers);
  }

  @Override
  public void sendMessage(RespT message) {
    answerBegins();
    super.sendMessage(message);
  }

  /** The latency of a stream ends when its answer begins: it may go on for hours afterwards. */
  private void answerBegins() {
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

  /** Records the outcome when a callback throws, or the call is cancelled or complete. */
  private final class EndListener extends SimpleForwardingServerCallListener<ReqT> {
    EndListener(ServerCall.Listener<ReqT> delegate) {
      super(delegate);
    }

    @Override
    public void onMessage(ReqT message) {
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
