package io.weir.instrumentation.grpc.adapter;

import io.grpc.CallOptions;
import io.weir.engine.instances.Instance;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The instance a call was decided for, on its way from the gate to the picker: in the call's
 * options, which is all of a call that every picker gets, of a retry and of one that has waited for
 * a connection as well.
 *
 * <p>A value of its own is what options have {@link CallOptions#withOption} for. That makes an
 * array of arrays each time, for which HotSpot leaves compiled code: half of what routing a call
 * costs. Calls that bring their executor, as those of blocking stubs do, get this in its place,
 * which hands every task on to it. The library looks at an executor only to run tasks; but for one
 * that runs them at once, Guava's enum, it has a way of its own, so that is left as it is.
 */
final class RoutedExecutor implements Executor {
  private static final CallOptions.Key<Instance> OPTION = CallOptions.Key.create("weir-instance");

  private final Instance instance;
  private final Executor executor;

  private RoutedExecutor(Instance instance, Executor executor) {
    this.instance = instance;
    this.executor = executor;
  }

  /** The options with the instance in them. */
  static CallOptions to(Instance instance, CallOptions options) {
    Executor own = options.getExecutor();
    return own == null || own instanceof Enum
        ? options.withOption(OPTION, instance)
        : options.withExecutor(new RoutedExecutor(instance, own));
  }

  /** The instance in a call's options, or null. */
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
