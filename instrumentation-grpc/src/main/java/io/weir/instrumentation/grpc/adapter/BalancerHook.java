package io.weir.instrumentation.grpc.adapter;

import io.grpc.LoadBalancer;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;

/** Puts a {@link RoutedHelper} between a channel and its load balancer. */
public final class BalancerHook extends Hook {
  private final Engine engine;

  public BalancerHook(Engine engine) {
    this.engine = engine;
  }

  @Override
  public Object enter(Object factory, Object helper, Object unused) {
    return RoutedHelper.around((LoadBalancer.Helper) helper, engine);
  }
}
