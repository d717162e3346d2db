package io.weir.agent.telemetry;

import static io.weir.agent.telemetry.Labels.SIDE;
import static io.weir.agent.telemetry.Labels.text;
import static io.weir.engine.measure.Metric.Kind.COUNTER;
import static io.weir.engine.measure.Metric.Kind.GAUGE;

import io.weir.agent.coverage.Finding;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Definitions;
import io.weir.bootstrap.TaskColours;
import io.weir.control.Health;
import io.weir.control.feed.InstanceReport;
import io.weir.control.registry.Registry;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.Metric.Label;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Weir itself: its rules, its store, its registrations, what failed open and what got lost. */
final class AgentMetrics {
  private static final Label ADDRESS = text("address");
  private static final Label LIBRARY = text("library");
  private static final Label VERSION = text("version");

  private final MetricTable table;
  private final Supplier<Health> health;
  private final Supplier<InstanceReport> report;
  private final LongSupplier failOpen;
  private final LongSupplier failedTasks;
  private final @Nullable Registry registry;
  private final Supplier<List<Finding>> coverage;

  /**
   * @param registry where this JVM's servers are registered, or null: nowhere
   * @param coverage the libraries that this JVM has loaded
   */
  AgentMetrics(
      MetricTable table,
      Supplier<Health> health,
      Supplier<InstanceReport> report,
      LongSupplier failOpen,
      LongSupplier failedTasks,
      @Nullable Registry registry,
      Supplier<List<Finding>> coverage) {
    this.table = table;
    this.health = health;
    this.report = report;
    this.failOpen = failOpen;
    this.failedTasks = failedTasks;
    this.registry = registry;
    this.coverage = coverage;
  }

  void add() {
    table.add(
        new Metric("weir.rule.revision", GAUGE, "", "Revision of the newest rules seen."),
        sink -> sink.value(health.get().revision, 1));
    table.add(
        new Metric(
            "weir.rule.stale",
            GAUGE,
            "s",
            "Seconds since the rule store was last reached; 0 while it is."),
        sink -> sink.value(stale(health.get()), 1));
    table.add(
        new Metric(
            "weir.rule.rejected",
            GAUGE,
            "{document}",
            "Rule documents refused and not yet corrected."),
        sink -> {
          int n = 0;
          for (InstanceReport.Line l : report.get().lines) {
            n += l.refusal == null ? 0 : 1;
          }
          sink.value(n, 1);
        });
    table.add(
        new Metric(
            "weir.fail_open",
            COUNTER,
            "{call}",
            "Calls that passed because something of Weir's threw."),
        sink -> sink.value(failOpen.getAsLong(), 1));
    table.add(
        new Metric(
            "weir.weaving.failed",
            COUNTER,
            "{class}",
            "Classes of governed libraries that run as they are, because weaving them threw."),
        sink -> sink.value(Definitions.failures(), 1));
    table.add(
        new Metric(
            "weir.control.failed",
            COUNTER,
            "{task}",
            "Tasks of the control plane that threw; they are tried again."),
        sink -> sink.value(failedTasks.getAsLong(), 1));
    table.add(
        new Metric(
            "weir.colour.lost",
            COUNTER,
            "{task}",
            "Tasks that ran without the traffic colour they were given: one object queued twice"
                + " under different colours, or too many waiting."),
        sink -> sink.value(TaskColours.lost(), 1));
    table.add(
        new Metric(
            "weir.log.dropped",
            COUNTER,
            "{line}",
            "Lines of Weir's log that were not written: their reader had stopped, or the disk was"
                + " full."),
        sink -> sink.value(AgentLog.get().dropped(), 1));
    table.add(
        new Metric(
            "weir.coverage",
            GAUGE,
            "",
            "1 for a loaded library whose calls are governed, 0 for one whose calls pass every"
                + " rule.",
            LIBRARY,
            VERSION,
            SIDE),
        sink -> {
          for (Finding f : coverage.get()) {
            sink.value(f.governed() ? 1 : 0, 1, f.library.name, f.version, f.library.side.word());
          }
        });
    table.add(
        new Metric("weir.etcd.connected", GAUGE, "", "1 while the rule store is reached."),
        sink -> sink.value(health.get().connected ? 1 : 0, 1));
    table.add(
        new Metric(
            "weir.registered",
            GAUGE,
            "",
            "1 while a server of this JVM is registered under its address, 0 while it should be.",
            ADDRESS),
        sink -> registrations((address, on, lost) -> sink.value(on ? 1 : 0, 1, address)));
    table.add(
        new Metric(
            "weir.registration.lost",
            COUNTER,
            "{registration}",
            "Times a registration went: the lease was lost, or the server did not answer its"
                + " probe.",
            ADDRESS),
        sink -> registrations((address, on, lost) -> sink.value(lost, 1, address)));
  }

  private void registrations(Registry.Visitor visitor) {
    if (registry != null) {
      registry.visit(visitor);
    }
  }

  private static double stale(Health h) {
    return h.connected || h.lastConnectedNanos == 0
        ? 0
        : (System.nanoTime() - h.lastConnectedNanos) / 1e9;
  }
}
