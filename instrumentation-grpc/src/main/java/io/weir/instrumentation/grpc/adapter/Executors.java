package io.weir.instrumentation.grpc.adapter;

import io.grpc.internal.GrpcUtil;
import io.grpc.internal.ObjectPool;
import io.grpc.internal.SharedResourceHolder;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The library's own threads, borrowed: its timer, which also ends its deadlines, and the executor
 * that the application gave a channel or server. So a paced call needs no thread of ours and its
 * code runs where the application expects it.
 */
final class Executors {
  private final ObjectPool<? extends Executor> pool;

  /**
   * @param pool where the channel or server gets its executor from
   */
  Executors(ObjectPool<? extends Executor> pool) {
    this.pool = pool;
  }

  /** Runs a task on {@code preferred}, or, when that is null, on the executor of the pool. */
  void execute(@Nullable Executor preferred, Runnable task) {
    if (preferred != null) {
      run(preferred, task);
      return;
    }
    Executor executor = pool.getObject();
    try {
      run(executor, task);
    } finally {
      pool.returnObject(executor);
    }
  }

  /** As {@link #execute}, after a while. */
  void execute(final @Nullable Executor preferred, final Runnable task, long delayNanos) {
    final ScheduledExecutorService timer = SharedResourceHolder.get(GrpcUtil.TIMER_SERVICE);
    timer.schedule(
        new Runnable() {
          @Override
          public void run() {
            SharedResourceHolder.release(GrpcUtil.TIMER_SERVICE, timer);
            execute(preferred, task);
          }
        },
        delayNanos,
        TimeUnit.NANOSECONDS);
  }

  private static void run(Executor executor, Runnable task) {
    try {
      executor.execute(task);
    } catch (RejectedExecutionException down) {
      // the application took its executor away; whoever waits for this call must still learn its
      // end
      task.run();
    }
  }
}
