package io.weir.engine.call;

/**
 * Runs a task when the wait of a paced call is over, so that no thread waits with the call.
 *
 * <p>Any thread may call it. The tasks of all calls share one thread. So a task only hands its call
 * back to the threads of its library and takes no time itself.
 */
public interface Pacer {
  /** Runs {@code task} once, {@code nanos} from now or as soon as possible after that. */
  void after(long nanos, Runnable task);
}
