package io.weir.instrumentation.opentelemetry.adapter;

import io.opentelemetry.api.OpenTelemetry;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/**
 * Called when an OpenTelemetry was set up. From then on Weir's metrics are sent there, and Weir's
 * decisions are written on its spans. The API that this class uses is the application's, or, under
 * the OpenTelemetry agent, that agent's internal copy.
 */
public final class SetHook extends Hook {
  private static final String APPLICATION_API = "io.opentelemetry.api.";
  private static final String AGENT_COPY =
      "io.opentelemetry.javaagent.shaded.io.opentelemetry.api.GlobalOpenTelemetry";

  private final Engine engine;

  /** The engine holds it weakly. This field keeps it alive for as long as the woven class. */
  private final Spans spans = new Spans();

  private boolean listenerAdded;

  public SetHook(Engine engine) {
    this.engine = engine;
  }

  /**
   * @param a0 the OpenTelemetry that was set
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    OpenTelemetry openTelemetry = (OpenTelemetry) a0;
    if (openTelemetry == null || openTelemetry == OpenTelemetry.noop() || isReplacedByAgent()) {
      return null;
    }
    addListener();
    try {
      openTelemetry.getMeterProvider();
    } catch (LinkageError olderThan110) {
      return null; // its API has no metrics
    }
    engine.outlet().found(readings -> new Instruments(openTelemetry, readings).register());
    return null;
  }

  /**
   * Whether this is an application's call of {@code set} under the OpenTelemetry agent. That agent
   * replaces the application's OpenTelemetry by its own, for which this hook is called, too.
   */
  private static boolean isReplacedByAgent() {
    if (!OpenTelemetry.class.getName().startsWith(APPLICATION_API)) {
      return false;
    }
    try {
      Class.forName(AGENT_COPY, false, null);
      return true;
    } catch (ClassNotFoundException noAgent) {
      return false;
    }
  }

  private synchronized void addListener() {
    if (!listenerAdded) {
      listenerAdded = true;
      engine.listeners().addWeakly(spans);
    }
  }
}
