package io.weir.instrumentation.grpc.adapter;

import io.grpc.CallOptions;
import io.weir.engine.instances.Instance;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Carries the instance chosen for a call from the gate to the picker, in the call's options. Every
 * picker sees them, also that of a retry or of a call that has waited for a connection, and they
 * are not sent to the target.
 *
 * <p>{@link CallOptions#withOption} is made for this. But it allocates an array of arrays each
 * time, for which HotSpot leaves compiled code: half of the cost of routing a call. So where the
 * options have an executor, as those of blocking stubs do, this class takes its place, holds the
 * instance and passes every task on. The library uses an executor only to run tasks. The exception
 * is Guava's direct executor, an enum, which it treats differently; that one stays.
 */
final class RoutedExecutor implements Executor {
  private static final CallOptions.Key<Instance> OPTION = CallOptions.Key.create("weir-instance");

  private final Instance instance;
  private final Executor executor;

  private RoutedExecutor(Instance instance, Executor executor) {
    this.instance = instance;
    this.executor = executor;
  }

  /** Options that carry the instance. */
  static CallOptions to(Instance instance, CallOptions options) {
    Executor own = options.getExecutor();
    return own == null || own instanceof Enum
        ? options.withOption(OPTION, instance)
        : options.withExecutor(new RoutedExecutor(instance, own));
  }

  /** The instance that a call's options carry, or null. */
  static @Nullable Instance instance(CallOptions options) {
    Executor executor = options.getExecutor();
    return executor instanceof RoutedExecutor
        ? ((RoutedExecutor) executor).instance
        : options.getOption(OPTION);
  }

  @Override
  public void execute(Runnable task) {
    executor.execute(task);
  }
}
