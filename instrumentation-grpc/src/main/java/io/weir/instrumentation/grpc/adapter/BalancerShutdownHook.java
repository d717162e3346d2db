package io.weir.instrumentation.grpc.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/** Shuts a {@link RoutedHelper} down together with its load balancer. */
public final class BalancerShutdownHook extends Hook {
  /** Called by reflection: every hook has this constructor, though this one needs no engine. */
  public BalancerShutdownHook(Engine engine) {}

  @Override
  public @Nullable Object enter(
      Object balancer, @Nullable Object helper, @Nullable Object a1, @Nullable Object a2) {
    if (helper instanceof RoutedHelper) {
      ((RoutedHelper) helper).shutdown();
    }
    return null;
  }
}
