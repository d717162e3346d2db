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
 * The running state of one {@link RuleBook}: a plan for each service. A plan ({@link ServicePlan})
 * holds the running limits, breakers, router and outlier detector of one service.
 *
 * <p>It is built off the request path, published by one volatile write, and read once per call. The
 * state of rules that stay is carried over.
 */
public final class RulesInForce {
  /**
   * Most plans for services that only the defaults under {@code *} govern. Such a plan is made at
   * the first call to the service. There is a bound because whoever chooses the URL can invent
   * hosts. When it is reached, idle plans whose breakers are closed are removed; a plan with a
   * default limit stays, because its tokens would be lost. If none can be removed, further services
   * share the plan under {@code *}, whose breakers are in shadow mode.
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

  /** Least nanos between two sweeps for room. */
  private static final long SWEEP_NANOS = 1_000_000_000L;

  private static final AtomicLongFieldUpdater<RulesInForce> LAST_SWEEP =
      AtomicLongFieldUpdater.newUpdater(RulesInForce.class, "lastSweep");

  private final RuleBook book;
  private final Map<String, ServicePlan> plans;
  private final @Nullable ServicePlan ownPlan;
  private final Locality locality;
  private final @Nullable PropagatedHeaders carried;

  /** Services with a server-side limit that uses {@code caller}, or null when there are none. */
  private final @Nullable Set<String> usingCaller;

  /**
   * Plans of services that only the defaults govern. Null when there are no defaults about calls to
   * others.
   */
  private final @Nullable ConcurrentHashMap<String, ServicePlan> defaulted;

  /** Plans for calls to infrastructure, by service; see {@link #infrastructurePlan}. */
  private final ConcurrentHashMap<String, ServicePlan> infrastructure =
      new ConcurrentHashMap<String, ServicePlan>();

  private final WildcardHosts hosts;

  /** Called when the first call to a service makes its plan, or an idle plan is removed. */
  private final PlanListeners listeners;

  /** Time of the last sweep; 0: never. */
  private volatile long lastSweep;

  private RulesInForce(
      RuleBook book,
      Map<String, ServicePlan> plans,
      @Nullable ServicePlan ownPlan,
      Locality locality,
      WildcardHosts hosts,
      PlanListeners listeners) {
    this.hosts = hosts;
    this.listeners = listeners;
    this.book = book;
    this.plans = plans;
    this.ownPlan = ownPlan;
    this.locality = locality;
    this.carried = carried(book);
    this.usingCaller = usingCaller(book);
    this.defaulted = plans.containsKey("*") ? new ConcurrentHashMap<String, ServicePlan>() : null;
  }

  /**
   * @param before the rules in force until now
   * @param service name of this JVM's service
   * @param locality where this JVM runs
   * @param hosts decides which hosts the defaults apply to
   * @param listeners called when a call makes a plan, or removes idle ones to make room
   * @param now nano clock
   */
  static RulesInForce build(
      RulesInForce before,
      RuleBook book,
      String service,
      Locality locality,
      WildcardHosts hosts,
      PlanListeners listeners,
      long now) {
    Map<String, ServicePlan> plans = new HashMap<String, ServicePlan>();
    Set<String> names = new HashSet<String>(book.services());
    names.add(service);
    names.add("*");
    for (String s : names) {
      ServicePlan plan = next(before, book, s, s.equals(service), false, locality, hosts, now);
      if (!plan.isEmpty()) {
        plans.put(s, plan);
      }
    }
    RulesInForce next =
        new RulesInForce(book, plans, plans.get(service), locality, hosts, listeners);
    if (next.defaulted != null && before.defaulted != null) {
      for (Map.Entry<String, ServicePlan> e : before.defaulted.entrySet()) {
        if (!plans.containsKey(e.getKey())) {
          next.defaulted.put(
              e.getKey(), next(before, book, e.getKey(), false, true, locality, hosts, now));
        }
      }
    }
    return next;
  }

  /**
   * The plan of a service under new rules. It is the same object if nothing changed: usually one of
   * ten thousand rules is edited.
   */
  private static ServicePlan next(
      RulesInForce before,
      RuleBook book,
      String s,
      boolean isOwn,
      boolean onlyDefaults,
      Locality locality,
      WildcardHosts hosts,
      long now) {
    ServicePlan old = before.planOf(s);
    // the plan before must be of the same kind: what only defaults govern has breakers of its own
    return old != null
            && locality == before.locality
            && before.plans.containsKey(s) == !onlyDefaults
            && book.same(before.book, s)
        ? old
        : plan(old, book, s, isOwn, onlyDefaults, locality, hosts, now);
  }

  private static ServicePlan plan(
      @Nullable ServicePlan old,
      RuleBook book,
      String s,
      boolean isOwn,
      boolean onlyDefaults,
      Locality locality,
      WildcardHosts hosts,
      long now) {
    List<CircuitBreakerRule> breakers = book.breakers(s);
    if (s.equals("*")) {
      // the plan that the services beyond MAX_DEFAULTED share
      breakers = WildcardHosts.overflow(breakers);
    } else if (onlyDefaults) {
      breakers = hosts.breakers(s, breakers);
    }
    // The router comes first: it lets each instance take over the running state of the earlier
    // object for the same host and port. The outlier detector needs that state.
    Router router =
        Router.build(
            old == null ? null : old.router, book.routes(s), book.reachable(s), locality, now);
    return new ServicePlan(
        s,
        isOwn
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

  /**
   * {@code max_ejection_percent} of the first breaker rule that is not in shadow mode, as a service
   * has one outlier detector whatever the number of its rules. 0 without such a rule: then no
   * instance is ejected.
   */
  private static int maxEjectionPercent(List<CircuitBreakerRule> rules) {
    for (CircuitBreakerRule r : rules) {
      if (!r.shadow) {
        return r.maxEjectionPercent;
      }
    }
    return 0;
  }

  /**
   * What travels with requests. Null while nothing has to: there is no routing rule and no canary,
   * and no enabled limit or circuit breaker uses a tag.
   */
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
      // the tag that lets a call reach canaries
      others.add(Attribute.parse("tag:" + Instance.CANARY));
    }
    boolean usesTags = false;
    for (Attribute a : others) {
      usesTags |= a.tagName() != null;
    }
    return rules.isEmpty() && !usesTags ? null : PropagatedHeaders.by(rules, others);
  }

