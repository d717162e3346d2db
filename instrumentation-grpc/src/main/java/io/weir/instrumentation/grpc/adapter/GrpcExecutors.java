package io.weir.instrumentation.grpc.adapter;

import io.grpc.internal.GrpcUtil;
import io.grpc.internal.ObjectPool;
import io.grpc.internal.SharedResourceHolder;
import io.weir.bootstrap.Bridge;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks on gRPC's own threads: on its timer, which also runs its deadlines, and on the
 * executor that the application gave to a channel or server. So a paced call needs no thread of
 * Weir's, and the application's code runs where it expects to.
 */
final class GrpcExecutors {
  private final ObjectPool<? extends Executor> pool;

  /**
   * @param pool from which the channel or server takes its executor
   */
  GrpcExecutors(ObjectPool<? extends Executor> pool) {
    this.pool = pool;
  }

  /**
   * Runs a task exactly once: on {@code preferred} or, when that is null, on the pool's executor.
   * If the executor rejects it (full, shut down, out of threads), the task runs on this thread:
   * whoever waits for the call must still learn its end.
   */
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

  /** As {@link #execute}, after a delay; at once if gRPC's timer fails. */
  void execute(final @Nullable Executor preferred, final Runnable task, long delayNanos) {
    final ScheduledExecutorService timer = SharedResourceHolder.get(GrpcUtil.TIMER_SERVICE);
    Runnable due =
        () -> {
          SharedResourceHolder.release(GrpcUtil.TIMER_SERVICE, timer);
          execute(preferred, task);
        };
    Once once = new Once(due);
    try {
      timer.schedule(once, delayNanos, TimeUnit.NANOSECONDS);
    } catch (Throwable noThread) {
      Bridge.failedOpen(noThread);
      once.run();
    }
  }

  private static void run(Executor executor, Runnable task) {
    Once once = new Once(task);
    try {
      executor.execute(once);
    } catch (Throwable noThread) {
      // the executor may have queued the task before it threw, or have run it on this thread
      if (once.runner.get() == Thread.currentThread()) {
        throw noThread; // thrown by the task itself
      }
      once.run();
    }
  }

  /** Runs a task at the first call of {@link #run} and not again. */
  private static final class Once implements Runnable {
    final AtomicReference<@Nullable Thread> runner = new AtomicReference<@Nullable Thread>();
    private final Runnable task;

    Once(Runnable task) {
      this.task = task;
    }

    @Override
    public void run() {
      if (runner.compareAndSet(null, Thread.currentThread())) {
        task.run();
      }
    }
  }
}
