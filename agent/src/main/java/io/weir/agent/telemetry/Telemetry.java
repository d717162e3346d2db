package io.weir.agent.telemetry;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.agent.coverage.Finding;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Bridge;
import io.weir.control.Health;
import io.weir.control.feed.InstanceReport;
import io.weir.control.registry.Registry;
import io.weir.engine.gate.Engine;
import io.weir.engine.measure.MetricReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who gets the metrics: the OpenTelemetry agent if there is one; else the application's own
 * OpenTelemetry as soon as it sets one up; until then, if {@code weir.metrics.exporter} is {@code
 * otlp}, an SDK of our own, which stands down for the application's. Never is a global one
 * registered. The admin endpoint shows them in any case.
 */
public final class Telemetry implements AutoCloseable {
  private final Engine engine;
  private final Supplier<MetricReader> catalog;
  private @Nullable MetricReader readings;
  private @Nullable AutoCloseable own;

  private Telemetry(Engine engine, Supplier<MetricReader> catalog) {
    this.engine = engine;
    this.catalog = catalog;
  }

  /**
   * Begins to export. Not before {@code main}.
   *
   * @param registry where this JVM's servers are registered, or null: nowhere
   * @param coverage the libraries that this JVM has loaded
   * @param instance host:port or another name of this instance
   */
  public static Telemetry start(
      Config config,
      Engine engine,
      Supplier<Health> health,
      Supplier<InstanceReport> report,
      LongSupplier failOpen,
      LongSupplier failedTasks,
      @Nullable Registry registry,
      Supplier<List<Finding>> coverage,
      String instance,
      long intervalMillis) {
    boolean agent = OtelAgent.present();
    boolean legacy = config.flag(PropertyKey.METRICS_LEGACY_NAMES, false);
    Telemetry t =
        new Telemetry(
            engine,
            () ->
                new Catalog(
                    engine,
                    health,
                    report,
                    failOpen,
                    failedTasks,
                    registry,
                    coverage,
                    true,
                    legacy));
    String exporter = config.get(PropertyKey.METRICS_EXPORTER, "none").toLowerCase(Locale.ROOT);
    if (exporter.equals("otlp") && !agent) {
      t.ownSdk(config, instance, intervalMillis);
    } else if (!exporter.equals("none")
        && !exporter.equals("otlp")
        && !exporter.equals("prometheus")) {
      AgentLog.get()
          .warn(
              PropertyKey.METRICS_EXPORTER.propertyName()
                  + ": unknown exporter '"
                  + exporter
                  + "', expected none, otlp or prometheus; none is started");
    }
    if (!"false".equalsIgnoreCase(config.all(PropertyKey.INSTRUMENTATION).get("opentelemetry"))) {
      Supplier<MetricReader> theirs =
          agent
              ? () ->
                  new Catalog(
                      engine,
                      health,
                      report,
                      failOpen,
                      failedTasks,
                      registry,
                      coverage,
                      false,
                      false)
              : t::readings;
      engine.outlet().open(theirs, t::found, Bridge::failedOpen);
      if (agent) {
        OtelAgent.exportTo(engine);
      }
    }
    return t;
  }

  private synchronized void ownSdk(Config config, String instance, long intervalMillis) {
    String endpoint = config.get(PropertyKey.METRICS_ENDPOINT, "http://127.0.0.1:4317");
    Map<String, String> resource = new LinkedHashMap<String, String>();
    resource.put("service.name", engine.service());
    resource.put("service.instance.id", instance);
    put(resource, "service.version", config.get(PropertyKey.VERSION));
    put(resource, "cloud.region", config.get(PropertyKey.REGION));
    put(resource, "cloud.availability_zone", config.get(PropertyKey.ZONE));
    try {
      engine.measuring().start();
      own =
          new OwnSdk(
              readings(),
              endpoint,
              pairs(config.get(PropertyKey.METRICS_HEADERS, "")),
              intervalMillis,
              resource);
      AgentLog.get().info("metrics go to " + endpoint + " by OTLP");
    } catch (Throwable e) {
      // rules are worth more than metrics: they go on
      AgentLog.get()
          .warn(
              PropertyKey.METRICS_ENDPOINT.propertyName()
                  + ": '"
                  + endpoint
                  + "': "
                  + e
                  + "; no metrics are exported");
    }
  }

  private static void put(Map<String, String> to, String name, @Nullable String value) {
    if (value != null) {
      to.put(name, value);
    }
  }

  private static Map<String, String> pairs(String text) {
    Map<String, String> m = new LinkedHashMap<String, String>();
    for (String pair : text.split(",")) {
      int eq = pair.indexOf('=');
      if (eq > 0) {
        m.put(pair.substring(0, eq).trim(), pair.substring(eq + 1).trim());
      }
    }
    return m;
  }

  /** Somebody else exports from now on. */
  private synchronized void found() {
    engine.measuring().start();
    if (own != null) {
      close();
      AgentLog.get().info("the application has an OpenTelemetry of its own: metrics go there now");
    } else {
      AgentLog.get().debug("metrics go to the OpenTelemetry that is there");
    }
  }

  /** All metrics, for the admin endpoint. */
  public synchronized MetricReader readings() {
    if (readings == null) {
      readings = catalog.get();
    }
    return readings;
  }

  @Override
  public synchronized void close() {
    if (own != null) {
      try {
        own.close();
      } catch (Exception e) {
        AgentLog.get().debug("the last metrics were not sent: " + e);
      }
      own = null;
    }
  }
}
