package io.weir.agent.run;

import io.weir.agent.log.AgentLog;
import io.weir.engine.call.Pacer;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The thread {@code weir-pace}: started by the first call that waits without a thread of its own,
 * gone after ten seconds without any. Coming and going keeps it from holding on to what it inherits
 * from the application's thread that happened to start it.
 */
final class PaceThread implements Pacer {
  private static final long IDLE_SECONDS = 10;

  /** Not loaded before somebody waits. */
  private static final class Timer {
    static final ScheduledThreadPoolExecutor INSTANCE =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread t = new Thread(task, "weir-pace");
              t.setDaemon(true);
              t.setContextClassLoader(PaceThread.class.getClassLoader());
              return t;
            });

    static {
      INSTANCE.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
      INSTANCE.allowCoreThreadTimeOut(true);
    }
  }

  @Override
  public void after(long nanos, Runnable task) {
    Timer.INSTANCE.schedule(
        () -> {
          try {
            task.run();
          } catch (Throwable t) {
            AgentLog.get().warn("a paced call could not go on: " + t);
          }
        },
        nanos,
        TimeUnit.NANOSECONDS);
  }
}
