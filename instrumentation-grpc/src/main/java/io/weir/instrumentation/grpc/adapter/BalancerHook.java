package io.weir.instrumentation.grpc.adapter;

import io.grpc.LoadBalancer;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Puts a {@link RoutedHelper} between a channel and its load balancer. */
public final class BalancerHook extends Hook {
  private final Engine engine;

  public BalancerHook(Engine engine) {
    this.engine = engine;
  }

  @Override
  public Object enter(
      Object factory, @Nullable Object helper, @Nullable Object a1, @Nullable Object a2) {
    return RoutedHelper.around((LoadBalancer.Helper) Objects.requireNonNull(helper), engine);
  }
}
