package io.weir.instrumentation.opentelemetry;

import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Collections;
import java.util.List;

/** The OpenTelemetry that an application sets up for itself, any 1.x. Governs no calls. */
public final class OpenTelemetryModule extends WeirModule {
  /** Takes an OpenTelemetry as its first argument. */
  public static final String SET = "io.weir.instrumentation.opentelemetry.adapter.SetHook";

  public OpenTelemetryModule() {
    super("opentelemetry");
  }

  @Override
  public String[] hooks() {
    return new String[] {SET};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Collections.<WovenTypes>singletonList(new GlobalInstrumentation());
  }
}
