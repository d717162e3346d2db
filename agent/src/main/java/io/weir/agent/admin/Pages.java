package io.weir.agent.admin;

import io.weir.agent.config.Config;
import io.weir.agent.coverage.Coverage;
import io.weir.agent.telemetry.RecentLatencies;
import io.weir.control.ControlPlane;
import io.weir.control.Health;
import io.weir.control.json.JsonText;
import io.weir.engine.decision.DecisionLog;
import io.weir.engine.gate.Engine;
import io.weir.engine.measure.MetricReader;
import java.util.Collections;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * The pages of the admin endpoint: {@code /health /config /rules /coverage /latency /decisions
 * /metrics}.
 */
public final class Pages {
  private static final String JSON = "application/json";

  private Pages() {}

  /** An endpoint not started yet, showing these parts. */
  public static AdminServer of(
      final AdminAccess access,
      final Engine engine,
      final ControlPlane plane,
      final Config config,
      final LongSupplier failOpen,
      final String version,
      final MetricReader readings,
      final DecisionLog decisions,
      final Coverage coverage) {
    final RecentLatencies latency = new RecentLatencies(engine, Integer.MAX_VALUE);
    return new AdminServer(access)
        .page("/health", JSON, () -> health(engine, plane.health(), failOpen.getAsLong(), version))
        .page("/config", JSON, () -> config(config))
        .page("/rules", JSON, () -> rules(engine.service(), plane, version))
        .page("/coverage", JSON, () -> coverage.page(engine.service()))
        .page("/latency", JSON, () -> latency.get() + "\n")
        .page("/decisions", JSON, new DecisionPage(decisions)::text)
        .page(
            "/metrics",
            "text/plain; version=0.0.4; charset=utf-8",
            () -> Exposition.text(readings));
  }

  private static String health(Engine engine, Health h, long failOpen, String version) {
    return "{\"service\":"
        + JsonText.quote(engine.service())
        + ",\"version\":"
        + JsonText.quote(version)
        + ",\"connected\":"
        + h.connected
        + ",\"reason\":"
        + JsonText.quote(h.reason)
        + ",\"revision\":"
        + h.revision
        + ",\"rules_from_disk\":"
        + h.restored
        + ",\"fail_open\":"
        + failOpen
        + "}\n";
  }

  private static String rules(String service, ControlPlane plane, String version) {
    return plane
            .report()
            .toJson(
                service,
                version,
                Collections.<String>emptyList(),
                plane.tuningJson(),
                "",
                "",
                "",
                null,
                null)
        + "\n";
  }

  private static String config(Config config) {
    StringBuilder b = new StringBuilder("{");
    String comma = "";
    for (Map.Entry<String, String> e : config.redacted().entrySet()) {
      b.append(comma)
          .append(JsonText.quote(e.getKey()))
          .append(":{\"value\":")
          .append(JsonText.quote(e.getValue()))
          .append(",\"origin\":")
          .append(JsonText.quote(String.valueOf(config.origin(e.getKey()))))
          .append('}');
      comma = ",\n ";
    }
    return b.append("}\n").toString();
  }
}
