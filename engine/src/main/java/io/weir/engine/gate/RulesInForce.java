package io.weir.engine.gate;

import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.Ticker;
import io.weir.engine.colour.PropagatedHeaders;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.outlier.OutlierDetector;
import io.weir.engine.route.Router;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * Running state for one {@link RuleBook}: built off the request path, published by one volatile
 * write, read once per call. State of rules that are still there is carried over from the snapshot
 * before.
 */
public final class RulesInForce {
  /**
   * Services governed by the defaults under {@code *} alone get their plan at the first call to
   * them. Hosts may be made up by whoever chooses the URL, so there are so many at most. Idle ones
   * whose breakers are closed make room; if none is, the rest share one plan, whose breakers are in
   * shadow.
   */
  static final int MAX_DEFAULTED = 2000;

  static final RulesInForce EMPTY =
      new RulesInForce(
          RuleBook.EMPTY,
          new HashMap<String, ServicePlan>(),
          null,
          Locality.UNKNOWN,
          WildcardHosts.INSIDE,
          PlanListeners.NONE);

  /** How often room is looked for at most. */
  private static final long SWEEP_NANOS = 1_000_000_000L;

  private static final AtomicLongFieldUpdater<RulesInForce> SWEPT =
      AtomicLongFieldUpdater.newUpdater(RulesInForce.class, "swept");

  private final RuleBook book;
  private final Map<String, ServicePlan> plans;
  private final @Nullable ServicePlan own;
  private final Locality here;
  private final @Nullable PropagatedHeaders carried;

  /** Services of which a server-side limit looks at {@code caller}; null for none. */
  private final @Nullable Set<String> askWhoCalls;

  /**
   * Plans of services only the defaults govern; null when there are no defaults that concern calls
   * to others.
   */
  private final @Nullable ConcurrentHashMap<String, ServicePlan> defaulted;

  /** Plans for calls of exporters and clients of registries, by service; made when called. */
  private final ConcurrentHashMap<String, ServicePlan> spared =
      new ConcurrentHashMap<String, ServicePlan>();

  private final WildcardHosts hosts;

  /** Told of plans that come and go by calls. */
  private final PlanListeners listeners;

  /** When room was looked for last; 0: never. */
  private volatile long swept;

  private RulesInForce(
      RuleBook book,
      Map<String, ServicePlan> plans,
      @Nullable ServicePlan own,
      Locality here,
      WildcardHosts hosts,
      PlanListeners listeners) {
    this.hosts = hosts;
    this.listeners = listeners;
    this.book = book;
    this.plans = plans;
    this.own = own;
    this.here = here;
    this.carried = carried(book);
    this.askWhoCalls = askWhoCalls(book);
    this.defaulted = plans.containsKey("*") ? new ConcurrentHashMap<String, ServicePlan>() : null;
  }

  /**
   * @param service this JVM's own service name
   * @param here where this JVM runs
   * @param hosts which hosts the defaults apply to
   * @param listeners told of plans that come and go by calls
   * @param now nano clock
   */
  static RulesInForce build(
      RulesInForce before,
      RuleBook book,
      String service,
      Locality here,
      WildcardHosts hosts,
      PlanListeners listeners,
      long now) {
    Map<String, ServicePlan> plans = new HashMap<String, ServicePlan>();
    Set<String> names = new HashSet<String>(book.services());
    names.add(service);
    names.add("*");
    for (String s : names) {
      ServicePlan plan = next(before, book, s, s.equals(service), false, here, hosts, now);
      if (!plan.isEmpty()) {
        plans.put(s, plan);
      }
    }
    RulesInForce next = new RulesInForce(book, plans, plans.get(service), here, hosts, listeners);
    if (next.defaulted != null && before.defaulted != null) {
      for (Map.Entry<String, ServicePlan> e : before.defaulted.entrySet()) {
        if (!plans.containsKey(e.getKey())) {
          next.defaulted.put(
              e.getKey(), next(before, book, e.getKey(), false, true, here, hosts, now));
        }
      }
    }
    return next;
  }

  /** The very same plan where nothing changed: one of ten thousand rules is edited at a time. */
  private static ServicePlan next(
      RulesInForce before,
      RuleBook book,
      String s,
      boolean own,
      boolean unknown,
      Locality here,
      WildcardHosts hosts,
      long now) {
    ServicePlan old = before.planOf(s);
    return old != null
            && here == before.here
            && before.plans.containsKey(s) != unknown
            && book.same(before.book, s)
        ? old
        : plan(old, book, s, own, unknown, here, hosts, now);
  }

  private static ServicePlan plan(
      @Nullable ServicePlan old,
      RuleBook book,
      String s,
      boolean own,
      boolean unknown,
      Locality here,
      WildcardHosts hosts,
      long now) {
    List<CircuitBreakerRule> breakers = book.breakers(s);
    if (s.equals("*")) {
      breakers = WildcardHosts.overflow(breakers);
    } else if (unknown) {
      breakers = hosts.breakers(s, breakers);
    }
    // before the outliers: instances take over the state of those before
    Router router =
        Router.build(old == null ? null : old.router, book.routes(s), book.reachable(s), here, now);
    return new ServicePlan(
        s,
        own
            ? RateLimiters.build(
                old == null ? null : old.server, book.limits(s), RateLimitRule.Side.SERVER, now)
            : null,
        RateLimiters.build(
            old == null ? null : old.client, book.limits(s), RateLimitRule.Side.CLIENT, now),
        CircuitBreakers.build(s, old == null ? null : old.breakers, breakers, now),
        router,
        OutlierDetector.build(
            old == null ? null : old.outliers,
            book.reachable(s),
            maxEjectionPercent(breakers),
            now));
  }

