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

  /**
   * Runs a task once, on {@code preferred}, or, when that is null, on the executor of the pool.
   * Where that one fails (it is full, shut down, or out of threads) the task runs here: whoever
   * waits for the call must still learn its end.
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

  /** As {@link #execute}, after a while; at once where the library's timer cannot be had. */
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
      // the executor may have queued it before it threw, or have run it here
      if (once.runner.get() == Thread.currentThread()) {
        throw noThread; // the task's own
      }
      once.run();
    }
  }

  /** A task that runs once, whoever comes first. */
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
