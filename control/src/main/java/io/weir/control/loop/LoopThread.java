package io.weir.control.loop;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** The real {@link Loop}: one daemon thread, started by the first task. */
public final class LoopThread implements Loop, AutoCloseable {
  private final Log log;
  private final ScheduledThreadPoolExecutor executor;

  /**
   * @param name the thread's name, {@code weir-control} in the agent
   */
  public LoopThread(final String name, Log log) {
    this.log = log;
    executor =
        new ScheduledThreadPoolExecutor(
            1,
            new ThreadFactory() {
              @Override
              public Thread newThread(Runnable task) {
                Thread t = new Thread(task, name);
                t.setDaemon(true);
                return t;
              }
            });
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public void execute(Runnable task) {
    try {
      executor.execute(guarded(task));
    } catch (RejectedExecutionException closed) {
      // dropped: the loop is closed
    }
  }

  @Override
  public Timer schedule(Runnable task, long delayNanos) {
    final Future<?> f;
    try {
      f = executor.schedule(guarded(task), delayNanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException closed) {
      return () -> {};
    }
    return () -> f.cancel(false);
  }

  @Override
  public long now() {
    return System.nanoTime();
  }

  /** Runs what is queued now, for {@code waitNanos} at most, and drops the rest. */
  public void close(long waitNanos) {
    CountDownLatch last = new CountDownLatch(1);
    execute(last::countDown);
    try {
      last.await(waitNanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    executor.shutdownNow();
  }

  @Override
  public void close() {
    close(TimeUnit.SECONDS.toNanos(1));
  }

  private Runnable guarded(final Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Throwable t) {
        log.warn("weir: a control task failed and was dropped: " + t);
      }
    };
  }
}
