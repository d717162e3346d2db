package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.log.AgentLog;
import io.weir.agent.weave.Hooks;
import io.weir.agent.weave.Host;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/**
 * Starts the control plane once {@code main} has begun, on a daemon thread of its own: its
 * libraries (etcd client, Netty, gRPC, Jackson) cost seconds of class loading on cold cores, which
 * must not delay the application.
 */
final class Control extends Thread {
  private static final long GIVE_UP_WAITING_NANOS = 10_000_000_000L;

  private final Config config;
  private final Engine engine;
  private final Host host;
  private final Hooks hooks;
  private final CoverageWatch coverage;
  private final java.io.File jar;
  private final @Nullable Thread main;

  private Control(
      Config config,
      Engine engine,
      Host host,
      Hooks hooks,
      CoverageWatch coverage,
      java.io.File jar,
      @Nullable Thread main) {
    super("weir-start");
    this.config = config;
    this.engine = engine;
    this.host = host;
    this.hooks = hooks;
    this.coverage = coverage;
    this.jar = jar;
    this.main = main;
    setDaemon(true);
    setContextClassLoader(Control.class.getClassLoader());
  }

  static void startAfterMain(
      Config config,
      Engine engine,
      Host host,
      Hooks hooks,
      CoverageWatch coverage,
      java.io.File jar,
      boolean attached) {
    new Control(
            config, engine, host, hooks, coverage, jar, attached ? null : Thread.currentThread())
        .start();
  }

  @Override
  public void run() {
    try {
      awaitMain();
      ControlPlanes.start(config, engine, host, hooks, coverage, jar);
    } catch (InterruptedException stop) {
      // the JVM is going down
    } catch (Throwable t) {
      AgentLog.get().warn("the control plane could not start, no rules will be in force: " + t);
    }
  }

  /**
   * {@code premain} runs on the thread that later runs {@code main}: it has begun when its lowest
   * frame says so.
   */
  private void awaitMain() throws InterruptedException {
    long began = System.nanoTime();
    String mainClass = null;
    while (main != null
        && mainClass == null
        && main.isAlive()
        && System.nanoTime() - began < GIVE_UP_WAITING_NANOS) {
      StackTraceElement[] stack = main.getStackTrace();
      if (stack.length > 0 && "main".equals(stack[stack.length - 1].getMethodName())) {
        mainClass = stack[stack.length - 1].getClassName();
      } else {
        Thread.sleep(5);
      }
    }
    host.mainHasBegun(mainClass);
  }
}
