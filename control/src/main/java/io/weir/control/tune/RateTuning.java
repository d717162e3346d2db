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
 * Runs the closed loops of this instance: once a second, while some rule has {@code auto}, what the
 * service's calls took and how they ended is read, and {@link RateController} says what the rule's
 * rate is from then on. Each instance by itself, from what it sees itself.
 *
 * <p>What is looked at: the calls of the last two seconds that the rule let in, or of up to ten if
 * they are fewer than {@value #MIN_CALLS}; with still fewer nothing is decided. CPU is that of the
 * container or machine. A rule in shadow mode is not tuned: what is not enforced has no effect that
 * one could go by; it is told what it would have done, once for each direction.
 *
 * <p>Every step is a line in the log, and stands in the status key and on the admin endpoint
 * ({@link #toJson}) and in the gauge of the metrics. State belongs to the control loop; a rule's
 * edit keeps it, as it keeps the rate.
 */
public final class RateTuning {
  private static final long SECOND = 1_000_000_000L;
  private static final long TELL_NANOS = 5 * SECOND;
  private static final int SHORTEST = 2;
  private static final int LONGEST = 10;
  private static final int MIN_CALLS = 20;

  /** Calls so far. */
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

    // here, because Tuning is loaded in every JVM and histograms are not to be

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

  private static final class State {
    final String service;
    final RateController tuner;
    final ArrayDeque<Mark> marks = new ArrayDeque<Mark>();
    RateLimitRule rule;
    @Nullable LatencyRecorder source;
    long admitted;
    long exceeded;
    boolean begun;
    double qps;

    // the last step
    double from;
    double to;

    double measured;
    long steps;
    int wished;
    boolean seen;

    State(String service, RateLimitRule rule) {
      this.service = service;
      this.rule = rule;
      tuner = new RateController(auto(rule));
    }
  }

  private final Engine engine;
  private final Log log;
  private final DoubleSupplier cpu;
  private final Map<String, State> states = new TreeMap<String, State>();

  /** From {@link #start} on. */
  @SuppressWarnings("NullAway.Init")
  private Loop loop;

  @SuppressWarnings("NullAway.Init")
  private Runnable changed;

  @SuppressWarnings("NullAway.Init")
  private Loop.Chain ticks;

  private boolean running;
  private boolean news;
  private Loop.@Nullable Timer telling;
  private volatile String json = "";

  /**
   * @param cpu share of the CPUs in use of late, 0 to 1; negative or NaN when nobody knows
   */
  public RateTuning(Engine engine, DoubleSupplier cpu, Log log) {
    this.engine = engine;
    this.cpu = cpu;
    this.log = log;
  }

  /**
   * Starts working on the control loop.
   *
   * @param changed run on the loop when {@link #toJson} says something new, every five seconds at
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

  /** The tuned rules as a JSON array, or empty when there is none. Any thread. */
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
    look();
    running = !states.isEmpty();
    if (!running) {
      ticks.cancel();
    }
  }

  private void look() {
    long now = loop.now();
    double busy = Double.NaN;
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
            if (auto(r.rule()).metric == RateLimitRule.Metric.CPU && Double.isNaN(busy)) {
              busy = cpu.getAsDouble();
            }
            look(p.service(), r, busy, now);
          }
        }
      }
    }
    for (Iterator<State> i = states.values().iterator(); i.hasNext(); ) {
      if (!i.next().seen) {
        i.remove();
        news = true;
      }
    }
    if (news) {
      news = false;
      tell();
    }
  }

  private void look(String service, RateLimiters.Running r, double busy, long now) {
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
      s.tuner.edited(auto(rule));
      s.qps = r.qps();
      news = true;
    }
    LatencyRecorder source = source(r, service);
    if (source != s.source) {
      s.source = source;
      s.marks.clear(); // what was counted elsewhere does not compare
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
    if (!s.begun) {
      s.begun = true;
      s.qps = r.qps();
      news = true;
      return;
    }
    if (from == null
        || last == null
        || auto(rule).metric == RateLimitRule.Metric.CPU && !(busy >= 0)) {
      return;
    }
    if (mark.calls() == last.calls()) {
      return; // nothing new: what was seen has been acted on
    }
    double seconds = Math.max(0.001, (now - last.at) / 1e9);
    double done =
        mark.calls() - last.calls() >= MIN_CALLS
            ? (mark.calls() - last.calls()) / seconds
            : (mark.calls() - from.calls()) / Math.max(0.001, (now - from.at) / 1e9);
    boolean used = exceeded > 0 || admitted / seconds >= 0.9 * r.qps();
    double measured = measured(auto(rule).metric, from, mark, busy);
    double next = s.tuner.next(r.qps(), measured, admitted / seconds, done, used);
    if (rule.shadow) {
      wish(s, r.qps(), next, measured);
    } else if (next != r.qps()) {
      step(s, r, next, measured, now);
    }
  }

  private static double measured(RateLimitRule.Metric metric, Mark from, Mark to, double busy) {
    switch (metric) {
      case CPU:
        return busy;
      case ERROR_RATIO:
        return (double) (to.errors - from.errors) / (to.calls() - from.calls());
      default:
        return to.p99Millis(from);
    }
  }

  /** The shortest window that says something, or null. */
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
   * The calls that the rule let in; where it is one of too many, all calls of its service and side.
   */
  private LatencyRecorder source(RateLimiters.Running r, String service) {
    LatencyRecorder own = r.latency();
    if (own != null) {
      return own;
    }
    LatencyRecorders all = engine.measuring().start();
    return r.rule().side == RateLimitRule.Side.SERVER ? all.server() : all.target(service);
  }

  /** Calls that were let in and said something. */
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
    news = true;
  }

  private void wish(State s, double qps, double next, double measured) {
    int direction = Double.compare(next, qps);
    if (direction != s.wished && direction != 0) {
      s.wished = direction;
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

  /** Only rules that have one come here. */
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

  private void tell() {
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
    if (telling == null) {
      telling =
          loop.schedule(
              () -> {
                telling = null;
                changed.run();
              },
              TELL_NANOS);
    }
  }
}
