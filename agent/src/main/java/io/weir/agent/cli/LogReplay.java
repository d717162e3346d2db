package io.weir.agent.cli;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.route.Router;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Puts logged calls to the agent's own engines on a clock of the log's.
 *
 * <p>A log that knows whole seconds only would make each second's calls one burst that never was,
 * so calls of one second are spread evenly over it. Logs are written when a call ends: a line that
 * is older than the one before counts as simultaneous with it, since the clock may not go back.
 *
 * <p><b>Breakers</b> stand in the callers; a log of the service's own tells what all of them saw.
 * They are replayed as one caller that made every call: its breaker takes the status of each line
 * for the outcome, after the line's duration where the log tells one. A line without a status is no
 * evidence. What a log cannot tell is how the service would have recovered while calls were kept
 * away, nor what a caller saw that never reached the service.
 *
 * <p><b>Routes</b> are asked for each call that gets so far, which gives the share of each arm.
 * Without registered instances there is one stand-in for every arm the rules name.
 *
 * <p>One thread.
 */
final class LogReplay implements AccessLog.Reader {
  /** Refused calls of one key, and of which rule. */
  static final class Refused {
    final String rule;
    final String key;
    long count;

    Refused(String rule, String key) {
      this.rule = rule;
      this.key = key;
    }
  }

  /** A call under way. */
  private static final class UnderWay {
    final CallLedger ledger;
    final int status;
    final long ends;

    UnderWay(CallLedger ledger, int status, long ends) {
      this.ledger = ledger;
      this.status = status;
      this.ends = ends;
    }
  }

  private static final long SECOND = 1_000_000_000L;
  private static final int MOST_KEYS = 200_000;
  private static final String OTHERS = "(others)";

  /** Ramps and open times draw: the same log gives the same answer. */
  private static final long SEED = 42;

  private final @Nullable RateLimiters limits;
  private final @Nullable CircuitBreakers breakers;
  private final @Nullable Router router;
  private final boolean standIns;
  private final boolean client;
  private final double speed;
  private final HealthChecks healthChecks;
  private final Map<String, RateLimitRule> rules = new HashMap<String, RateLimitRule>();
  private final Map<String, Refused> refusedByKey = new HashMap<String, Refused>();

  /** By minute since 1970: calls, refused. */
  private final TreeMap<Long, long[]> minutes = new TreeMap<Long, long[]>();

  /** Replaced for each call while limits count calls under way. */
  private CallLedger ledger = new CallLedger();

  private final boolean countsUnderWay;
  private final CallLedger routed = new CallLedger();
  private final PriorityQueue<UnderWay> underWay =
      new PriorityQueue<UnderWay>(16, (a, b) -> Long.compare(a.ends, b.ends));

  /** Calls of one whole second, still to be spread. */
  private final List<DescribedCall> second = new ArrayList<DescribedCall>();

  private long secondNanos;
  private boolean coarse;
  private long start = Long.MIN_VALUE;
  private long now;
  private long calls;
  private long refused;
  private long broken;
  private long untold;
  private long untimed;
  private long asked;
  private long paced;
  private long longestWait;

  /**
   * @param speed how many times as fast as logged, above 0
   * @param healthChecks what the service takes for health checks; its callers, too
   */
  LogReplay(
      RuleBook book,
      String service,
      RateLimitRule.Side side,
      double speed,
      HealthChecks healthChecks) {
    this.healthChecks = healthChecks;
    client = side == RateLimitRule.Side.CLIENT;
    this.speed = speed;
    limits = RateLimiters.build(null, book.limits(service), side, 0);
    boolean counts = false;
    for (RateLimitRule r : book.limits(service)) {
      if (r.side == side) {
        rules.put(r.id, r);
        counts |= r.enabled && r.maxConcurrent > 0;
      }
    }
    countsUnderWay = counts;
    breakers =
        CircuitBreakers.build(
            service, null, book.breakers(service), 0, new Random(SEED)::nextDouble);
    List<RouteRule> routes = book.routes(service);
    List<Instance> live = book.instances(service);
    standIns = live.isEmpty();
    router =
        routes.isEmpty()
            ? null
            : Router.build(null, routes, standIns ? cast(routes) : live, Locality.UNKNOWN, 0);
  }

