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
 * Puts the gate first among a channel's interceptors. The first is called last: what the
 * application's own interceptors did to the call is done by then, and its headers are final.
 */
public final class ClientBuildHook extends Hook {
  private final Engine engine;

  /**
   * What a channel's first call needs. Loaded when the channel is built, where the stack is not
   * deep: a class loader that runs on top of a call takes kilobytes of its stack.
   */
  private static final String[] CALL = {
    "ClientAttributes",
    "PropagatingListener",
    "PropagatingClientCall",
    "RoutedExecutor",
    "GovernedClientCall",
    "GovernedClientCall$Outcome",
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
        // the call that needs it will say so
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
    // a builder may build more than once
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
