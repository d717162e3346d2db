package io.weir.instrumentation.grpc.adapter;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.grpc.internal.ObjectPool;
import io.weir.bootstrap.Bridge;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Innermost interceptor of a channel; calls to services without rules only get the traffic colour.
 */
final class ClientGate implements ClientInterceptor {
  final Engine engine;
  final Executors executors;

  // a channel has one authority unless a call brings its own: spelt out once
  private volatile Authority last = new Authority(null);

  ClientGate(Engine engine, ObjectPool<? extends Executor> pool) {
    this.engine = engine;
    this.executors = new Executors(pool);
  }

  @Override
  public <Q, P> ClientCall<Q, P> interceptCall(
      MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
    String authority = options.getAuthority() == null ? next.authority() : options.getAuthority();
    ServicePlan plan = plan(authority);
    if (plan == null) {
      ClientCall<Q, P> call = next.newCall(method, options);
      String caller = caller(authority);
      return engine.propagation().isActive() || caller != null
          ? new PropagatingClientCall<Q, P>(call, engine, authority, caller)
          : call;
    }
    return new GovernedClientCall<Q, P>(this, plan, authority, method, options, next);
  }

  /** The name of this JVM's service if the target asks for it, or null. */
  @Nullable String caller(String authority) {
    Authority a = of(authority);
    return a.host == null ? null : engine.propagation().callerFor(a.host, a.port);
  }

  /** Whether a call was answered by a registered instance of its target. */
  boolean isRegistered(ServicePlan plan, @Nullable Instance chosen, String authority) {
    Authority a = of(authority);
    return engine.isRegistered(plan, chosen, a.host, a.port);
  }

  private Authority of(String authority) {
    Authority a = last;
    if (a.text != authority) {
      a = new Authority(authority);
      last = a;
    }
    return a;
  }

  private @Nullable ServicePlan plan(String authority) {
    try {
      Authority a = of(authority);
      return a.host == null ? null : engine.plan(a.host, a.port);
    } catch (Throwable t) {
      Bridge.failedOpen(t);
      return null;
    }
  }

  private static final class Authority {
    final @Nullable String text;
    final @Nullable String host;
    final int port;

    Authority(@Nullable String text) {
      this.text = text;
      host = GrpcNames.host(text);
      port = GrpcNames.port(text);
    }
  }
}
