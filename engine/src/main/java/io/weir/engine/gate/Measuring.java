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
 * Measures how long calls take, once somebody reads it. It costs each call some nanoseconds and
 * each service some memory ({@link LatencyRecorders}).
 *
 * <p>Any thread; a call takes no lock.
 */
public final class Measuring {
  private final String service;
  private final Ticker ticker;
  private volatile RulesInForce rules = RulesInForce.EMPTY;

  /** The latencies of all calls; null while nobody reads them. */
  private volatile @Nullable LatencyRecorders latencies;

  /** How many more rules may have a latency recorder. */
  private final AtomicInteger recordersLeft = new AtomicInteger(LatencyRecorders.MAX_RULES);

  /**
   * Gives a rule its latency recorder. No lambda: the first call to a service would link it, deep
   * in its stack.
   */
  private final TimedRule.Each giveRecorder =
      new TimedRule.Each() {
        @Override
        public void rule(String kind, String id, long slowNanos, TimedRule rule) {
          if (rule.latency() == null && recordersLeft.getAndDecrement() > 0) {
            rule.time(new LatencyRecorder());
          }
        }
      };

  /**
   * Empty plans of services without rules, so that calls to them are measured; at most {@link
   * LatencyRecorders#MAX_TARGETS}.
   */
  private final ConcurrentHashMap<String, ServicePlan> unruled =
      new ConcurrentHashMap<String, ServicePlan>();

  Measuring(String service, Ticker ticker) {
    this.service = service;
    this.ticker = ticker;
  }

  /**
   * Starts measuring calls, also those without rules. May be called again: then it changes nothing.
   */
  public synchronized LatencyRecorders start() {
    LatencyRecorders all = latencies;
    if (all == null) {
      all = new LatencyRecorders();
      latencies = all;
      timeOwnRules();
    }
    return all;
  }

  /** How long calls took; null before {@link #start}. */
  public @Nullable LatencyRecorders latencies() {
    return latencies;
  }

  /**
   * How long the calls took that timed rules ({@link TimedRule}) judge; empty while nothing is
   * measured. At most {@link LatencyRecorders#MAX_RULES} rules: those about calls to this service,
   * and then those about the services that were called first.
   */
  public synchronized List<RuleLatency> ruleLatencies() {
    List<RuleLatency> all = new ArrayList<RuleLatency>();
    if (latencies != null) {
      RulesInForce r = rules;
      if (r.ownPlan() != null) {
        r.ownPlan().timedServer(adder(service, "server", all));
      }
      for (ServicePlan p : r.plans()) {
        p.timedClient(adder(p.service, "client", all));
      }
      recordersLeft.set(LatencyRecorders.MAX_RULES - all.size()); // rules that are gone made room
    }
    return all;
  }

  /** Adds each rule that has a latency recorder to {@code all}. */
  private static TimedRule.Each adder(String service, String side, List<RuleLatency> all) {
    return (kind, id, slow, rule) -> {
      LatencyRecorder l = rule.latency();
      if (l != null) {
        all.add(new RuleLatency(service, side, kind, id, slow, l));
      }
    };
  }

  /** New rules are in force. Control thread. */
  void applied(RulesInForce next) {
    rules = next;
    timeOwnRules();
  }

  /**
   * Gives the rules about calls to this service their recorders. Rules about another service get
   * theirs at the first call to it.
   */
  private void timeOwnRules() {
    if (latencies == null) {
      return;
    }
    ruleLatencies(); // sets recordersLeft
    ServicePlan own = rules.ownPlan();
    if (own != null) {
      own.timedServer(giveRecorder);
    }
  }

  /**
   * An empty plan, by which calls to a service without rules are measured; null: they are not
   * measured.
   */
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

  /** The engine has decided about a call to this JVM. */
  <C> void inbound(
      LatencyRecorders all,
      boolean admitted,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    decided(all, all.server(), admitted, source, call, now, ledger);
  }

  /** The engine has decided about a call from this JVM. */
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
      latency = firstCall(plan, all);
      plan.latency = latency;
    }
    decided(all, latency, admitted, source, call, now, ledger);
  }

  /**
   * The first call to a service under this plan. No lock: at worst one rule recorder is counted
   * twice for a while.
   */
  private LatencyRecorder firstCall(ServicePlan plan, LatencyRecorders all) {
    LatencyRecorder l = all.target(plan.service);
    if (!all.isOthers(l)) {
      plan.timedClient(giveRecorder);
    }
    return l;
  }

  /**
   * Records a refused call. For an admitted call, prepares the ledger to record it when it ends.
   */
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
    if (refusal.kind() == Refusal.Kind.LIMIT) {
      tags = CallTags.withExceeded(tags);
    } else if (refusal.kind() == Refusal.Kind.BREAKER) {
      tags = CallTags.withCircuit(tags, CallTags.OPEN);
    } else if (breaker != null) {
      tags = CallTags.withCircuit(tags, breaker.circuit());
    }
    int outcome =
        source.grpc() ? Outcome.grpc(refusal.grpcStatus()) : Outcome.http(refusal.status());
    latency.record(CallTags.ended(tags, outcome), ticker.read() - now);
  }
}
