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
 * Picks the instance for a call to one service: by label, then weight, then region, then load.
 *
 * <p>A router is compiled from the rules and the instances of one service and never changes. Each
 * arm (one destination of a rule, one entry of {@code to}) holds its own list of instances. A pick
 * walks the rule's rows (first match wins), draws or hashes an arm, and picks within the arm's
 * {@link InstancePool}. It reads no other service's rules and does not scan the instances.
 *
 * <p><b>Isolation.</b> An instance with the label {@code canary} (not empty, not {@code false})
 * gets a call in two cases only. Either the arm names a version or that label. Or the call's
 * traffic colour ({@code io.weir.bootstrap.Colour}: tags that travel with a request from service to
 * service) has the tag {@code canary} with the same value, and no arm has given an instance: no row
 * matched, or the arm was empty and its {@code fallback} lets others take the call. All other calls
 * go to instances without that label.
 *
 * <p>Only {@code fallback} widens the choice. If there are live instances but the rule allows none
 * of them, the call is refused. If there are no live ones at all, it goes where the application
 * sent it. If an attribute of the call cannot be read, the first default arm takes the call;
 * without a default, the next rule decides.
 *
 * <p>Threading: {@link #pick} from any thread, without lock and without allocation of its own;
 * {@link #build} from the thread that builds snapshots.
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
      // By host:port. An instance whose registration has changed is a new object, which takes over
      // the running state of the old one. Addresses that are gone hand over their counts.
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

  /** As the last {@code build}, with one rule (or null for none) and an unknown locality. */
  public static @Nullable Router build(
      @Nullable Router before, @Nullable RouteRule rule, List<Instance> instances, long now) {
    return build(before, rule, instances, Locality.UNKNOWN, now);
  }

  /** As the last {@code build}, with one rule, or null for none. */
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
   * Builds the router of one service.
   *
   * @param before the router in force so far, or null; ejections, calls under way and counters
   *     carry over from it. When the last instance goes they are lost: names that were registered
   *     once must not take memory for ever
   * @param rules the service's routing rules in the order they are evaluated
   * @param instances the instances that calls may reach, live ones and last resorts; possibly
   *     empty; must not change any more
   * @param here where this JVM runs; the same object for the life of an engine
   * @param now nano clock
   * @return {@code before} when nothing has changed; null when there are no instances: then calls
   *     go where the application sent them
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
   * Chooses an instance and notes it in the ledger. Without an instance in the ledger the call goes
   * where the application sent it.
   *
   * @return false when the call is refused; the ledger holds the refusal
   */
  public <C> boolean pick(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    RoutePlan plan = source.grpc() ? grpc : http;
    return plan == null || plan.pick(source, call, now, ledger);
  }

  /** The instances that calls may reach: live ones and last resorts. */
  public List<Instance> instances() {
    return instances;
  }

  /** The counters, shared with the routers before and after this one. */
  public RouteCounters counters() {
    return counters;
  }
}