  /**
   * Services with an enabled server-side limit that uses {@code caller}; null when there are none.
   */
  private static @Nullable Set<String> usingCaller(RuleBook book) {
    Set<String> using = new HashSet<String>();
    Set<String> names = new HashSet<String>(book.services());
    names.add("*");
    List<Attribute> attributes = new ArrayList<Attribute>();
    for (String s : names) {
      attributes.clear();
      for (RateLimitRule r : book.limits(s)) {
        if (r.enabled && r.side == RateLimitRule.Side.SERVER) {
          attributes.addAll(r.by);
          r.match.attributes(attributes);
        }
      }
      for (Attribute a : attributes) {
        if (a.isCaller()) {
          using.add(s);
        }
      }
    }
    return using.isEmpty() ? null : using;
  }

  boolean anyUsesCaller() {
    return usingCaller != null;
  }

  /**
   * Whether calls to {@code service} carry the name of the caller: a limit of the service uses it,
   * or a default limit that applies to the service does.
   *
   * @param inside whether the called host belongs to us ({@code weir.colour.to}). Only then does a
   *     default limit matter: it must not make Weir send this service's name to a third party
   */
  boolean usesCaller(String service, boolean inside) {
    // the lists are the same object when the service has no limits but the defaults
    return usingCaller != null
        && (usingCaller.contains(service)
            || inside && usingCaller.contains("*") && book.limits(service) == book.limits("*"));
  }

  /** What travels with requests, or null: nothing does. */
  @Nullable PropagatedHeaders carried() {
    return carried;
  }

  public RuleBook book() {
    return book;
  }

  /**
   * The plan for calls to {@code service}, or null: they are not governed. Reads the clock only
   * when it makes or removes a plan.
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
      ServicePlan fresh = plan(null, book, service, false, true, locality, hosts, ticker.read());
      p = defaulted.putIfAbsent(service, fresh);
      if (p == null) {
        p = fresh;
        listeners.made(fresh);
      }
    } else if (!p.used) {
      p.used = true;
    }
    return p;
  }

  /**
   * The plan for calls to infrastructure: telemetry collectors, registries and configuration
   * servers, as {@code weir.infrastructure} names them. No rule under {@code *} may refuse or count
   * such a call. The plan has the engines of the service's ordinary plan, and the flag {@link
   * ServicePlan#infrastructure}, by which the engine leaves out the default limits and breakers. A
   * default routing rule is left out here. A service that only defaults govern gets a plan without
   * engines, so that its calls are counted as exempt.
   *
   * <p>At most one plan is made for each address that is named as infrastructure.
   *
   * @return null: the calls are not governed
   */
  @Nullable ServicePlan infrastructurePlan(String service) {
    ServicePlan plan = plans.get(service);
    if (plan == null && (defaulted == null || book.off(service))) {
      return null;
    }
    ServicePlan p = infrastructure.get(service);
    if (p == null) {
      List<RouteRule> routes = book.routes(service);
      ServicePlan fresh =
          plan == null
              ? ServicePlan.infrastructure(service)
              : plan.infrastructure(routes.isEmpty() || !routes.get(0).isDefault());
      p = infrastructure.putIfAbsent(service, fresh);
      p = p == null ? fresh : p;
    }
    return p;
  }

  /**
   * Removes plans that are dispensable and were not used since the last sweep. One thread at a
   * time, at most once a second.
   *
   * @return whether there is room now
   */
  private boolean makeRoom(ConcurrentHashMap<String, ServicePlan> from, long now) {
    long last = lastSweep;
    // now | 1: never 0, which means "never"
    if (last != 0 && now - last < SWEEP_NANOS || !LAST_SWEEP.compareAndSet(this, last, now | 1)) {
      return false;
    }
    for (Map.Entry<String, ServicePlan> e : from.entrySet()) {
      if (e.getValue().used) {
        e.getValue().used = false;
      } else if (e.getValue().isDispensable(now)) {
        if (from.remove(e.getKey(), e.getValue())) {
          listeners.removed(e.getValue());
        }
      }
    }
    return from.size() < MAX_DEFAULTED;
  }

  /** The plan of a service, or null when there is none yet. Makes none. */
  public @Nullable ServicePlan planOf(String service) {
    ServicePlan p = plans.get(service);
    return p != null || defaulted == null ? p : defaulted.get(service);
  }

  /**
   * All plans, for code that looks after running state (telemetry, the fleet). Those for
   * infrastructure are not among them: they share the engines of these.
   */
  public java.util.Collection<ServicePlan> plans() {
    java.util.List<ServicePlan> all = new java.util.ArrayList<ServicePlan>(plans.values());
    if (defaulted != null) {
      all.addAll(defaulted.values());
    }
    return all;
  }

  /** The plan for calls to this JVM's own service, or null. */
  @Nullable ServicePlan ownPlan() {
    return ownPlan;
  }
}
