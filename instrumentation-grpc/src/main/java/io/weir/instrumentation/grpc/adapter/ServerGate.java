package io.weir.instrumentation.grpc.adapter;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.internal.ObjectPool;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.gate.Engine;
import java.util.concurrent.Executor;

/**
 * The outermost interceptor of a server. Every call, of every service and type, passes here once.
 */
final class ServerGate implements ServerInterceptor {
  private final Engine engine;
  private final GrpcExecutors executors;

  ServerGate(Engine engine, ObjectPool<? extends Executor> pool) {
    this.engine = engine;
    this.executors = new GrpcExecutors(pool);
  }

  @Override
  public <ReqT, RespT> ServerCall.Listener<ReqT> interceptCall(
      ServerCall<ReqT, RespT> call, Metadata headers, ServerCallHandler<ReqT, RespT> next) {
    boolean governs = engine.governsInbound();
    // short, so that the JIT compiler inlines it: without rules a call costs nothing then
    return governs || engine.propagation().isActive()
        ? serve(call, headers, next, governs)
        : next.startCall(call, headers);
  }

  /**
   * @param governs false: the call only gets its traffic colour
   */
  private <ReqT, RespT> ServerCall.Listener<ReqT> serve(
      ServerCall<ReqT, RespT> call,
      Metadata headers,
      ServerCallHandler<ReqT, RespT> next,
      boolean governs) {
    GovernedServerCall<ReqT, RespT> governed =
        new GovernedServerCall<ReqT, RespT>(call, headers, engine);
    ServerCallHandler<ReqT, RespT> handler = next;
    boolean admitted;
    Colour before = Colour.current();
    try {
      Colour colour = engine.propagation().colour(ServerAttributes.INSTANCE, governed);
      handler = colour == Colour.NONE ? next : new PropagatingHandler<ReqT, RespT>(colour, next);
      // rules may look at its tags
      Colour.swap(colour);
      // Without rules for this service a call only gets its traffic colour. Then nobody would end a
      // decision, so none is asked for, even if rules arrive at this moment.
      admitted = !governs || engine.inbound(ServerAttributes.INSTANCE, governed, governed.decision);
    } catch (Throwable t) {
      governed.abandon();
      Bridge.failedOpen(t);
      Colour.swap(before);
      return next.startCall(call, headers);
    }
    Colour.swap(before);
    if (!governs) {
      return handler.startCall(call, headers);
    }
    if (!admitted) {
      return governed.refuse();
    }
    if (governed.decision.waitNanos() > 0) {
      return PacedServerListener.start(governed, handler, executors);
    }
    return governed.begin(handler);
  }
}
