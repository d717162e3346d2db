package io.weir.instrumentation.api.pacing;

import io.weir.bootstrap.Colour;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads on which paced calls go on whose library has none to give: connecting may ask a name
 * service, and callbacks are the application's, so neither belongs on the pacer's thread.
 *
 * <p>They are gone after ten seconds without work, and hold nothing of the application then.
 */
public final class PacedThreads {
  private static final int MOST = 4;
  private static final long IDLE_SECONDS = 10;

  /** Not loaded before somebody waits. */
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
   * A task that runs as if on the calling thread, whose traffic colour and class loader it has.
   *
   * @return what hands it over: runs it once on one of the threads, or here where there is none
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
