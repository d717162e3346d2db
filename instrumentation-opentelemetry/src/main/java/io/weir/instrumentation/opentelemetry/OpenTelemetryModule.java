package io.weir.instrumentation.opentelemetry;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import java.util.Collections;
import java.util.List;

/** The OpenTelemetry that an application sets up for itself, any 1.x. */
public final class OpenTelemetryModule extends InstrumentationModule {
  public OpenTelemetryModule() {
    super("opentelemetry", "weir-opentelemetry");
  }

  @Override
  public List<TypeInstrumentation> typeInstrumentations() {
    return Collections.<TypeInstrumentation>singletonList(new GlobalInstrumentation());
  }
}
