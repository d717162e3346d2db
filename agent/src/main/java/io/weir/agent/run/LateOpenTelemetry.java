package io.weir.agent.run;

import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.opentelemetry.OpenTelemetryModule;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Field;

/** For an agent that comes late: OpenTelemetries that applications have set up already. */
final class LateOpenTelemetry {
  private LateOpenTelemetry() {}

  static void announce(Instrumentation instrumentation) {
    for (Class<?> c : instrumentation.getAllLoadedClasses()) {
      if (c.getName().equals("io.opentelemetry.api.GlobalOpenTelemetry")
          && c.getClassLoader() != null
          && c.getClassLoader() != LateOpenTelemetry.class.getClassLoader()) {
        try {
          // not get(): it would set a no-op where there is none
          Field f = c.getDeclaredField("globalOpenTelemetry");
          f.setAccessible(true);
          Object set = f.get(null);
          if (set != null) {
            Bridge.enter(Bridge.hook(OpenTelemetryModule.SET), c, c, set, null, null);
          }
        } catch (Throwable t) {
          AgentLog.get().warn("no metrics through the application's OpenTelemetry: " + t);
        }
      }
    }
  }
}
