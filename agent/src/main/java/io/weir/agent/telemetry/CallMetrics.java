package io.weir.agent.telemetry;

import static io.weir.agent.telemetry.Labels.CIRCUIT;
import static io.weir.agent.telemetry.Labels.ERROR;
import static io.weir.agent.telemetry.Labels.EXCEEDED;
import static io.weir.agent.telemetry.Labels.RULE;
import static io.weir.agent.telemetry.Labels.SERVICE;
import static io.weir.agent.telemetry.Labels.SIDE;
import static io.weir.agent.telemetry.Labels.text;
import static io.weir.engine.measure.Metric.Kind.COUNTER;
import static io.weir.engine.measure.Metric.Kind.GAUGE;

import io.weir.engine.gate.Engine;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.Metric.Label;
import io.weir.engine.measure.MetricReader.Sink;
import io.weir.engine.measure.RuleLatency;
import io.weir.engine.signals.ServedCalls;
import java.util.Arrays;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.jspecify.annotations.Nullable;

/** How the calls to and from this JVM ended and how long they took. */
final class CallMetrics {
  private static final Label STATUS = new Label("http.response.status_code", Label.Type.INTEGER);
  private static final Label METHOD = text("http.request.method");
  private static final Label RPC = text("rpc.system.name");
  private static final Label RPC_CODE = text("rpc.response.status_code");
  private static final Label TARGET = text("server.address");

  /** Bucket ends that the semantic conventions advise for durations, in seconds. */
  private static final double[] CALLS = {
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
  };

  private static final double[] CALLS_MILLIS = {
    5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000
  };

  private static final double[] DECISIONS = {
    2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2
  };

  private static final double[] QUANTILES = {0.5, 0.9, 0.99, 1};

  private final MetricTable table;
  private final Engine engine;
  private final Quantiles quantiles = new Quantiles();

  CallMetrics(MetricTable table, Engine engine) {
    this.table = table;
    this.engine = engine;
  }

  /**
   * @param durations false: an OpenTelemetry agent counts calls' durations already
   * @param legacy also {@code http.server.duration}, in milliseconds
   */
  void add(boolean durations, boolean legacy) {
    served();
    if (durations) {
      durations(legacy);
    }
    latencies();
  }

  /** What {@link io.weir.engine.signals.ServerSignals} judged of the calls this JVM serves. */
  private void served() {
    table.add(
        new Metric(
            "weir.requests",
            COUNTER,
            "{call}",
            "Calls served, by how they ended: ok, error, ignored.",
            SERVICE,
            text("outcome")),
        sink -> {
          ServedCalls all = engine.signals().total();
          sink.value(all.ok, 1, engine.service(), "ok");
          sink.value(all.errors, 1, engine.service(), "error");
          sink.value(all.ignored, 1, engine.service(), "ignored");
        });
    table.add(
        new Metric(
            "weir.requests.slow",
            COUNTER,
            "{call}",
            "Calls served that took long, as the service's breaker rule says, or a second.",
            SERVICE),
        sink -> sink.value(engine.signals().total().slow, 1, engine.service()));
    table.add(
        new Metric(
            "weir.requests.seconds",
            COUNTER,
            "",
            "Seconds that calls served, ok and error, took together.",
            SERVICE),
        sink -> sink.value(engine.signals().total().nanos / 1e9, 1, engine.service()));
    table.add(
        new Metric(
            "weir.requests.error_ratio",
            GAUGE,
            "",
            "Share of errors among the calls served in the last ten seconds.",
            SERVICE),
        sink ->
            sink.value(engine.signals().last(10, engine.now()).errorRatio(), 1, engine.service()));
  }

  private void durations(boolean legacy) {
    table.add(
        new Metric(
            "http.server.request.duration",
            "s",
            "Calls to this service over HTTP.",
            CALLS,
            METHOD,
            STATUS,
            ERROR,
            CIRCUIT,
            EXCEEDED),
        sink -> server(false, 1e6, sink));
    table.add(
        new Metric(
            "http.client.request.duration",
            "s",
            "Calls from this service over HTTP.",
            CALLS,
            TARGET,
            METHOD,
            STATUS,
            ERROR,
            CIRCUIT,
            EXCEEDED),
        sink -> client(false, sink));
    table.add(
        new Metric(
            "rpc.server.call.duration",
            "s",
            "Calls to this service over gRPC.",
            CALLS,
            RPC,
            RPC_CODE,
            ERROR,
            CIRCUIT,
            EXCEEDED),
        sink -> server(true, 1e6, sink));
    table.add(
        new Metric(
            "rpc.client.call.duration",
            "s",
            "Calls from this service over gRPC.",
            CALLS,
            TARGET,
            RPC,
            RPC_CODE,
            ERROR,
            CIRCUIT,
            EXCEEDED),
        sink -> client(true, sink));
    if (legacy) {
      table.add(
          new Metric(
              "http.server.duration",
              "ms",
              "Calls to this service over HTTP, by the older name.",
              CALLS_MILLIS,
              text("http.method"),
              new Label("http.status_code", Label.Type.INTEGER),
              ERROR,
              CIRCUIT,
              EXCEEDED),
          sink -> server(false, 1e3, sink));
    }
  }

