package io.weir.instrumentation.grpc.adapter;

import io.grpc.ServerInterceptor;
import io.grpc.internal.ObjectPool;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Adds the gate as the last of a server's interceptors. The last is called first, so a refused call
 * reaches none of the application's code.
 */
public final class ServerBuildHook extends Hook {
  private final Engine engine;

  public ServerBuildHook(Engine engine) {
    this.engine = engine;
  }

  @Override
  public @Nullable Object enter(
      Object builder,
      @Nullable Object interceptors,
      @Nullable Object executors,
      @Nullable Object a2) {
    @SuppressWarnings("unchecked")
    List<ServerInterceptor> list = (List<ServerInterceptor>) Objects.requireNonNull(interceptors);
    // a builder may be used again, with more interceptors: the gate must be the last of them
    for (Iterator<ServerInterceptor> i = list.iterator(); i.hasNext(); ) {
      if (i.next() instanceof ServerGate) {
        i.remove();
      }
    }
    @SuppressWarnings("unchecked")
    ObjectPool<? extends Executor> pool =
        (ObjectPool<? extends Executor>) Objects.requireNonNull(executors);
    list.add(new ServerGate(engine, pool));
    return null;
  }
}
