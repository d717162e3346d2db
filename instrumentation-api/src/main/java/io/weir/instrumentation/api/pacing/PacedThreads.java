package io.weir.instrumentation.api.pacing;

import io.weir.bootstrap.Colour;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads on which paced calls continue, if their library has no threads for that. Connecting may
 * wait for a name service, and callbacks run code of the application. Neither may run on the
 * pacer's thread.
 *
 * <p>The threads end after ten seconds without work. They keep no object of the application.
 */
public final class PacedThreads {
  private static final int MOST = 4;
  private static final long IDLE_SECONDS = 10;

  /** A class of its own, so that it is not loaded before a call has waited. */
  private static final class Pool {
    static final ThreadPoolExecutor INSTANCE =
        new ThreadPoolExecutor(
            MOST,
            MOST,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            task -> {
              Thread t = new Thread(task, "weir-paced");
              t.setDaemon(true);
              t.setContextClassLoader(PacedThreads.class.getClassLoader());
              return t;
            });

    static {
      INSTANCE.allowCoreThreadTimeOut(true);
    }
  }

  private PacedThreads() {}

  /**
   * Makes a task that runs with the traffic colour and the context class loader of this thread.
   *
   * @return runs the task once, on one of these threads; if no thread can be started, on the thread
   *     that runs it
   */
  public static Runnable handingOver(Runnable task) {
    Colour colour = Colour.current();
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    return () -> HandOff.to(Pool.INSTANCE, () -> as(colour, loader, task), PacedThreads::runsHere);
  }

  private static void runsHere(Throwable noThread) {}

  private static void as(Colour colour, ClassLoader loader, Runnable task) {
    Thread thread = Thread.currentThread();
    ClassLoader own = thread.getContextClassLoader();
    Colour before = Colour.swap(colour);
    thread.setContextClassLoader(loader);
    try {
      task.run();
    } finally {
      thread.setContextClassLoader(own);
      Colour.swap(before);
    }
  }
}
