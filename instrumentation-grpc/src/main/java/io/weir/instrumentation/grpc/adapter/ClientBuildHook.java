package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientInterceptor;
import io.grpc.internal.ObjectPool;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Adds the gate as the first of a channel's interceptors. The first is called last, after the
 * application's own interceptors, so the call's headers are final by then.
 */
public final class ClientBuildHook extends Hook {
  private final Engine engine;

  /**
   * Classes that a channel's first call needs. They are loaded when the channel is built: class
   * loading needs kilobytes of stack, and an application's call may have little left.
   */
  private static final String[] CALL = {
    "ClientAttributes",
    "PropagatingHandler",
    "PropagatingClientCall",
    "RoutedExecutor",
    "GovernedClientCall",
    "GovernedClientCall$EndListener",
    "GrpcRefusal",
    "RefusedClientCall",
    "RoutedHelper",
  };

  public ClientBuildHook(Engine engine) {
    this.engine = engine;
    String prefix = ClientBuildHook.class.getName().replace("ClientBuildHook", "");
    for (String name : CALL) {
      try {
        Class.forName(prefix + name, true, ClientBuildHook.class.getClassLoader());
      } catch (Throwable notHere) {
        // reported by the call that needs it
      }
    }
  }

  @Override
  public @Nullable Object enter(
      Object builder,
      @Nullable Object interceptors,
      @Nullable Object executors,
      @Nullable Object a2) {
    @SuppressWarnings("unchecked")
    List<ClientInterceptor> list = (List<ClientInterceptor>) Objects.requireNonNull(interceptors);
    // a builder may be used again
    for (ClientInterceptor i : list) {
      if (i instanceof ClientGate) {
        return null;
      }
    }
    @SuppressWarnings("unchecked")
    ObjectPool<? extends Executor> pool =
        (ObjectPool<? extends Executor>) Objects.requireNonNull(executors);
    list.add(0, new ClientGate(engine, pool));
    return null;
  }
}
