package io.weir.control.loop;

/**
 * Threads of the agent: daemons with a context class loader of ours. One that ends with an
 * exception says so in our log, in place of the application's default handler, which may do as it
 * likes (print to a stderr that nobody reads, exit).
 */
public final class Daemon {
  private Daemon() {}

  /** Makes a thread and does not start it. */
  public static Thread thread(String name, Runnable task, Log log) {
    Thread t = new Thread(task, name);
    t.setDaemon(true);
    t.setContextClassLoader(Daemon.class.getClassLoader());
    t.setUncaughtExceptionHandler(
        (ended, thrown) -> {
          try {
            log.warn("weir: the thread " + ended.getName() + " ended: " + thrown);
          } catch (Throwable again) {
            // then it ends without a word
          }
        });
    return t;
  }
}
