package io.weir.agent.telemetry;

import static io.weir.engine.measure.Metric.Kind.COUNTER;
import static io.weir.engine.measure.Metric.Kind.GAUGE;

import io.weir.agent.coverage.Finding;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.TaskColours;
import io.weir.control.Health;
import io.weir.control.feed.InstanceReport;
import io.weir.control.registry.Registry;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.SelectionCounters;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.Metric.Label;
import io.weir.engine.measure.MetricReader;
import io.weir.engine.measure.RuleLatency;
import io.weir.engine.signals.ServedCalls;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.jspecify.annotations.Nullable;

/**
 * Every metric of Weir and where its value is read: out of what the engines count anyway, when an
 * exporter asks. So a call pays for none of them. Labels are services, rules and states, never a
 * limiter's key or a user.
 *
 * <p>Any thread.
 */
public final class Catalog implements MetricReader {
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

  private static final Label SERVICE = text("service");
  private static final Label SIDE = text("side");
  private static final Label RULE = text("rule");
  private static final Label MODE = text("mode");
  private static final Label EXCEEDED = new Label("rate_limit.exceeded", Label.Type.FLAG);
  private static final Label BREAKER = text("breaker.name");
  private static final Label CIRCUIT = text("circuit.state");
  private static final Label STATUS = new Label("http.response.status_code", Label.Type.INTEGER);
  private static final Label METHOD = text("http.request.method");
  private static final Label RPC = text("rpc.system.name");
  private static final Label RPC_CODE = text("rpc.response.status_code");
  private static final Label ERROR = text("error.type");
  private static final Label TARGET = text("server.address");
  private static final Label ADDRESS = text("address");
  private static final Label LIBRARY = text("library");
  private static final Label VERSION = text("version");

  /** Writes one metric's values. */
  private interface Value {
    void to(Sink sink);
  }

