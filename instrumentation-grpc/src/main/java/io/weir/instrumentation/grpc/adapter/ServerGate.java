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

/** Outermost interceptor of a server: every call, of every service and type, passes here once. */
final class ServerGate implements ServerInterceptor {
  private final Engine engine;
  private final Executors executors;

  ServerGate(Engine engine, ObjectPool<? extends Executor> pool) {
    this.engine = engine;
    this.executors = new Executors(pool);
  }

  @Override
  public <Q, P> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, P> call, Metadata headers, ServerCallHandler<Q, P> next) {
    boolean governs = engine.governsInbound();
    if (!governs && !engine.propagation().isActive()) {
      return next.startCall(call, headers);
    }
    GovernedServerCall<Q, P> governed = new GovernedServerCall<Q, P>(call, headers, engine);
    ServerCallHandler<Q, P> handler = next;
    boolean admitted;
    try {
      admitted = engine.inbound(ServerAttributes.INSTANCE, governed, governed.decision);
      Colour colour = engine.propagation().colour(ServerAttributes.INSTANCE, governed);
      handler = colour == Colour.NONE ? next : new PropagatingListener<Q, P>(colour, next);
    } catch (Throwable t) {
      governed.abandon();
      Bridge.failedOpen(t);
      return next.startCall(call, headers);
    }
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
