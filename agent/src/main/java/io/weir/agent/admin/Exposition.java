package io.weir.agent.admin;

import io.weir.control.Health;
import io.weir.control.feed.Report;
import io.weir.engine.breaker.Breaker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.limit.Limits;
import io.weir.engine.route.Router;
import io.weir.engine.signals.Reading;
import io.weir.engine.signals.Signals;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * What the engines counted, as Prometheus text. Read when asked for; counting is the engines' own.
 * Labels are services, rules and states, never a limiter's key or a user.
 */
public final class Exposition {
  private final Engine engine;
  private final Health health;
  private final Report report;
  private final LongSupplier failOpen;
  private final Map<String, Family> families = new LinkedHashMap<String, Family>();

  private static final class Family {
    final String help;
    final String type;
    final List<String> samples = new ArrayList<String>();

    Family(String help, String type) {
      this.help = help;
      this.type = type;
    }
  }

  private Exposition(Engine engine, Health health, Report report, LongSupplier failOpen) {
    this.engine = engine;
    this.health = health;
    this.report = report;
    this.failOpen = failOpen;
  }

  /** The page, as of now. */
  public static String text(Engine engine, Health health, Report report, LongSupplier failOpen) {
    return new Exposition(engine, health, report, failOpen).write();
  }

  private String write() {
    sample(
        "weir_fail_open_total",
        "Calls that passed because something of Weir's threw.",
        "counter",
        failOpen.getAsLong());
    sample(
        "weir_etcd_connected",
        "1 while the rule store is reached.",
        "gauge",
        health.connected ? 1 : 0);
    sample("weir_rule_revision", "Revision of the newest rules seen.", "gauge", health.revision);
    sample(
        "weir_rule_rejected",
        "Rule documents refused and not yet corrected.",
        "gauge",
        report.rejected);
    double stale =
        health.connected || health.lastConnectedNanos == 0
            ? 0
            : (System.nanoTime() - health.lastConnectedNanos) / 1e9;
    sample(
        "weir_rule_stale_seconds",
        "Seconds since the rule store was last reached; 0 while it is.",
        "gauge",
        stale);
    signals(engine.service(), engine.signals());
    for (ServicePlan plan : engine.snapshot().plans()) {
      limits(plan.service(), "server", plan.server());
      limits(plan.service(), "client", plan.client());
      if (plan.breakers() != null) {
        for (Breaker b : plan.breakers().all()) {
          breaker(b);
        }
      }
      if (plan.router() != null) {
        router(plan.service(), plan.router());
      }
    }
    StringBuilder out = new StringBuilder();
    for (Map.Entry<String, Family> e : families.entrySet()) {
      out.append("# HELP ").append(e.getKey()).append(' ').append(e.getValue().help).append('\n');
      out.append("# TYPE ").append(e.getKey()).append(' ').append(e.getValue().type).append('\n');
      for (String s : e.getValue().samples) {
        out.append(s).append('\n');
      }
    }
    return out.toString();
  }

  private void signals(String service, Signals signals) {
    Reading all = signals.total();
    requests(service, "ok", all.ok);
    requests(service, "error", all.errors);
    requests(service, "ignored", all.ignored);
    sample(
        "weir_requests_slow_total",
        "Calls served that took long, as the service's breaker rule says, or a second.",
        "counter",
        all.slow,
        "service",
        service);
    sample(
        "weir_requests_seconds_total",
        "Seconds that calls served, ok and error, took together.",
        "counter",
        all.nanos / 1e9,
        "service",
        service);
    sample(
        "weir_requests_error_ratio",
        "Share of errors among the calls served in the last ten seconds.",
        "gauge",
        signals.last(10, engine.now()).errorRatio(),
        "service",
        service);
  }

  private void requests(String service, String outcome, long n) {
    sample(
        "weir_requests_total",
        "Calls served, by how they ended.",
        "counter",
        n,
        "service",
        service,
        "outcome",
        outcome);
  }

  private void limits(final String service, final String side, Limits limits) {
    if (limits == null) {
      return;
    }
    limits.read(
        (rule, admitted, exceeded, keys, overflowed) -> {
          String mode = rule.shadow ? "shadow" : "enforce";
          String[] who = {"service", service, "side", side, "rule", rule.id, "mode", mode};
          decisions(admitted, "false", who);
          decisions(exceeded, "true", who);
          sample("rate_limit_exceeded_total", "Limiter refusals.", "counter", exceeded, who);
          if (!rule.by.isEmpty()) {
            sample("weir_rate_limit_keys", "Buckets a keyed rule holds.", "gauge", keys, who);
          }
        });
  }

  private void decisions(long n, String exceeded, String[] who) {
    String[] labels = java.util.Arrays.copyOf(who, who.length + 2);
    labels[who.length] = "rate_limit_exceeded";
    labels[who.length + 1] = exceeded;
    sample("rate_limit_hit_count_total", "Limiter decisions.", "counter", n, labels);
  }

  private void breaker(Breaker b) {
    String state = b.state();
    boolean open = state.startsWith("open");
    boolean half = state.startsWith("half");
    sample(
        "circuit_breaker_state",
        "0 closed, 1 open, 2 half-open.",
        "gauge",
        open ? 1 : half ? 2 : 0,
        "breaker_name",
        b.target(),
        "rule",
        b.id());
    for (String s : new String[] {"closed", "open", "half-open"}) {
      boolean is = s.equals(open ? "open" : half ? "half-open" : "closed");
      sample(
          "circuit_breaker_status",
          "1 for the state the breaker is in.",
          "gauge",
          is ? 1 : 0,
          "breaker_name",
          b.target(),
          "rule",
          b.id(),
          "circuit_state",
          s);
    }
    sample(
        "circuit_breaker_opened_total",
        "Times the breaker opened.",
        "counter",
        b.openedCount(),
        "breaker_name",
        b.target(),
        "rule",
        b.id());
    sample(
        "circuit_breaker_refused_total",
        "Calls refused by the breaker.",
        "counter",
        b.refusedCount(),
        "breaker_name",
        b.target(),
        "rule",
        b.id());
    sample(
        "circuit_breaker_failed_total",
        "Outcomes counted as failures.",
        "counter",
        b.failedCount(),
        "breaker_name",
        b.target(),
        "rule",
        b.id());
  }

  private void router(String service, Router router) {
    for (Map.Entry<String, Long> e : router.counters().arms().entrySet()) {
      sample(
          "weir_route_selections_total",
          "Calls sent to an arm.",
          "counter",
          e.getValue(),
          "service",
          service,
          "version",
          e.getKey());
    }
    sample(
        "weir_route_refused_total",
        "Calls refused by the router.",
        "counter",
        router.counters().refused(),
        "service",
        service);
  }

  private void sample(String name, String help, String type, double value, String... labels) {
    Family f = families.get(name);
    if (f == null) {
      f = new Family(help, type);
      families.put(name, f);
    }
    StringBuilder b = new StringBuilder(name);
    for (int i = 0; i < labels.length; i += 2) {
      b.append(i == 0 ? '{' : ',').append(labels[i]).append("=\"");
      String v = labels[i + 1];
      for (int k = 0; k < v.length(); k++) {
        char c = v.charAt(k);
        b.append(c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : String.valueOf(c));
      }
      b.append('"');
    }
    b.append(labels.length == 0 ? " " : "} ");
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      b.append((long) value);
    } else {
      b.append(value);
    }
    f.samples.add(b.toString());
  }
}
