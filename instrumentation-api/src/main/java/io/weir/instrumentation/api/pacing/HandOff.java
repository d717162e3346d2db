package io.weir.instrumentation.api.pacing;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives a task to the application's executor so that it runs exactly once, whatever the executor
 * does: throw any exception or error, with or without having queued the task or run it. Who waits
 * for the call behind it always learns its end.
 */
public final class HandOff implements Runnable {
  private final AtomicReference<@Nullable Thread> runner = new AtomicReference<@Nullable Thread>();
  private final Runnable task;

  private HandOff(Runnable task) {
    this.task = task;
  }

  /** A task that runs once, whoever comes first. */
  public static Runnable once(Runnable task) {
    return new HandOff(task);
  }

  /**
   * Runs a task on an executor, or here where that one fails (it is full, shut down, or out of
   * threads).
   *
   * @param rejected is told, before the task runs here
   */
  public static void to(Executor executor, Runnable task, Consumer<Throwable> rejected) {
    HandOff once = new HandOff(task);
    try {
      executor.execute(once);
    } catch (Throwable noThread) {
      // the executor may have queued it before it threw, or have run it here
      if (once.runner.get() == Thread.currentThread()) {
        throw noThread; // the task's own
      }
      if (once.claim()) {
        rejected.accept(noThread);
        task.run();
      }
    }
  }

  private boolean claim() {
    return runner.compareAndSet(null, Thread.currentThread());
  }

  @Override
  public void run() {
    if (claim()) {
      task.run();
    }
  }
}
