package io.weir.agent.run;

import io.weir.agent.log.AgentLog;
import io.weir.agent.telemetry.Telemetry;
import io.weir.control.ControlPlane;
import io.weir.control.loop.Daemon;
import io.weir.control.registry.Registry;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An orderly end: deregister, give the routers time to see it ({@code weir.drain_ms}), then let the
 * application stop.
 *
 * <p>Shutdown hooks all start at once, so the application's own would close its server while calls
 * still come in. Hence the drain happens before any hook: SIGTERM is taken, the instance
 * deregisters and drains, and the JVM's own handler goes on. An application that installs a handler
 * of its own later, or a JVM with {@code -Xrs}, keeps its ways; then only the hook deregisters,
 * without waiting.
 */
final class Shutdown {
  /**
   * What {@code weir-stop} takes at most; the leases of an etcd that answers go in milliseconds.
   */
  static final long LONGEST_MILLIS = 4000;

  private Shutdown() {}

  static void install(
      final ControlPlane plane,
      final @Nullable Registry registry,
      final Telemetry telemetry,
      final long drainMillis) {
    Thread stop =
        new Thread(
            () -> {
              within(
                  LONGEST_MILLIS,
                  () -> {
                    if (registry != null) {
                      registry.close();
                    }
                    plane.close();
                  },
                  telemetry::close);
              AgentLog.get().flush(AgentLog.LAST_MILLIS);
            },
            "weir-stop");
    stop.setContextClassLoader(Shutdown.class.getClassLoader());
    try {
      Runtime.getRuntime().addShutdownHook(stop);
    } catch (IllegalStateException goingDown) {
      plane.close();
      return;
    }
    if (registry != null && drainMillis > 0) {
      try {
        Drain.install(registry, drainMillis);
      } catch (Throwable notHere) {
        AgentLog.get()
            .debug(
                "SIGTERM stays with the JVM ("
                    + notHere
                    + "): shutdown deregisters without draining");
      }
    }
  }

  /**
   * Runs the tasks beside each other on threads of their own, and returns when all have ended or
   * the time is over: whatever hangs (etcd, a collector, a lock), the JVM goes on ending.
   */
  static void within(long millis, Runnable... tasks) {
    CountDownLatch ended = new CountDownLatch(tasks.length);
    for (Runnable task : tasks) {
      try {
        Daemon.thread(
                "weir-close",
                () -> {
                  try {
                    task.run();
                  } finally {
                    ended.countDown();
                  }
                },
                new AgentLogSink())
            .start();
      } catch (Throwable noThread) {
        ended.countDown();
      }
    }
    try {
      ended.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * By reflection: {@code sun.misc.Signal} is outside what {@code --release 8} knows, though every
   * JVM has it.
   */
  private static final class Drain implements InvocationHandler {
    private final Registry registry;
    private final long millis;
    private final Method handle;
    private @Nullable Object before;

    private Drain(Registry registry, long millis, Method handle) {
      this.registry = registry;
      this.millis = millis;
      this.handle = handle;
    }

    static void install(Registry registry, long millis) throws ReflectiveOperationException {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object term = signal.getConstructor(String.class).newInstance("TERM");
      Method install = signal.getMethod("handle", signal, handler);
      Drain d = new Drain(registry, millis, handler.getMethod("handle", signal));
      Object ours =
          Proxy.newProxyInstance(Drain.class.getClassLoader(), new Class<?>[] {handler}, d);
      d.before = install.invoke(null, term, ours);
      if (d.before == handler.getField("SIG_IGN").get(null)
          || d.before == handler.getField("SIG_DFL").get(null)) {
        // somebody wanted TERM to do just that
        install.invoke(null, term, d.before);
      }
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      if (!method.getName().equals("handle")) {
        return method.invoke(this, arguments);
      }
      try {
        if (!registry.isEmpty()) {
          AgentLog.get()
              .info("SIGTERM: deregistered, draining for " + millis + " ms (weir.drain_ms)");
          registry.close();
          Thread.sleep(millis);
        }
      } catch (Throwable t) {
        // whatever it is (an interrupt, no memory): the JVM has been told to end
        AgentLog.get().warn("SIGTERM: the drain was cut short: " + t);
      }
      return handle.invoke(before, arguments);
    }
  }
}
