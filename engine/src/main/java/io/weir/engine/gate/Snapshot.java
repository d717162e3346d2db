package io.weir.engine.gate;

import io.weir.engine.breaker.Breakers;
import io.weir.engine.instances.Locality;
import io.weir.engine.limit.Limits;
import io.weir.engine.route.Router;
import io.weir.engine.rules.LimitRule;
import io.weir.engine.rules.RuleBook;
import java.util.HashMap;
import java.util.Map;

/**
 * Running state for one {@link RuleBook}: built off the request path, published by one volatile
 * write, read once per call. State of rules that are still there is carried over from the snapshot
 * before.
 */
public final class Snapshot {
  static final Snapshot EMPTY =
      new Snapshot(RuleBook.EMPTY, new HashMap<String, ServicePlan>(), null);

  private final RuleBook book;
  private final Map<String, ServicePlan> plans;
  private final ServicePlan own;

  private Snapshot(RuleBook book, Map<String, ServicePlan> plans, ServicePlan own) {
    this.book = book;
    this.plans = plans;
    this.own = own;
  }

  /**
   * @param service this JVM's own service name
   * @param here where this JVM runs
   * @param now nano clock
   */
  static Snapshot build(Snapshot before, RuleBook book, String service, Locality here, long now) {
    Map<String, ServicePlan> plans = new HashMap<String, ServicePlan>();
    java.util.Set<String> names = new java.util.TreeSet<String>(book.services());
    names.add(service);
    for (String s : names) {
      ServicePlan old = before.plans.get(s);
      ServicePlan plan =
          new ServicePlan(
              s,
              s.equals(service)
                  ? Limits.build(
                      old == null ? null : old.server, book.limits(s), LimitRule.Side.SERVER, now)
                  : null,
              Limits.build(
                  old == null ? null : old.client, book.limits(s), LimitRule.Side.CLIENT, now),
              Breakers.build(s, old == null ? null : old.breakers, book.breakers(s), now),
              Router.build(
                  old == null ? null : old.router, book.route(s), book.instances(s), here, now));
      if (!plan.isEmpty()) {
        plans.put(s, plan);
      }
    }
    return new Snapshot(book, plans, plans.get(service));
  }

  public RuleBook book() {
    return book;
  }

  /** The plan for calls to {@code service}, or null: not governed. */
  public ServicePlan plan(String service) {
    return plans.get(service);
  }

  /** All plans, for those that look after running state (telemetry, the fleet). */
  public java.util.Collection<ServicePlan> plans() {
    return java.util.Collections.unmodifiableCollection(plans.values());
  }

  /** The plan for calls to this JVM's own service, or null. */
  ServicePlan own() {
    return own;
  }
}
