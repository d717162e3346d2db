package io.weir.agent.telemetry;

import static io.weir.agent.telemetry.Labels.EXCEEDED;
import static io.weir.agent.telemetry.Labels.MODE;
import static io.weir.agent.telemetry.Labels.RULE;
import static io.weir.agent.telemetry.Labels.SERVICE;
import static io.weir.agent.telemetry.Labels.SIDE;
import static io.weir.agent.telemetry.Labels.text;
import static io.weir.engine.measure.Metric.Kind.COUNTER;
import static io.weir.engine.measure.Metric.Kind.GAUGE;

import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.MetricReader.Sink;
import org.jspecify.annotations.Nullable;

/** What rate limits and limits on calls under way decided, and what is exempt from them. */
final class LimiterMetrics {
  private final MetricTable table;
  private final Engine engine;

  LimiterMetrics(MetricTable table, Engine engine) {
    this.table = table;
    this.engine = engine;
  }

  void add() {
    table.add(
        new Metric(
            "rate_limit.hit_count",
            COUNTER,
            "{decision}",
            "Limiter decisions.",
            SERVICE,
            SIDE,
            RULE,
            MODE,
            EXCEEDED),
        sink ->
            limits(
                sink,
                (to, who, rule, admitted, exceeded, keys) -> {
                  to.value(admitted, 1, who[0], who[1], who[2], who[3], "false");
                  to.value(exceeded, 1, who[0], who[1], who[2], who[3], "true");
                }));
    table.add(
        new Metric(
            "rate_limit.exceeded",
            COUNTER,
            "{decision}",
            "Limiter refusals.",
            SERVICE,
            SIDE,
            RULE,
            MODE),
        sink ->
            limits(sink, (to, who, rule, admitted, exceeded, keys) -> to.value(exceeded, 1, who)));
    table.add(
        new Metric(
            "weir.rate_limit.keys",
            GAUGE,
            "{bucket}",
            "Buckets a keyed rule holds.",
            SERVICE,
            SIDE,
            RULE,
            MODE),
        sink ->
            limits(
                sink,
                (to, who, rule, admitted, exceeded, keys) -> {
                  if (rule) {
                    to.value(keys, 1, who);
                  }
                }));
    table.add(
        new Metric(
            "weir.exempt",
            COUNTER,
            "{call}",
            "Calls that limits and breakers let pass: health checks, calls to a management port;"
                + " infrastructure: those of exporters and registry clients, by rules under *.",
            SERVICE,
            SIDE,
            text("reason")),
        sink -> {
          String own = engine.service();
          sink.value(engine.exemptions().healthCheckCount(true), 1, own, "server", "health-check");
          sink.value(engine.exemptions().healthCheckCount(false), 1, own, "client", "health-check");
          sink.value(engine.exemptions().managementCount(), 1, own, "server", "management-port");
          sink.value(engine.exemptions().infrastructureCount(), 1, own, "client", "infrastructure");
        });
    running(
        "weir.limit.max_concurrent",
        "{call}",
        "Calls that may be under way at once, as of now.",
        (sink, rule, who) -> {
          if (rule.concurrencyLimit() > 0) {
            sink.value(rule.concurrencyLimit(), 1, who);
          }
        });
    running(
        "weir.limit.in_flight",
        "{call}",
        "Calls under way, as a rule with max_concurrent counts them.",
        (sink, rule, who) -> {
          if (rule.concurrencyLimit() > 0) {
            sink.value(rule.inFlight(), 1, who);
          }
        });
    running(
        "weir.limit.auto.qps",
        "", // not {call}/s: by OTLP that would end in _per_second, and on our page it does not
        "The rate a rule with auto has been tuned to.",
        (sink, rule, who) -> {
          if (rule.rule().auto != null) {
            sink.value(rule.qps(), 1, who);
          }
        });
  }

  private interface RunningValue {
    /**
     * @param who service, side, rule, mode
     */
    void to(Sink sink, RateLimiters.Running rule, String[] who);
  }

  private void running(String name, String unit, String description, RunningValue value) {
    table.add(
        new Metric(name, GAUGE, unit, description, SERVICE, SIDE, RULE, MODE),
        sink -> {
          for (ServicePlan p : engine.snapshot().plans()) {
            running(sink, p.service(), "server", p.server(), value);
            running(sink, p.service(), "client", p.client(), value);
          }
        });
  }

  private static void running(
      Sink sink, String service, String side, @Nullable RateLimiters limits, RunningValue value) {
    if (limits != null) {
      for (RateLimiters.Running r : limits.running()) {
        String[] who = {service, side, r.rule().id, r.rule().shadow ? "shadow" : "enforce"};
        value.to(sink, r, who);
      }
    }
  }

  private interface LimitValue {
    /**
     * @param who service, side, rule, mode
     */
    void to(Sink sink, String[] who, boolean keyed, long admitted, long exceeded, int keys);
  }

  private void limits(Sink sink, LimitValue value) {
    for (ServicePlan p : engine.snapshot().plans()) {
      limits(sink, p.service(), "server", p.server(), value);
      limits(sink, p.service(), "client", p.client(), value);
    }
  }

  private static void limits(
      Sink sink, String service, String side, @Nullable RateLimiters limits, LimitValue value) {
    if (limits != null) {
      limits.read(
          (rule, admitted, exceeded, keys, overflowed) -> {
            String[] who = {service, side, rule.id, rule.shadow ? "shadow" : "enforce"};
            value.to(sink, who, !rule.by.isEmpty(), admitted, exceeded, keys);
          });
    }
  }
}