  /** An instance for every version and set of labels that the rules name. */
  private static List<Instance> cast(List<RouteRule> rules) {
    Map<String, Instance> all = new LinkedHashMap<String, Instance>();
    for (RouteRule rule : rules) {
      List<RouteRule.Arm> arms = new ArrayList<RouteRule.Arm>(rule.defaults);
      for (RouteRule.Route row : rule.routes) {
        arms.addAll(row.to);
      }
      for (RouteRule.Arm arm : arms) {
        Map<String, String> labels = new TreeMap<String, String>();
        for (Map.Entry<String, String> l : arm.labels.entrySet()) {
          labels.put(l.getKey(), l.getValue().split("\\|")[0].replace("*", ""));
        }
        String name = arm.version + " " + labels;
        if (!all.containsKey(name)) {
          all.put(
              name,
              new Instance(
                  rule.service,
                  "stand-in",
                  all.size() + 1,
                  arm.version,
                  null,
                  null,
                  labels,
                  100,
                  null));
        }
      }
    }
    return new ArrayList<Instance>(all.values());
  }

  boolean hasRules() {
    return limits != null || breakers != null || router != null;
  }

  @Override
  public void call(DescribedCall call, long nanos, boolean wholeSeconds) {
    if (!second.isEmpty() && (nanos != secondNanos || !wholeSeconds)) {
      spread();
    }
    if (wholeSeconds) {
      coarse = true;
      secondNanos = nanos;
      second.add(call);
    } else {
      decide(call, nanos);
    }
  }

  /** What is held back goes through; call once at the end. */
  void end() {
    spread();
    settle(Long.MAX_VALUE);
  }

  private void spread() {
    int n = second.size();
    for (int i = 0; i < n; i++) {
      decide(second.get(i), secondNanos + SECOND / n * i);
    }
    second.clear();
  }

  /** Calls that have ended by then tell their breaker. */
  private void settle(long by) {
    while (!underWay.isEmpty() && underWay.peek().ends <= by) {
      UnderWay u = underWay.poll();
      u.ledger.endHttp(u.status, u.ends);
    }
  }

  private void decide(DescribedCall call, long nanos) {
    if (start == Long.MIN_VALUE) {
      start = nanos;
    }
    now = Math.max(now, (long) ((nanos - start) / speed));
    settle(now);
    calls++;
    long[] minute = minutes.get(Math.floorDiv(nanos, 60 * SECOND));
    if (minute == null) {
      minute = new long[2];
      minutes.put(Math.floorDiv(nanos, 60 * SECOND), minute);
    }
    minute[0]++;
    if (!admitted(call)) {
      refused++;
      minute[1]++;
    }
  }

  /** As the engine does. */
  private void markHealthCheck(CallLedger ledger, DescribedCall call) {
    if (healthChecks.include(DescribedCall.INBOUND, call)) {
      ledger.healthCheck();
    }
  }

  /** In the order of the caller's engine and then the service's. */
  private boolean admitted(DescribedCall call) {
    if (client && !limited(call)) {
      return false;
    }
    CallLedger permit = null;
    if (breakers != null) {
      permit = new CallLedger();
      permit.begin(now, null);
      markHealthCheck(permit, call);
      if (!breakers.admit(DescribedCall.OUTBOUND, call, now, permit)) {
        broken++;
        if (client) {
          ledger.abandon(now);
        }
        return false;
      }
    }
    if (router != null) {
      asked++;
      routed.begin(now, null);
      if (!router.pick(DescribedCall.OUTBOUND, call, now, routed)) {
        if (permit != null) {
          permit.abandon(now);
        }
        if (client && limits != null) {
          ledger.abandon(now);
        }
        return false;
      }
    }
    int status = call.status;
    boolean passes = client || limited(call);
    if (!passes) {
      status = ledger.refused().status();
    }
    if (permit != null && status < 0) {
      untold++;
      permit.abandon(now);
    } else if (permit != null) {
      long takes = passes ? call.tookNanos : 0;
      if (takes > 0) {
        underWay.add(new UnderWay(permit, status, now + takes));
      } else {
        permit.endHttp(status, now);
      }
    }
    if (passes && countsUnderWay) {
      underWay(call);
    }
    return passes;
  }

  /** Its place is free when the log says that it ended; without that, at once. */
  private void underWay(DescribedCall call) {
    untimed += call.tookNanos > 0 ? 0 : 1;
    underWay.add(new UnderWay(ledger, Math.max(call.status, 0), now + call.tookNanos));
  }

  private boolean limited(DescribedCall call) {
    if (limits == null) {
      return true;
    }
    if (countsUnderWay) {
      ledger = new CallLedger();
    }
    ledger.begin(now, null);
    markHealthCheck(ledger, call);
    if (limits.admit(client ? DescribedCall.OUTBOUND : DescribedCall.INBOUND, call, now, ledger)) {
      if (ledger.waitNanos() > 0) {
        paced++;
        longestWait = Math.max(longestWait, ledger.waitNanos());
      }
      return true;
    }
    count(call, ledger.refused());
    return false;
  }

