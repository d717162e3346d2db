package io.weir.control.loop;

/**
 * Makes the agent's threads: daemons with the agent's context class loader. When one ends with an
 * exception, our log says so. Without a handler of ours the application's default one would run,
 * which may do anything, even exit the JVM.
 */
public final class Daemon {
  private Daemon() {}

  /** A thread that is not started yet. */
  public static Thread thread(String name, Runnable task, Log log) {
    Thread t = new Thread(task, name);
    t.setDaemon(true);
    t.setContextClassLoader(Daemon.class.getClassLoader());
    t.setUncaughtExceptionHandler(
        (ended, thrown) -> {
          try {
            log.warn("weir: the thread " + ended.getName() + " ended: " + thrown);
          } catch (Throwable unlogged) {
            // then nothing is reported
          }
        });
    return t;
  }
}
