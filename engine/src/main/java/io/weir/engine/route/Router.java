package io.weir.engine.route;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Ejections;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Picks the instance for a call to one service: label, then weight, then region, then load.
 *
 * <p>A router is compiled from one service's rules and one list of instances and never changes:
 * every arm knows its own instances beforehand, so a pick walks the rule's rows (first match wins),
 * draws or hashes an arm, and picks within the arm's {@link InstancePool}. It looks at no other
 * rule, no other service and none of the instances one by one.
 *
 * <p><b>Isolation.</b> Instances labelled {@code canary} get a call only if the arm says so, by
 * version or by that label, or if the call carries a {@code canary} tag of the same value and no
 * row decided. Everything else (no row, an arm without version and label, {@code fallback: any})
 * stays among the untagged. There is no way by which a failure widens the choice: without an
 * instance in what the rule allows a call is refused, and when an attribute cannot be read the call
 * goes on as if no row had matched.
 *
 * <p>Threading: {@link #pick} from any thread, no lock, no allocation of its own; {@link #build}
 * from the thread that builds snapshots.
 */
public final class Router {
  private final List<RouteRule> rules;
  private final List<Instance> instances;
  private final Locality here;
  private final Ejections ejections;
  private final RouteCounters counters;
  private final @Nullable RoutePlan http;
  private final @Nullable RoutePlan grpc;

  private Router(
      @Nullable Router before,
      List<RouteRule> rules,
      List<Instance> instances,
      Locality here,
      long now) {
    this.rules = rules;
    this.instances = instances;
    this.here = here;
    ejections = before == null ? new Ejections() : before.ejections;
    counters = before == null ? new RouteCounters() : before.counters;
    if (before != null) {
      Map<String, Instance> known = new HashMap<String, Instance>();
      for (Instance i : before.instances) {
        known.put(i.toString(), i);
      }
      for (Instance i : instances) {
        Instance old = known.remove(i.toString());
        if (old != null && old != i) {
          i.continues(old);
        }
      }
      for (Instance gone : known.values()) {
        gone.retire();
      }
    }
    for (Instance i : instances) {
      i.join(ejections);
      i.countIn(counters.selections(i.version(), i.region()));
    }
    http = compile(false, now);
    grpc = compile(true, now);
  }

  private @Nullable RoutePlan compile(boolean grpc, long now) {
    if (rules.isEmpty()) {
      return new RouteCompiler(null, here, ejections, counters, now).compile(instances, grpc, null);
    }
    RoutePlan plan = null;
    for (int i = rules.size() - 1; i >= 0; i--) {
      RouteCompiler compiler = new RouteCompiler(rules.get(i), here, ejections, counters, now);
      plan = compiler.compile(instances, grpc, plan);
    }
    return plan;
  }

  /** For one rule, or null for none, and the locality unknown. */
  public static @Nullable Router build(
      @Nullable Router before, @Nullable RouteRule rule, List<Instance> instances, long now) {
    return build(before, rule, instances, Locality.UNKNOWN, now);
  }

  /** For one rule, or null for none. */
  public static @Nullable Router build(
      @Nullable Router before,
      @Nullable RouteRule rule,
      List<Instance> instances,
      Locality here,
      long now) {
    List<RouteRule> rules =
        rule == null ? Collections.<RouteRule>emptyList() : Collections.singletonList(rule);
    return build(before, rules, instances, here, now);
  }

  /**
   * @param before running state (ejections, calls under way) carried over, or null
   * @param rules the service's routing rules in the order they are asked
   * @param instances live instances, possibly empty; must not change any more
   * @param here where this JVM runs
   * @param now nano clock
   * @return null when there is nothing to choose: calls go where the application aimed them
   */
  public static @Nullable Router build(
      @Nullable Router before,
      List<RouteRule> rules,
      List<Instance> instances,
      Locality here,
      long now) {
    if (instances.isEmpty()) {
      return null;
    }
    if (before != null
        && here == before.here
        && RuleBook.same(rules, before.rules)
        && RuleBook.same(instances, before.instances)) {
      return before;
    }
    return new Router(before, rules, instances, here, now);
  }

  /**
   * Chooses; the ledger carries the instance, or none: untouched. False: refused, the ledger says
   * why.
   */
  public <C> boolean pick(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    RoutePlan plan = source.grpc() ? grpc : http;
    return plan == null || plan.pick(source, call, now, ledger);
  }

  /** Live instances, as registered. */
  public List<Instance> instances() {
    return instances;
  }

  /** What has been counted so far. */
  public RouteCounters counters() {
    return counters;
  }
}
