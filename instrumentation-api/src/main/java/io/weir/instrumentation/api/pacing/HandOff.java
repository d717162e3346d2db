package io.weir.instrumentation.api.pacing;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives a task to the application's executor so that it runs exactly once. An executor may throw
 * anything, before or after it has queued the task, or even after it has run it. The task then
 * still runs once, so that whoever waits for its call learns the call's end.
 */
public final class HandOff implements Runnable {
  /** The thread that runs the task, or has run it; null until then. */
  private final AtomicReference<@Nullable Thread> runner = new AtomicReference<@Nullable Thread>();

  private final Runnable task;

  private HandOff(Runnable task) {
    this.task = task;
  }

  /** A task that runs at the first call of {@code run} and not again. */
  public static Runnable once(Runnable task) {
    return new HandOff(task);
  }

  /**
   * Runs a task on an executor or, if that rejects it (full, shut down, out of threads), on this
   * thread.
   *
   * @param rejected called with what the executor threw, before the task runs on this thread
   */
  public static void to(Executor executor, Runnable task, Consumer<Throwable> rejected) {
    HandOff once = new HandOff(task);
    try {
      executor.execute(once);
    } catch (Throwable noThread) {
      // the executor may have queued the task before it threw, or have run it on this thread
      if (once.runner.get() == Thread.currentThread()) {
        throw noThread; // thrown by the task itself
      }
      if (once.claim()) {
        rejected.accept(noThread);
        task.run();
      }
    }
  }

  /** True for the first caller, which must run the task. */
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
