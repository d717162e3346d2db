package io.weir.agent.telemetry;

import static io.weir.agent.telemetry.Labels.SERVICE;
import static io.weir.agent.telemetry.Labels.text;
import static io.weir.engine.measure.Metric.Kind.COUNTER;

import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.SelectionCounters;
import io.weir.engine.measure.Metric;
import java.util.Map;

/** Which instances the router chose, and why. */
final class RouteMetrics {
  private final MetricTable table;
  private final Engine engine;

  RouteMetrics(MetricTable table, Engine engine) {
    this.table = table;
    this.engine = engine;
  }

  void add() {
    table.add(
        new Metric(
            "weir.route.selections",
            COUNTER,
            "{call}",
            "Calls by the version and region of the instance chosen, and by why.",
            SERVICE,
            text("version"),
            text("region"),
            text("reason")),
        sink -> {
          for (ServicePlan p : engine.snapshot().plans()) {
            if (p.router() != null) {
              for (SelectionCounters s : p.router().counters().selections()) {
                for (SelectionCounters.Reason why : SelectionCounters.Reason.values()) {
                  long n = s.chosen(why);
                  if (n > 0) {
                    String reason = why.name().toLowerCase(java.util.Locale.ROOT);
                    sink.value(n, 1, p.service(), s.version(), s.region(), reason);
                  }
                }
              }
            }
          }
        });
    table.add(
        new Metric(
            "weir.route.arms",
            COUNTER,
            "{call}",
            "Calls by the arm the rule gave them, in shadow mode too.",
            SERVICE,
            text("arm")),
        sink -> {
          for (ServicePlan p : engine.snapshot().plans()) {
            if (p.router() != null) {
              for (Map.Entry<String, Long> e : p.router().counters().arms().entrySet()) {
                sink.value(e.getValue(), 1, p.service(), e.getKey());
              }
            }
          }
        });
    table.add(
        new Metric(
            "weir.route.refused", COUNTER, "{call}", "Calls refused by the router.", SERVICE),
        sink -> {
          for (ServicePlan p : engine.snapshot().plans()) {
            if (p.router() != null) {
              sink.value(p.router().counters().refused(), 1, p.service());
            }
          }
        });
  }
}
