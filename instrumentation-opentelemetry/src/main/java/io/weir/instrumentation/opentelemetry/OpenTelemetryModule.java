package io.weir.instrumentation.opentelemetry;

import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Collections;
import java.util.List;

/**
 * Finds the OpenTelemetry (any 1.x) that an application has set up, so that Weir can send its
 * metrics there and write its decisions on spans. Governs no calls.
 */
public final class OpenTelemetryModule extends WeirModule {
  /**
   * Class name of the hook; its first argument is the OpenTelemetry that was set. Public because
   * the agent calls it, too: with one that was set before weaving, and with the OpenTelemetry
   * agent's.
   */
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
