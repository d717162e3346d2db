package io.weir.instrumentation.opentelemetry.adapter;

import io.opentelemetry.api.OpenTelemetry;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/**
 * An OpenTelemetry was set up: Weir's metrics go there, and its decisions onto its spans. Typed
 * against the application's own API, or, under the OpenTelemetry agent, against the copy that agent
 * keeps to itself.
 */
public final class SetHook extends Hook {
  private static final String APPLICATIONS_OWN = "io.opentelemetry.api.";
  private static final String OF_THE_AGENT =
      "io.opentelemetry.javaagent.shaded.io.opentelemetry.api.GlobalOpenTelemetry";

  private final Engine engine;

  /** Held here, for as long as the woven class lives; the engine holds it weakly. */
  private final Spans spans = new Spans();

  private boolean shown;

  public SetHook(Engine engine) {
    this.engine = engine;
  }

  /**
   * @param a0 the OpenTelemetry
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    OpenTelemetry openTelemetry = (OpenTelemetry) a0;
    if (openTelemetry == null
        || openTelemetry == OpenTelemetry.noop()
        || standsInTheAgentsPlace()) {
      return null;
    }
    show();
    try {
      openTelemetry.getMeterProvider();
    } catch (LinkageError olderThan110) {
      return null; // its API has no metrics
    }
    engine.outlet().found(readings -> new Instruments(openTelemetry, readings).register());
    return null;
  }

  /** Set by an application, where the OpenTelemetry agent has put its own in its place. */
  private static boolean standsInTheAgentsPlace() {
    if (!OpenTelemetry.class.getName().startsWith(APPLICATIONS_OWN)) {
      return false;
    }
    try {
      Class.forName(OF_THE_AGENT, false, null);
      return true;
    } catch (ClassNotFoundException noAgent) {
      return false;
    }
  }

  private synchronized void show() {
    if (!shown) {
      shown = true;
      engine.listeners().addWeakly(spans);
    }
  }
}
