package io.weir.engine.route;

import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Ejections;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.route.RouteRow.Target;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Arm;
import io.weir.engine.rules.RouteRule.Balance;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.rules.RouteRule.Route;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns one rule and the instances that speak one protocol into a {@link RoutePlan}. */
final class RouteCompiler {
  private final @Nullable RouteRule rule;
  private final @Nullable Locality near;
  private final double spillBelow;
  private final Balance balance;
  private final Ejections ejections;
  private final RouteCounters counters;
  private final long now;

  /** Arms that select the same instances share a pool, so that its view is computed once. */
  private final Map<List<Instance>, InstancePool> pools =
      new HashMap<List<Instance>, InstancePool>();

  /**
   * @param rule null for a service without routing rules
   */
  RouteCompiler(
      @Nullable RouteRule rule,
      Locality here,
      Ejections ejections,
      RouteCounters counters,
      long now) {
    this.rule = rule;
    near = rule != null && rule.preferSameRegion ? here : null;
    spillBelow = rule == null ? 1 : rule.spillBelow;
    balance = rule == null ? Balance.LEAST_IN_FLIGHT : rule.balance;
    this.ejections = ejections;
    this.counters = counters;
    this.now = now;
  }

  /**
   * @param grpc whether the plan is for gRPC calls; false: for HTTP
   * @param next plan of the rule that is evaluated after this one, or null
   * @return null when no instance speaks the protocol
   */
  @Nullable RoutePlan compile(List<Instance> registered, boolean grpc, @Nullable RoutePlan next) {
    List<Instance> candidates = new ArrayList<Instance>();
    for (Instance i : registered) {
      if (i.protocol() == null || i.protocol().equals("grpc") == grpc) {
        candidates.add(i);
      }
    }
    if (candidates.isEmpty()) {
      return null;
    }
    // without a live instance the plan refuses nothing, as if there were no plan
    boolean live = false;
    for (Instance i : candidates) {
      live |= !i.lastResort();
    }
    Map<String, List<Instance>> byColour = new HashMap<String, List<Instance>>();
    for (Instance i : candidates) {
      List<Instance> same = byColour.get(i.colour());
      if (same == null) {
        same = new ArrayList<Instance>();
        byColour.put(i.colour(), same);
      }
      same.add(i);
    }
    List<Instance> untagged = byColour.remove(null);
    Map<String, InstancePool> coloured = new HashMap<String, InstancePool>();
    for (Map.Entry<String, List<Instance>> e : byColour.entrySet()) {
      coloured.put(e.getKey(), pool(e.getValue()));
    }
    List<RouteRow> rows = new ArrayList<RouteRow>();
    RouteRow defaults = null;
    if (rule != null) {
      for (Route r : rule.routes) {
        rows.add(row(rule, r, candidates));
      }
      if (!rule.defaults.isEmpty()) {
        defaults =
            row(
                rule,
                new Route(
                    MatchExpression.ALWAYS,
                    null,
                    rule.defaults,
                    null,
                    Fallback.DEFAULT,
                    Collections.<String, String>emptyMap(),
                    0),
                candidates);
      }
    }
    return new RoutePlan(
        rule == null ? MatchExpression.ALWAYS : rule.match,
        rule != null && rule.shadow,
        rows.toArray(new RouteRow[0]),
        defaults,
        pool(untagged == null ? Collections.<Instance>emptyList() : untagged),
        coloured,
        rule == null || !live ? null : refusal(rule),
        counters,
        next);
  }

  private RouteRow row(RouteRule rule, Route route, List<Instance> candidates) {
    Target[] targets = new Target[route.to.size()];
    for (int i = 0; i < targets.length; i++) {
      Arm arm = route.to.get(i);
      List<Instance> selected = new ArrayList<Instance>();
      for (Instance instance : candidates) {
        if (arm.selects(instance)) {
          selected.add(instance);
        }
      }
      String name = name(arm);
      RouteCounters.ArmCounts counts = counters.arm(name);
      for (Instance instance : selected) {
        instance.mayBeChosenBy(counts.index);
      }
      targets[i] = new Target(name, pool(selected), headers(route, name), counts);
    }
    return new RouteRow(route, rule, targets, counters);
  }

  private InstancePool pool(List<Instance> instances) {
    InstancePool p = pools.get(instances);
    if (p == null) {
      p = new InstancePool(instances, near, spillBelow, balance, ejections, now);
      pools.put(instances, p);
    }
    return p;
  }

  /** The name of an arm in statistics and experiments: its version, else its labels. */
  private static String name(Arm arm) {
    return arm.version != null ? arm.version : arm.labels.isEmpty() ? "any" : "" + arm.labels;
  }

  /** Headers to set on the calls of an arm: name, value, name, value ... */
  private static String[] headers(Route route, String arm) {
    List<String> l = new ArrayList<String>();
    for (Map.Entry<String, String> e : route.setHeaders.entrySet()) {
      l.add(e.getKey());
      l.add(e.getValue());
    }
    if (route.ab != null && route.ab.header != null) {
      l.add(route.ab.header.toString().substring("header:".length()));
      l.add(arm);
    }
    return l.toArray(new String[0]);
  }

  private static Refusal refusal(RouteRule rule) {
    return new Refusal(
        Refusal.Kind.ROUTE,
        rule.id,
        503,
        Collections.<String, String>emptyMap(),
        null,
        false,
        null);
  }
}