  private final Engine engine;
  private final Supplier<Health> health;
  private final Supplier<InstanceReport> report;
  private final LongSupplier failOpen;
  private final LongSupplier failedTasks;
  private final @Nullable Registry registry;
  private final Supplier<List<Finding>> coverage;
  private final Quantiles quantiles = new Quantiles();
  private final Map<Metric, Value> all = new LinkedHashMap<Metric, Value>();

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
    this.engine = engine;
    this.health = health;
    this.report = report;
    this.failOpen = failOpen;
    this.failedTasks = failedTasks;
    this.registry = registry;
    this.coverage = coverage;
    limiter();
    breaker();
    router();
    served();
    if (durations) {
      durations(legacy);
    }
    itself();
  }

  private void limiter() {
    add(
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
    add(
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
    add(
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
    add(
        new Metric(
            "weir.exempt",
            COUNTER,
            "{call}",
            "Calls that limits and breakers let pass: health checks, calls to a management port.",
            SERVICE,
            SIDE,
            text("reason")),
        sink -> {
          String own = engine.service();
          sink.value(engine.exemptions().healthCheckCount(true), 1, own, "server", "health-check");
          sink.value(engine.exemptions().healthCheckCount(false), 1, own, "client", "health-check");
          sink.value(engine.exemptions().managementCount(), 1, own, "server", "management-port");
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
    add(
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

  private void breaker() {
    add(
        new Metric(
            "circuit.breaker.state", GAUGE, "", "0 closed, 1 open, 2 half-open.", BREAKER, RULE),
        sink ->
            breakers(
                b -> {
                  String s = state(b);
                  sink.value(
                      s.equals("open") ? 1 : s.equals("half-open") ? 2 : 0, 1, b.target(), b.id());
                }));
    add(
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
    add(
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

  private void router() {
    add(
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
    add(
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
    add(
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

  /** What {@link io.weir.engine.signals.ServerSignals} judged of the calls this JVM serves. */
  private void served() {
    add(
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
    add(
        new Metric(
            "weir.requests.slow",
            COUNTER,
            "{call}",
            "Calls served that took long, as the service's breaker rule says, or a second.",
            SERVICE),
        sink -> sink.value(engine.signals().total().slow, 1, engine.service()));
    add(
        new Metric(
            "weir.requests.seconds",
            COUNTER,
            "",
            "Seconds that calls served, ok and error, took together.",
            SERVICE),
        sink -> sink.value(engine.signals().total().nanos / 1e9, 1, engine.service()));
    add(
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
    add(
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
    add(
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
    add(
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
    add(
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
      add(
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

  private void itself() {
    add(
        new Metric(
            "weir.latency",
            GAUGE,
            "s",
            "Quantiles of the calls of the last ten seconds or so, by service.",
            SERVICE,
            SIDE,
            text("quantile")),
        this::latency);
    add(
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
    add(
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
    add(
        new Metric("weir.rule.revision", GAUGE, "", "Revision of the newest rules seen."),
        sink -> sink.value(health.get().revision, 1));
    add(
        new Metric(
            "weir.rule.stale",
            GAUGE,
            "s",
            "Seconds since the rule store was last reached; 0 while it is."),
        sink -> sink.value(stale(health.get()), 1));
    add(
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
    add(
        new Metric(
            "weir.fail_open",
            COUNTER,
            "{call}",
            "Calls that passed because something of Weir's threw."),
        sink -> sink.value(failOpen.getAsLong(), 1));
    add(
        new Metric(
            "weir.control.failed",
            COUNTER,
            "{task}",
            "Tasks of the control plane that threw; they are tried again."),
        sink -> sink.value(failedTasks.getAsLong(), 1));
    add(
        new Metric(
            "weir.colour.lost",
            COUNTER,
            "{task}",
            "Tasks that ran without the traffic colour they were given: one object queued twice"
                + " under different colours, or too many waiting."),
        sink -> sink.value(TaskColours.lost(), 1));
    add(
        new Metric(
            "weir.log.dropped",
            COUNTER,
            "{line}",
            "Lines of Weir's log that were not written: their reader had stopped, or the disk was"
                + " full."),
        sink -> sink.value(AgentLog.get().dropped(), 1));
    add(
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
    add(
        new Metric("weir.etcd.connected", GAUGE, "", "1 while the rule store is reached."),
        sink -> sink.value(health.get().connected ? 1 : 0, 1));
    add(
        new Metric(
            "weir.registered",
            GAUGE,
            "",
            "1 while a server of this JVM is registered under its address, 0 while it should be.",
            ADDRESS),
        sink -> registrations((address, on, lost) -> sink.value(on ? 1 : 0, 1, address)));
    add(
        new Metric(
            "weir.registration.lost",
            COUNTER,
            "{registration}",
            "Times a registration went: the lease was lost, or the server did not answer its"
                + " probe.",
            ADDRESS),
        sink -> registrations((address, on, lost) -> sink.value(lost, 1, address)));
  }

  private void registrations(Registry.Each each) {
    if (registry != null) {
      registry.read(each);
    }
  }

  @Override
  public List<Metric> metrics() {
    return Collections.unmodifiableList(new ArrayList<Metric>(all.keySet()));
  }

  @Override
  public void read(Metric metric, Sink to) {
    Objects.requireNonNull(all.get(metric)).to(to);
  }

  private void add(Metric metric, Value value) {
    all.put(metric, value);
  }

  private static Label text(String name) {
    return new Label(name, Label.Type.TEXT);
  }

  // ---- limiter

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

  // ---- breaker

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
    add(
        new Metric(name, COUNTER, unit, description, BREAKER, RULE),
        sink -> breakers(b -> sink.value(count.of(b), 1, b.target(), b.id())));
  }

  private static String state(CircuitBreaker b) {
    String s = b.state();
    return s.startsWith("forced-") ? s.substring("forced-".length()) : s;
  }

  // ---- durations

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

  private static double stale(Health h) {
    return h.connected || h.lastConnectedNanos == 0
        ? 0
        : (System.nanoTime() - h.lastConnectedNanos) / 1e9;
  }
}
