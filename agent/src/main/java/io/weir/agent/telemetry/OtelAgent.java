package io.weir.agent.telemetry;

import io.weir.agent.log.AgentLog;
import io.weir.agent.weave.MovedLibrary;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.opentelemetry.OpenTelemetryModule;
import java.lang.reflect.Field;
import org.jspecify.annotations.Nullable;

/**
 * The OpenTelemetry of the OpenTelemetry Java agent, when that runs in the same JVM. It keeps the
 * API to itself, in the boot loader under another name, so that it is there whether or not the
 * application knows of OpenTelemetry.
 */
final class OtelAgent {
  private static final String API = "io/opentelemetry/";
  private static final String MOVED = "io/opentelemetry/javaagent/shaded/io/opentelemetry/";
  private static final String GLOBAL = (MOVED + "api/GlobalOpenTelemetry").replace('/', '.');

  private static final int TRIES = 300;
  private static final long EVERY_MILLIS = 100;

  /** The engine holds it weakly, and nobody else would. */
  private static volatile @Nullable Hook hook;

  private OtelAgent() {}

  /** Whether that agent is here. It begins before {@code main}. */
  static boolean present() {
    try {
      Class.forName(GLOBAL, false, null);
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }

  /** Exports there, at once or, where that agent puts its start off, as soon as it has begun. */
  static void exportTo(Engine engine) {
    try {
      Object openTelemetry = global();
      if (openTelemetry != null) {
        export(engine, openTelemetry);
        return;
      }
    } catch (Throwable t) {
      failed(t);
      return;
    }
    Thread wait =
        new Thread(
            () -> {
              try {
                Object o = null;
                for (int i = 0; i < TRIES && o == null; i++) {
                  Thread.sleep(EVERY_MILLIS);
                  o = global();
                }
                if (o != null) {
                  export(engine, o);
                }
              } catch (InterruptedException stop) {
                // the JVM is going down
              } catch (Throwable t) {
                failed(t);
              }
            },
            "weir-otel");
    wait.setDaemon(true);
    wait.start();
  }

  /** Null until it is set. Not by {@code get()}, which would set a no-op. */
  private static @Nullable Object global() throws ReflectiveOperationException {
    Field f = Class.forName(GLOBAL, true, null).getDeclaredField("globalOpenTelemetry");
    f.setAccessible(true);
    return f.get(null);
  }

  private static void export(Engine engine, Object openTelemetry) throws Throwable {
    Hook h = MovedLibrary.adapter(OpenTelemetryModule.SET, engine, null, API, MOVED);
    h.enter(OtelAgent.class, openTelemetry, null, null);
    hook = h;
  }

  private static void failed(Throwable t) {
    AgentLog.get().warn("no metrics through the OpenTelemetry agent: " + t);
  }
}
