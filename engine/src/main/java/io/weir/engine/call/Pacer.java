package io.weir.engine.call;

/**
 * Lets a paced call go on when its time has come, so that no thread waits with it.
 *
 * <p>Any thread may ask. Tasks of all calls share one thread: they hand the call back to its
 * library's own threads and do nothing that takes time.
 */
public interface Pacer {
  /** Runs {@code task} once, {@code nanos} from now or as soon after as can be. */
  void after(long nanos, Runnable task);
}
