package io.weir.agent.telemetry;

import io.weir.agent.coverage.Finding;
import io.weir.control.Health;
import io.weir.control.feed.InstanceReport;
import io.weir.control.registry.Registry;
import io.weir.engine.gate.Engine;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.MetricReader;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Every metric of Weir and where its value is read: out of what the engines count anyway, when an
 * exporter asks. So a call pays for none of them. Labels are services, rules and states, never a
 * limiter's key or a user.
 *
 * <p>Any thread.
 */
public final class Catalog implements MetricReader {
  private final MetricTable table = new MetricTable();

  /**
   * @param registry where this JVM's servers are registered, or null: nowhere
   * @param coverage the libraries that this JVM has loaded
   * @param durations false: an OpenTelemetry agent counts calls' durations already
   * @param legacy also {@code http.server.duration}, in milliseconds
   */
  public Catalog(
      Engine engine,
      Supplier<Health> health,
      Supplier<InstanceReport> report,
      LongSupplier failOpen,
      LongSupplier failedTasks,
      @Nullable Registry registry,
      Supplier<List<Finding>> coverage,
      boolean durations,
      boolean legacy) {
    new LimiterMetrics(table, engine).add();
    new CircuitBreakerMetrics(table, engine).add();
    new RouteMetrics(table, engine).add();
    new CallMetrics(table, engine).add(durations, legacy);
    new AgentMetrics(table, health, report, failOpen, failedTasks, registry, coverage).add();
  }

  @Override
  public List<Metric> metrics() {
    return table.metrics();
  }

  @Override
  public void read(Metric metric, Sink to) {
    table.read(metric, to);
  }
}
