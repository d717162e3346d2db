package io.weir.agent.telemetry;

import static io.weir.agent.telemetry.Labels.CIRCUIT;
import static io.weir.agent.telemetry.Labels.RULE;
import static io.weir.agent.telemetry.Labels.text;
import static io.weir.engine.measure.Metric.Kind.COUNTER;
import static io.weir.engine.measure.Metric.Kind.GAUGE;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.Metric.Label;

/** The circuit breakers: states, transitions, what they refused. */
final class CircuitBreakerMetrics {
  private static final Label BREAKER = text("breaker.name");

  private final MetricTable table;
  private final Engine engine;

  CircuitBreakerMetrics(MetricTable table, Engine engine) {
    this.table = table;
    this.engine = engine;
  }

  void add() {
    table.add(
        new Metric(
            "circuit.breaker.state", GAUGE, "", "0 closed, 1 open, 2 half-open.", BREAKER, RULE),
        sink ->
            breakers(
                b -> {
                  String s = state(b);
                  sink.value(
                      s.equals("open") ? 1 : s.equals("half-open") ? 2 : 0, 1, b.target(), b.id());
                }));
    table.add(
        new Metric(
            "circuit.breaker.status",
            GAUGE,
            "",
            "1 for the state the breaker is in, 0 for the others.",
            BREAKER,
            RULE,
            CIRCUIT),
        sink ->
            breakers(
                b -> {
                  for (String s : new String[] {"closed", "open", "half-open"}) {
                    sink.value(s.equals(state(b)) ? 1 : 0, 1, b.target(), b.id(), s);
                  }
                }));
    table.add(
        new Metric(
            "circuit.breaker.transitions",
            COUNTER,
            "{transition}",
            "Changes of state, by who made them: self, fleet or operator.",
            BREAKER,
            RULE,
            text("from"),
            text("to"),
            text("by")),
        sink ->
            breakers(
                b ->
                    b.moves()
                        .read(
                            (from, to, by, times) ->
                                sink.value(times, 1, b.target(), b.id(), from, to, by))));
    count(
        "circuit.breaker.opened",
        "{transition}",
        "Times it began to refuse.",
        CircuitBreaker::openedCount);
    count("circuit.breaker.refused", "{call}", "Calls refused.", CircuitBreaker::refusedCount);
    count(
        "circuit.breaker.failed",
        "{call}",
        "Calls that counted as failed.",
        CircuitBreaker::failedCount);
  }

  private interface Each {
    void breaker(CircuitBreaker b);
  }

  private void breakers(Each each) {
    for (ServicePlan p : engine.snapshot().plans()) {
      if (p.breakers() != null) {
        for (CircuitBreaker b : p.breakers().all()) {
          each.breaker(b);
        }
      }
    }
  }

  private interface Count {
    long of(CircuitBreaker b);
  }

  private void count(String name, String unit, String description, Count count) {
    table.add(
        new Metric(name, COUNTER, unit, description, BREAKER, RULE),
        sink -> breakers(b -> sink.value(count.of(b), 1, b.target(), b.id())));
  }

  private static String state(CircuitBreaker b) {
    String s = b.state();
    return s.startsWith("forced-") ? s.substring("forced-".length()) : s;
  }
}