  private void count(DescribedCall call, Refusal refusal) {
    RateLimitRule rule = Objects.requireNonNull(rules.get(refusal.ruleId()));
    StringBuilder key = new StringBuilder();
    for (Attribute a : rule.by) {
      String v = a.read(client ? DescribedCall.OUTBOUND : DescribedCall.INBOUND, call);
      key.append(key.length() == 0 ? "" : " ").append(a).append('=').append(v == null ? "-" : v);
    }
    if (rule.by.isEmpty()) {
      key.append("path=").append(call.path);
    }
    String name = rule.id + "\n" + key;
    Refused r = refusedByKey.get(name);
    if (r == null) {
      boolean full = refusedByKey.size() >= MOST_KEYS;
      name = full ? rule.id + "\n" + OTHERS : name;
      r = refusedByKey.get(name);
      if (r == null) {
        r = new Refused(rule.id, full ? OTHERS : key.toString());
        refusedByKey.put(name, r);
      }
    }
    r.count++;
  }

  // ---- what came of it

  long calls() {
    return calls;
  }

  long refused() {
    return refused;
  }

  /** Of the refused ones: by a breaker. */
  long broken() {
    return broken;
  }

  /** Calls whose line tells no status: no breaker learnt from them. */
  long untold() {
    return untold;
  }

  long paced() {
    return paced;
  }

  long longestWaitNanos() {
    return longestWait;
  }

  /** The log knows whole seconds only. */
  boolean coarse() {
    return coarse;
  }

  /** From the first call to the last, as logged. */
  long spanNanos() {
    return (long) (now * speed);
  }

  /** {minute since 1970, calls, refused} of the minute with most refusals, or null. */
  long @Nullable [] worstMinute() {
    long[] worst = null;
    for (Map.Entry<Long, long[]> m : minutes.entrySet()) {
      if (m.getValue()[1] > 0 && (worst == null || m.getValue()[1] > worst[2])) {
        worst = new long[] {m.getKey(), m.getValue()[0], m.getValue()[1]};
      }
    }
    return worst;
  }

  /** The busiest minute's calls per second. */
  double peak() {
    long most = 0;
    for (long[] m : minutes.values()) {
      most = Math.max(most, m[0]);
    }
    return most / 60.0 * speed;
  }

  /** Most refused first. */
  List<Refused> top(int n) {
    List<Refused> all = new ArrayList<Refused>(refusedByKey.values());
    all.sort((a, b) -> a.count == b.count ? a.key.compareTo(b.key) : a.count > b.count ? -1 : 1);
    return all.subList(0, Math.min(n, all.size()));
  }

  void rules(RateLimiters.Counts to) {
    if (limits != null) {
      limits.read(to);
    }
  }

  List<CircuitBreaker> breakers() {
    return breakers == null ? Collections.<CircuitBreaker>emptyList() : breakers.all();
  }

  /** Calls by arm; empty without routing rules. */
  Map<String, Long> arms() {
    return router == null ? Collections.<String, Long>emptyMap() : router.counters().arms();
  }

  /** Calls that the routing rules were asked about. */
  long asked() {
    return asked;
  }

  /** What these rules would have done that a log cannot tell; for people. */
  List<String> silent() {
    List<String> all = new ArrayList<String>();
    if (untimed > 0) {
      all.add(
          untimed
              + " lines tell no duration: max_concurrent counted these calls for no time at all");
    }
    for (RateLimitRule r : rules.values()) {
      if (r.enabled && r.auto != null) {
        all.add(
            r.id
                + ": a log does not answer back, so auto tuned nothing: replayed at "
                + ExplainCommand.number(r.qps)
                + " qps");
      }
      if (r.enabled && r.adaptive != null) {
        all.add(r.id + ": calls took what the log says, whatever the adaptive limit let in");
      }
    }
    if (breakers != null) {
      all.add("breakers were replayed as one caller that made every call");
      if (untold > 0) {
        all.add(untold + " lines tell no status: no breaker learnt from them");
      }
      for (CircuitBreaker b : breakers.all()) {
        CircuitBreakerRule r = b.rule();
        if (r.slowCallNanos > 0) {
          all.add(r.id + ": calls are slow only where the log tells durations");
        }
        if (r.fleet && r.quorumAuto()) {
          all.add(
              r.id
                  + ": opened as for one caller whom nobody contradicts; for all others a second"
                  + " later, or at once with a second witness (quorum: auto)");
        } else if (r.quorum > 1 || r.quorumShare > 0) {
          all.add(r.id + ": a quorum needs several callers and was taken as 1");
        }
      }
    }
    if (router != null && standIns) {
      all.add("no instance is registered: one stand-in for each arm of the routes");
    }
    return all;
  }
}
