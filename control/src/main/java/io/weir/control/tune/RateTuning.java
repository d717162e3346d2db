package io.weir.control.tune;

import io.weir.control.json.JsonText;
import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.limit.RateController;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.DoubleSupplier;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Tunes the rates of rules with {@code auto}: once a second it measures the service's calls, and
 * {@link RateController} computes the rule's next rate. Each instance tunes its own rates from its
 * own calls.
 *
 * <p>It measures the calls of the last two seconds that the rule admitted, or of up to ten seconds
 * if they are fewer than {@value #MIN_CALLS}; with still fewer the rate stays. CPU is that of the
 * container or machine. The rate of a rule in shadow mode stays, because a rule that is not
 * enforced has no effect to measure; the log says what would have been done, once for each
 * direction.
 *
 * <p>Every step is a line in the log, and is shown in the status key, on the admin endpoint ({@link
 * #toJson}) and by a gauge. The state belongs to the control loop. An edit of a rule keeps its
 * state and its rate.
 */
public final class RateTuning {
  private static final long SECOND = 1_000_000_000L;
  private static final long REPORT_NANOS = 5 * SECOND;

  /** The shortest and the longest time that is measured, in seconds. */
  private static final int SHORTEST = 2;

  private static final int LONGEST = 10;
  private static final int MIN_CALLS = 20;

  /** The totals of all calls up to a time. The difference of two marks is what happened between. */
  private static final class Mark {
    final long at;
    final Histogram micros = LatencyRecorder.empty();
    long errors;

    Mark(long at) {
      this.at = at;
    }

    long calls() {
      return micros.getTotalCount();
    }

    // in this class, because RateTuning is loaded in every JVM and histograms should not be

    void add(Histogram some, boolean failed) {
      micros.add(some);
      errors += failed ? some.getTotalCount() : 0;
    }

    double p99Millis(Mark since) {
      Histogram h = micros.copy();
      h.subtract(since.micros);
      return h.getValueAtPercentile(99) / 1e3;
    }
  }

  /** The state of one tuned rule. */
  private static final class State {
    final String service;
    final RateController controller;

    /** One for each of the last seconds, the oldest first. */
    final ArrayDeque<Mark> marks = new ArrayDeque<Mark>();

    RateLimitRule rule;
    @Nullable LatencyRecorder source;

    /** Totals of the limiter when it was last read. */
    long admitted;

    long exceeded;

    /** Whether it was read once, so that differences have a meaning. */
    boolean wasRead;

    double qps;

    // the last step
    double from;
    double to;

    double measured;
    long steps;

    /** In shadow mode, the direction that was last logged: 1 raise, -1 lower, 0 none. */
    int loggedDirection;

    /** Whether the rule was found in the present pass. */
    boolean seen;

    State(String service, RateLimitRule rule) {
      this.service = service;
      this.rule = rule;
      controller = new RateController(auto(rule));
    }
  }

  private final Engine engine;
  private final Log log;
  private final DoubleSupplier cpu;
  private final Map<String, State> states = new TreeMap<String, State>();

  /** Set by {@link #start}. */
  @SuppressWarnings("NullAway.Init")
  private Loop loop;

  @SuppressWarnings("NullAway.Init")
  private Runnable changed;

  @SuppressWarnings("NullAway.Init")
  private Loop.Chain ticks;

  private boolean running;

  /** Whether {@link #json} must be written again. */
  private boolean jsonOutdated;

  /** Reports the new {@link #json}; null: nothing to report. */
  private Loop.@Nullable Timer report;

  private volatile String json = "";

  /**
   * @param cpu the share of the CPUs in use lately, 0 to 1; negative or NaN: not known
   */
  public RateTuning(Engine engine, DoubleSupplier cpu, Log log) {
    this.engine = engine;
    this.cpu = cpu;
    this.log = log;
  }

  /**
   * Starts working on the control loop.
   *
   * @param changed is called on the loop when {@link #toJson} has changed, every five seconds at
   *     most
   */
  public void start(Loop loop, Runnable changed) {
    loop.execute(
        () -> {
          this.loop = loop;
          this.changed = changed;
          ticks = loop.chain("auto", SECOND, this::tick);
          rulesChanged();
        });
  }

  /** Other rules are in force. Control loop only. */
  public void rulesChanged() {
    if (loop != null && !running && anyRule()) {
      engine.measuring().start();
      running = true;
      ticks.in(0);
    }
  }

  /** The tuned rules as a JSON array; empty: there are none. Any thread. */
  public String toJson() {
    return json;
  }

  private boolean anyRule() {
    for (ServicePlan p : engine.snapshot().plans()) {
      if (any(p.server()) || any(p.client())) {
        return true;
      }
    }
    return false;
  }

  private static boolean any(@Nullable RateLimiters limits) {
    if (limits != null) {
      for (RateLimiters.Running r : limits.running()) {
        if (r.rule().auto != null) {
          return true;
        }
      }
    }
    return false;
  }

  private void tick() {
    measure();
    running = !states.isEmpty();
    if (!running) {
      ticks.cancel();
    }
  }

  private void measure() {
    long now = loop.now();
    double cpuShare = Double.NaN;
    for (State s : states.values()) {
      s.seen = false;
    }
    for (ServicePlan p : engine.snapshot().plans()) {
      for (int side = 0; side < 2; side++) {
        RateLimiters limits = side == 0 ? p.server() : p.client();
        if (limits == null) {
          continue;
        }
        for (RateLimiters.Running r : limits.running()) {
          if (r.rule().auto != null) {
            if (auto(r.rule()).metric == RateLimitRule.Metric.CPU && Double.isNaN(cpuShare)) {
              cpuShare = cpu.getAsDouble();
            }
            measure(p.service(), r, cpuShare, now);
          }
        }
      }
    }
    for (Iterator<State> i = states.values().iterator(); i.hasNext(); ) {
      if (!i.next().seen) {
        i.remove();
        jsonOutdated = true;
      }
    }
    if (jsonOutdated) {
      jsonOutdated = false;
      writeJson();
    }
  }

  private void measure(String service, RateLimiters.Running r, double cpuShare, long now) {
    RateLimitRule rule = r.rule();
    String name = service + " " + rule.side.name().toLowerCase(Locale.ROOT) + " " + rule.id;
    State s = states.get(name);
    if (s == null) {
      s = new State(service, rule);
      states.put(name, s);
    }
    s.seen = true;
    if (s.rule != rule) {
      s.rule = rule;
      s.controller.edited(auto(rule));
      s.qps = r.qps();
      jsonOutdated = true;
    }
    LatencyRecorder source = source(r, service);
    if (source != s.source) {
      s.source = source;
      s.marks.clear(); // totals of different recorders cannot be compared
    }
    Mark mark = mark(source, now);
    long admitted = r.admitted() - s.admitted;
    long exceeded = r.exceeded() - s.exceeded;
    s.admitted += admitted;
    s.exceeded += exceeded;
    Mark last = s.marks.peekLast();
    Mark from = from(s.marks, mark);
    s.marks.add(mark);
    if (s.marks.size() > LONGEST) {
      s.marks.removeFirst();
    }
    if (!s.wasRead) {
      s.wasRead = true;
      s.qps = r.qps();
      jsonOutdated = true;
      return;
    }
    if (from == null
        || last == null
        || auto(rule).metric == RateLimitRule.Metric.CPU && !(cpuShare >= 0)) {
      return;
    }
    if (mark.calls() == last.calls()) {
      return; // no new calls: the earlier ones have been acted on
    }
    double seconds = Math.max(0.001, (now - last.at) / 1e9);
    double callsPerSecond =
        mark.calls() - last.calls() >= MIN_CALLS
            ? (mark.calls() - last.calls()) / seconds
            : (mark.calls() - from.calls()) / Math.max(0.001, (now - from.at) / 1e9);
    boolean limitReached = exceeded > 0 || admitted / seconds >= 0.9 * r.qps();
    double measured = measured(auto(rule).metric, from, mark, cpuShare);
    double next =
        s.controller.next(r.qps(), measured, admitted / seconds, callsPerSecond, limitReached);
    if (rule.shadow) {
      logShadow(s, r.qps(), next, measured);
    } else if (next != r.qps()) {
      step(s, r, next, measured, now);
    }
  }

  private static double measured(RateLimitRule.Metric metric, Mark from, Mark to, double cpuShare) {
    switch (metric) {
      case CPU:
        return cpuShare;
      case ERROR_RATIO:
        return (double) (to.errors - from.errors) / (to.calls() - from.calls());
      default:
        return to.p99Millis(from);
    }
  }

  /** The start of the shortest time with enough calls; null: there are not enough. */
  private static @Nullable Mark from(ArrayDeque<Mark> marks, Mark to) {
    int ticks = 1;
    for (Iterator<Mark> i = marks.descendingIterator(); i.hasNext(); ticks++) {
      Mark m = i.next();
      if (ticks >= SHORTEST && to.calls() - m.calls() >= MIN_CALLS) {
        return m;
      }
    }
    return null;
  }

  /**
   * The recorder of the calls that the rule admitted. Where there are too many rules for one each,
   * that of all calls of the rule's service and side.
   */
  private LatencyRecorder source(RateLimiters.Running r, String service) {
    LatencyRecorder own = r.latency();
    if (own != null) {
      return own;
    }
    LatencyRecorders all = engine.measuring().start();
    return r.rule().side == RateLimitRule.Side.SERVER ? all.server() : all.target(service);
  }

  /** The totals now, without calls that were refused or cancelled. */
  private static Mark mark(LatencyRecorder source, long now) {
    Mark mark = new Mark(now);
    source.read(
        (kind, micros) -> {
          String error = CallTags.error(kind);
          if (!CallTags.exceeded(kind)
              && !"open".equals(CallTags.circuit(kind))
              && !"cancelled".equals(error)) {
            mark.add(micros, error != null);
          }
        });
    return mark;
  }

  private void step(State s, RateLimiters.Running r, double next, double measured, long now) {
    double before = r.qps();
    r.retune(next, now);
    s.from = before;
    s.qps = r.qps();
    s.to = s.qps;
    s.measured = measured;
    s.steps++;
    log.info("weir: auto: " + named(s) + " " + text(before) + " -> " + text(s.qps) + why(s));
    jsonOutdated = true;
  }

  /** Logs what would be done to a rule in shadow mode. */
  private void logShadow(State s, double qps, double next, double measured) {
    int direction = Double.compare(next, qps);
    if (direction != s.loggedDirection && direction != 0) {
      s.loggedDirection = direction;
      s.measured = measured;
      log.info(
          "weir: auto: in shadow, would "
              + (direction > 0 ? "raise " : "lower ")
              + named(s)
              + " from "
              + text(qps)
              + why(s));
    }
  }

  private static String named(State s) {
    return s.service + " rate limit \"" + s.rule.id + "\" qps";
  }

  private static String why(State s) {
    return ": " + metric(s.rule) + " " + text(s.measured) + ", target " + text(auto(s.rule).target);
  }

  /** The rule's {@code auto}; only rules that have it are tuned. */
  private static RateLimitRule.Auto auto(RateLimitRule rule) {
    return Objects.requireNonNull(rule.auto);
  }

  private static String metric(RateLimitRule rule) {
    return auto(rule).metric.name().toLowerCase(Locale.ROOT);
  }

  private static String text(double v) {
    return v >= 1000 || v == Math.rint(v)
        ? Long.toString(Math.round(v))
        : String.format(Locale.ROOT, v < 1 ? "%.3f" : "%.1f", v);
  }

  private void writeJson() {
    StringBuilder out = new StringBuilder();
    for (State s : states.values()) {
      out.append(out.length() == 0 ? "[" : ",").append("{\"service\":");
      JsonText.quote(out, s.service);
      out.append(",\"side\":\"").append(s.rule.side.name().toLowerCase(Locale.ROOT));
      out.append("\",\"rule\":");
      JsonText.quote(out, s.rule.id);
      out.append(",\"qps\":").append(text(s.qps));
      out.append(",\"min_qps\":").append(text(auto(s.rule).minQps));
      out.append(",\"max_qps\":").append(text(auto(s.rule).maxQps));
      out.append(",\"metric\":\"").append(metric(s.rule)).append('"');
      out.append(",\"target\":").append(text(auto(s.rule).target));
      out.append(",\"measured\":").append(text(s.measured));
      if (s.steps > 0) {
        out.append(",\"from\":").append(text(s.from)).append(",\"to\":").append(text(s.to));
      }
      out.append(",\"steps\":").append(s.steps).append('}');
    }
    json = out.length() == 0 ? "" : out.append(']').toString();
    if (report == null) {
      report =
          loop.schedule(
              () -> {
                report = null;
                changed.run();
              },
              REPORT_NANOS);
    }
  }
}