  private void latencies() {
    table.add(
        new Metric(
            "weir.latency",
            GAUGE,
            "s",
            "Quantiles of the calls of the last ten seconds or so, by service.",
            SERVICE,
            SIDE,
            text("quantile")),
        this::latency);
    table.add(
        new Metric(
            "weir.rule.latency",
            GAUGE,
            "s",
            "The same by rule: breakers that judge slow calls, limits with auto.",
            SERVICE,
            SIDE,
            text("kind"),
            RULE,
            text("quantile")),
        sink -> {
          for (RuleLatency r : engine.measuring().ruleLatencies()) {
            quantiles(r.latency, sink, r.service, r.side, r.kind, r.rule);
          }
        });
    table.add(
        new Metric(
            "weir.decision.duration",
            "s",
            "How long decisions took, those of them that were timed.",
            DECISIONS),
        sink -> {
          LatencyRecorders measured = engine.measuring().latencies();
          if (measured != null) {
            values(measured.decisions(), 1e9, sink);
          }
        });
  }

  private void server(boolean grpc, double unit, Sink sink) {
    LatencyRecorders measured = engine.measuring().latencies();
    if (measured != null) {
      kinds(measured.server(), grpc, unit, null, sink);
    }
  }

  private void client(boolean grpc, Sink sink) {
    LatencyRecorders measured = engine.measuring().latencies();
    if (measured != null) {
      for (Map.Entry<String, LatencyRecorder> e : measured.targets().entrySet()) {
        kinds(e.getValue(), grpc, 1e6, e.getKey(), sink);
      }
    }
  }

  private static void kinds(
      LatencyRecorder latency, boolean grpc, double unit, @Nullable String target, Sink sink) {
    latency.read(
        (kind, micros) -> {
          if (CallTags.grpc(kind) == grpc) {
            int status = CallTags.status(kind);
            String[] rest = {
              grpc ? "grpc" : CallTags.method(kind),
              grpc ? CallTags.code(kind) : status == 0 ? null : "" + status,
              CallTags.error(kind),
              CallTags.circuit(kind),
              "" + CallTags.exceeded(kind)
            };
            String[] labels = rest;
            if (target != null) {
              labels = new String[rest.length + 1];
              labels[0] = target;
              System.arraycopy(rest, 0, labels, 1, rest.length);
            }
            values(micros, unit, sink, labels);
          }
        });
  }

  private static void values(Histogram h, double unit, Sink sink, String... labels) {
    for (HistogramIterationValue v : h.recordedValues()) {
      sink.value(
          h.medianEquivalentValue(v.getValueIteratedTo()) / unit,
          v.getCountAtValueIteratedTo(),
          labels);
    }
  }

  private void latency(Sink sink) {
    LatencyRecorders measured = engine.measuring().latencies();
    if (measured == null) {
      return;
    }
    quantiles(measured.server(), sink, engine.service(), "server");
    for (Map.Entry<String, LatencyRecorder> e : measured.targets().entrySet()) {
      quantiles(e.getValue(), sink, e.getKey(), "client");
    }
  }

  /**
   * @param of labels; the quantile comes after them
   */
  private void quantiles(LatencyRecorder latency, Sink sink, String... of) {
    Histogram recent = quantiles.recent(latency);
    if (recent.getTotalCount() == 0) {
      return;
    }
    for (double q : QUANTILES) {
      String[] labels = Arrays.copyOf(of, of.length + 1);
      labels[of.length] = number(q);
      sink.value(recent.getValueAtPercentile(q * 100) / 1e6, 1, labels);
    }
  }

  private static String number(double q) {
    return q == 1 ? "1" : "" + q;
  }
}
