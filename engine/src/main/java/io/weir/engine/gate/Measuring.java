package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.Ticker;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.RuleLatency;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * How long calls take: measured only from the moment that somebody wants to read it, which costs
 * each call some nanoseconds and each service some memory ({@link LatencyRecorders}).
 *
 * <p>Any thread; a call takes no lock.
 */
public final class Measuring {
  private final String service;
  private final Ticker ticker;
  private volatile RulesInForce rules = RulesInForce.EMPTY;

  /** Null while nobody reads how long calls take. */
  private volatile @Nullable LatencyRecorders latencies;

  /** How many more rules may have a latency of their own. */
  private final AtomicInteger ruleRoom = new AtomicInteger(LatencyRecorders.MAX_RULES);

  /** No method reference: the first call to a service would link it, deep down in its stack. */
  private final TimedRule.Each timing =
      new TimedRule.Each() {
        @Override
        public void rule(String kind, String id, long slowNanos, TimedRule rule) {
          if (rule.latency() == null && ruleRoom.getAndDecrement() > 0) {
            rule.time(new LatencyRecorder());
          }
        }
      };

  /** Services without rules that are measured all the same; as many as have a latency. */
  private final ConcurrentHashMap<String, ServicePlan> unruled =
      new ConcurrentHashMap<String, ServicePlan>();

  Measuring(String service, Ticker ticker) {
    this.service = service;
    this.ticker = ticker;
  }

  /**
   * From now on the time that calls take is measured, also of those no rule is about: somebody
   * reads it. May be asked for more than once.
   */
  public synchronized LatencyRecorders start() {
    LatencyRecorders all = latencies;
    if (all == null) {
      all = new LatencyRecorders();
      latencies = all;
      timeOwn();
    }
    return all;
  }

  /** How long calls took, or null: nobody has asked to {@link #start}. */
  public @Nullable LatencyRecorders latencies() {
    return latencies;
  }

  /**
   * How long calls took, by the rules in force that go by it; empty while nothing is measured. At
   * most {@link LatencyRecorders#MAX_RULES}: those about calls to this service, which come first,
   * and those about the services that were called first.
   */
  public synchronized List<RuleLatency> ruleLatencies() {
    List<RuleLatency> all = new ArrayList<RuleLatency>();
    if (latencies != null) {
      RulesInForce r = rules;
      if (r.own() != null) {
        r.own().timedServer(listing(service, "server", all));
      }
      for (ServicePlan p : r.plans()) {
        p.timedClient(listing(p.service, "client", all));
      }
      ruleRoom.set(LatencyRecorders.MAX_RULES - all.size()); // some may be gone
    }
    return all;
  }

  private static TimedRule.Each listing(String service, String side, List<RuleLatency> all) {
    return (kind, id, slow, rule) -> {
      LatencyRecorder l = rule.latency();
      if (l != null) {
        all.add(new RuleLatency(service, side, kind, id, slow, l));
      }
    };
  }

  /** Control thread. */
  void applied(RulesInForce now) {
    rules = now;
    timeOwn();
  }

  /** Rules about calls to this service are timed from the start, those about others once called. */
  private void timeOwn() {
    if (latencies == null) {
      return;
    }
    ruleLatencies(); // counts
    ServicePlan own = rules.own();
    if (own != null) {
      own.timedServer(timing);
    }
  }

  /** By which calls to a service that has no rule are measured; null: they are not. */
  @Nullable ServicePlan unruled(String target) {
    if (latencies == null || target == null) {
      return null;
    }
    ServicePlan p = unruled.get(target);
    if (p == null && unruled.size() < LatencyRecorders.MAX_TARGETS) {
      ServicePlan fresh = new ServicePlan(target, null, null, null, null, null);
      p = unruled.putIfAbsent(target, fresh);
      p = p == null ? fresh : p;
    }
    return p;
  }

  /** A call to this JVM was decided. */
  <C> void inbound(
      LatencyRecorders all,
      boolean admitted,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    decided(all, all.server(), admitted, source, call, now, ledger);
  }

  /** A call from this JVM was decided. */
  <C> void outbound(
      LatencyRecorders all,
      ServicePlan plan,
      boolean admitted,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    LatencyRecorder latency = plan.latency;
    if (latency == null) {
      latency = called(plan, all);
      plan.latency = latency;
    }
    decided(all, latency, admitted, source, call, now, ledger);
  }

  /**
   * The first call to a service under this plan. No lock: at worst two count for one for a while.
   */
  private LatencyRecorder called(ServicePlan plan, LatencyRecorders all) {
    LatencyRecorder l = all.target(plan.service);
    if (!all.isOthers(l)) {
      plan.timedClient(timing);
    }
    return l;
  }

  /** Counts a refused call and an admitted one's decision; what it takes is counted as it ends. */
  private <C> void decided(
      LatencyRecorders all,
      LatencyRecorder latency,
      boolean admitted,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    int tags = CallTags.begun(source.grpc(), source.grpc() ? null : source.method(call));
    CallLedger.Recorder breaker = ledger.breaker();
    if (admitted) {
      ledger.measured(
          latency, breaker == null ? tags : CallTags.withCircuit(tags, breaker.circuit()));
      if (all.timesDecision()) {
        all.decided(ticker.read() - now);
      }
      return;
    }
    Refusal refusal = ledger.refused();
    tags =
        refusal.kind() == Refusal.Kind.LIMIT
            ? CallTags.withExceeded(tags)
            : refusal.kind() == Refusal.Kind.BREAKER
                ? CallTags.withCircuit(tags, CallTags.OPEN)
                : breaker == null ? tags : CallTags.withCircuit(tags, breaker.circuit());
    int outcome =
        source.grpc() ? Outcome.grpc(refusal.grpcStatus()) : Outcome.http(refusal.status());
    latency.record(CallTags.ended(tags, outcome), ticker.read() - now);
  }
}
