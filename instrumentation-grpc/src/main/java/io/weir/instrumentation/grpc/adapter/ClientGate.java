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
 * The innermost interceptor of a channel. Calls to services without rules only get the traffic
 * colour and the caller's name.
 */
final class ClientGate implements ClientInterceptor {
  final Engine engine;
  final GrpcExecutors executors;

  // the authority parsed last: nearly always the channel's only one
  private volatile Authority last = new Authority(null);

  ClientGate(Engine engine, ObjectPool<? extends Executor> pool) {
    this.engine = engine;
    this.executors = new GrpcExecutors(pool);
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    String authority = options.getAuthority() == null ? next.authority() : options.getAuthority();
    ServicePlan plan = plan(authority);
    if (plan == null) {
      ClientCall<ReqT, RespT> call = next.newCall(method, options);
      try {
        String caller = caller(authority);
        return engine.propagation().isActive() || caller != null
            ? new PropagatingClientCall<ReqT, RespT>(call, engine, authority, caller)
            : call;
      } catch (Throwable t) {
        Bridge.failedOpen(t);
        return call;
      }
    }
    return new GovernedClientCall<ReqT, RespT>(this, plan, authority, method, options, next);
  }

  /** The name of this JVM's service if calls to the target are to carry it, else null. */
  @Nullable String caller(String authority) {
    Authority a = of(authority);
    return a.host == null ? null : engine.propagation().callerFor(a.host, a.port);
  }

  /** Whether it was a registered instance of the target that answered the call. */
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
