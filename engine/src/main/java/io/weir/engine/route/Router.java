package io.weir.engine.route;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticket;
import io.weir.engine.instances.Ejections;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.rules.RouteRule;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Picks the instance for a call to one service: label, then weight, then region, then load.
 *
 * <p>A router is compiled from one rule and one list of instances and never changes: every arm
 * knows its own instances beforehand, so a pick walks the rule's rows (first match wins), draws or
 * hashes an arm, and picks within the arm's {@link Pool}. It looks at no other rule, no other
 * service and none of the instances one by one.
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
  private final RouteRule rule;
  private final List<Instance> instances;
  private final Locality here;
  private final Ejections ejections;
  private final Counters counters;
  private final Plan http;
  private final Plan grpc;

  private Router(Router before, RouteRule rule, List<Instance> instances, Locality here, long now) {
    this.rule = rule;
    this.instances = instances;
    this.here = here;
    ejections = before == null ? new Ejections() : before.ejections;
    counters = before == null ? new Counters() : before.counters;
    if (before != null) {
      Map<String, Instance> known = new HashMap<String, Instance>();
      for (Instance i : before.instances) {
        known.put(i.toString(), i);
      }
      for (Instance i : instances) {
        Instance old = known.get(i.toString());
        if (old != null && old != i) {
          i.continues(old);
        }
      }
    }
    for (Instance i : instances) {
      i.join(ejections);
    }
    Compiler compiler = new Compiler(rule, here, ejections, counters, now);
    http = compiler.compile(instances, false);
    grpc = compiler.compile(instances, true);
  }

  /** As {@link #build(Router, RouteRule, List, Locality, long)}, with the locality unknown. */
  public static Router build(Router before, RouteRule rule, List<Instance> instances, long now) {
    return build(before, rule, instances, Locality.UNKNOWN, now);
  }

  /**
   * @param before running state (ejections, calls under way) carried over, or null
   * @param rule the service's routing rule, or null
   * @param instances live instances, possibly empty; must not change any more
   * @param here where this JVM runs
   * @param now nano clock
   * @return null when there is nothing to choose: calls go where the application aimed them
   */
  public static Router build(
      Router before, RouteRule rule, List<Instance> instances, Locality here, long now) {
    if (instances.isEmpty()) {
      return null;
    }
    if (before != null && before.serves(rule, instances, here)) {
      return before;
    }
    return new Router(before, rule, instances, here, now);
  }

  private boolean serves(RouteRule rule, List<Instance> instances, Locality here) {
    if (here != this.here || rule != this.rule || instances.size() != this.instances.size()) {
      return false;
    }
    for (int i = 0; i < instances.size(); i++) {
      if (instances.get(i) != this.instances.get(i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Chooses; the ticket carries the instance, or none: untouched. False: refused, the ticket says
   * why.
   */
  public <C> boolean pick(AttributeSource<C> source, C call, long now, Ticket ticket) {
    Plan plan = source.grpc() ? grpc : http;
    return plan == null || plan.pick(source, call, now, ticket);
  }

  /** Live instances, as registered. */
  public List<Instance> instances() {
    return instances;
  }

  /** What has been counted so far. */
  public Counters counters() {
    return counters;
  }
}