  /** As the first breaker rule in force says; without one nobody is ejected. */
  private static int maxEjectionPercent(List<CircuitBreakerRule> rules) {
    for (CircuitBreakerRule r : rules) {
      if (!r.shadow) {
        return r.maxEjectionPercent;
      }
    }
    return 0;
  }

  /** Null while nothing depends on a request's colour: then it is not looked for. */
  private static @Nullable PropagatedHeaders carried(RuleBook book) {
    Set<RouteRule> rules = new LinkedHashSet<RouteRule>();
    List<Attribute> others = new ArrayList<Attribute>();
    boolean canaries = false;
    Set<String> services = new LinkedHashSet<String>(book.services());
    services.add("*");
    for (String s : services) {
      rules.addAll(book.routes(s));
      for (RateLimitRule r : book.limits(s)) {
        if (r.enabled) {
          others.addAll(r.by);
          r.match.attributes(others);
        }
      }
      for (CircuitBreakerRule r : book.breakers(s)) {
        if (r.enabled) {
          r.match.attributes(others);
        }
      }
      for (Instance i : book.reachable(s)) {
        canaries |= i.colour() != null;
      }
    }
    if (canaries) {
      others.add(Attribute.parse("tag:" + Instance.CANARY)); // isolation looks at it
    }
    return rules.isEmpty() && !canaries ? null : PropagatedHeaders.by(rules, others);
  }

  private static @Nullable Set<String> askWhoCalls(RuleBook book) {
    Set<String> asking = new HashSet<String>();
    Set<String> names = new HashSet<String>(book.services());
    names.add("*");
    List<Attribute> looked = new ArrayList<Attribute>();
    for (String s : names) {
      looked.clear();
      for (RateLimitRule r : book.limits(s)) {
        if (r.enabled && r.side == RateLimitRule.Side.SERVER) {
          looked.addAll(r.by);
          r.match.attributes(looked);
        }
      }
      for (Attribute a : looked) {
        if (a.isCaller()) {
          asking.add(s);
        }
      }
    }
    return asking.isEmpty() ? null : asking;
  }

  boolean anyAsksWhoCalls() {
    return askWhoCalls != null;
  }

  /**
   * Whether {@code service} is to be told who calls it: a limit of its own looks at that, or, where
   * it cannot be a stranger, one of the defaults.
   */
  boolean asksWhoCalls(String service, boolean inside) {
    return askWhoCalls != null
        && (askWhoCalls.contains(service)
            || inside && askWhoCalls.contains("*") && book.limits(service) == book.limits("*"));
  }

  /** What travels with a request through this JVM, or null: nothing does. */
  @Nullable PropagatedHeaders carried() {
    return carried;
  }

  public RuleBook book() {
    return book;
  }

  /**
   * The plan for calls to {@code service}, or null: not governed. Needs the clock only for a first
   * call.
   */
  @Nullable ServicePlan plan(String service, Ticker ticker) {
    ServicePlan p = plans.get(service);
    if (p != null || defaulted == null || service == null) {
      return p;
    }
    p = defaulted.get(service);
    if (p == null) {
      if (book.off(service)) {
        return null;
      }
      if (defaulted.size() >= MAX_DEFAULTED && !makeRoom(defaulted, ticker.read())) {
        return plans.get("*");
      }
      ServicePlan fresh = plan(null, book, service, false, true, here, hosts, ticker.read());
      p = defaulted.putIfAbsent(service, fresh);
      if (p == null) {
        p = fresh;
        listeners.opened(fresh);
      }
    } else if (!p.used) {
      p.used = true;
    }
    return p;
  }

  /**
   * The plan for calls of exporters and clients of registries to {@code service}: its own rules
   * without the defaults; or null: not governed. There are as many as addresses of such are
   * declared.
   */
  @Nullable ServicePlan sparedPlan(String service) {
    ServicePlan plan = plans.get(service);
    if (plan == null && (defaulted == null || book.off(service))) {
      return null;
    }
    ServicePlan p = spared.get(service);
    if (p == null) {
      List<RouteRule> routes = book.routes(service);
      ServicePlan fresh =
          plan == null
              ? ServicePlan.spared(service)
              : plan.spared(routes.isEmpty() || !routes.get(0).isDefault());
      p = spared.putIfAbsent(service, fresh);
      p = p == null ? fresh : p;
    }
    return p;
  }

  /**
   * Forgets plans that nobody has asked for since the last time and that hold nothing back; whether
   * there is room now. One thread at a time, once a second at most.
   */
  private boolean makeRoom(ConcurrentHashMap<String, ServicePlan> from, long now) {
    long last = swept;
    if (last != 0 && now - last < SWEEP_NANOS || !SWEPT.compareAndSet(this, last, now | 1)) {
      return false;
    }
    for (Map.Entry<String, ServicePlan> e : from.entrySet()) {
      if (e.getValue().used) {
        e.getValue().used = false;
      } else if (e.getValue().isDispensable()) {
        if (from.remove(e.getKey(), e.getValue())) {
          listeners.closed(e.getValue());
        }
      }
    }
    return from.size() < MAX_DEFAULTED;
  }

  /** The plan built so far, or null. */
  public @Nullable ServicePlan planOf(String service) {
    ServicePlan p = plans.get(service);
    return p != null || defaulted == null ? p : defaulted.get(service);
  }

  /** All plans, for those that look after running state (telemetry, the fleet). */
  public java.util.Collection<ServicePlan> plans() {
    java.util.List<ServicePlan> all = new java.util.ArrayList<ServicePlan>(plans.values());
    if (defaulted != null) {
      all.addAll(defaulted.values());
    }
    return all;
  }

  /** The plan for calls to this JVM's own service, or null. */
  @Nullable ServicePlan own() {
    return own;
  }
}
