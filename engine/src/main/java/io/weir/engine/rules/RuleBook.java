package io.weir.engine.rules;

import io.weir.engine.instances.Instance;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * All rules and known instances as of one revision. The control plane makes it; {@code
 * engine.gate.RulesInForce} turns it into running state. Immutable.
 */
public final class RuleBook {
  /** No rules and no instances. */
  public static final RuleBook EMPTY = new Builder().build();

  /** The etcd revision, or with rules from files a counter; only grows. */
  public final long revision;

  /** The kill switch: true turns everything in this JVM into a pass-through. */
  public final boolean off;

  private final Map<String, List<RateLimitRule>> limits;
  private final Map<String, List<CircuitBreakerRule>> breakers;
  private final Map<String, List<RouteRule>> routes;
  private final Map<String, List<Instance>> instances;
  private final Map<String, List<Instance>> lastResort;

  /** Live and last-resort instances, for services that have the latter. */
  private final Map<String, List<Instance>> withLastResort;

  private final Set<String> offServices;
  private final Set<String> services;

  private RuleBook(Builder b) {
    revision = b.revision;
    off = b.off;
    limits = b.limits;
    breakers = b.breakers;
    routes = b.routes;
    instances = b.instances;
    lastResort = b.lastResort;
    withLastResort = new HashMap<String, List<Instance>>();
    for (Map.Entry<String, List<Instance>> e : lastResort.entrySet()) {
      List<Instance> all = new ArrayList<Instance>(instances(e.getKey()));
      all.addAll(e.getValue());
      withLastResort.put(e.getKey(), all);
    }
    offServices = b.offServices;
    services = new TreeSet<String>(limits.keySet());
    services.addAll(breakers.keySet());
    services.addAll(routes.keySet());
    services.addAll(instances.keySet());
    services.addAll(lastResort.keySet());
    services.remove("*");
  }

  /** Whether the kill switch of one service is set; then it has no rules here. */
  public boolean off(String service) {
    return offServices.contains(service);
  }

  /** Every service that a rule or an instance names, except {@code *}; sorted. */
  public Set<String> services() {
    return Collections.unmodifiableSet(services);
  }

  /** Whether both books hold the same objects as rules and instances of a service. */
  public boolean same(RuleBook other, String service) {
    return same(limits(service), other.limits(service))
        && same(breakers(service), other.breakers(service))
        && same(routes(service), other.routes(service))
        && same(reachable(service), other.reachable(service));
  }

  /** Whether two lists hold the same objects ({@code ==}) in the same order. */
  public static boolean same(List<?> a, List<?> b) {
    if (a == b) {
      return true;
    }
    if (a.size() != b.size()) {
      return false;
    }
    for (int i = 0; i < a.size(); i++) {
      if (a.get(i) != b.get(i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The rules of the service, or those of {@code *} when it has none. Empty when the service's kill
   * switch is set.
   */
  public List<RateLimitRule> limits(String service) {
    return off(service) ? Collections.<RateLimitRule>emptyList() : ownOrDefault(limits, service);
  }

  /** See {@link #limits}. */
  public List<CircuitBreakerRule> breakers(String service) {
    return off(service)
        ? Collections.<CircuitBreakerRule>emptyList()
        : ownOrDefault(breakers, service);
  }

  /**
   * The routing rules of the service in the order of {@link RouteRule#ORDER}, otherwise as {@link
   * #limits}.
   */
  public List<RouteRule> routes(String service) {
    return off(service) ? Collections.<RouteRule>emptyList() : ownOrDefault(routes, service);
  }

  /** The first of {@link #routes}, or null when there is none. */
  public @Nullable RouteRule route(String service) {
    List<RouteRule> l = routes(service);
    return l.isEmpty() ? null : l.get(0);
  }

  /** The live instances of the service. */
  public List<Instance> instances(String service) {
    List<Instance> l = instances.get(service);
    return l == null ? Collections.<Instance>emptyList() : l;
  }

  /** The live instances, and those that are a {@link Instance#lastResort last resort}. */
  public List<Instance> reachable(String service) {
    List<Instance> l = withLastResort.get(service);
    return l == null ? instances(service) : l;
  }

  private static <R> List<R> ownOrDefault(Map<String, List<R>> map, String service) {
    List<R> l = map.get(service);
    if (l == null) {
      l = map.get("*");
    }
    return l == null ? Collections.<R>emptyList() : l;
  }

  /** This book with every rule in shadow mode. */
  public RuleBook inShadow() {
    Builder b = new Builder();
    b.revision = revision;
    b.off = off;
    b.offServices = offServices;
    b.instances = instances;
    b.lastResort = lastResort;
    for (Map.Entry<String, List<RateLimitRule>> e : limits.entrySet()) {
      List<RateLimitRule> l = Builder.list(b.limits, e.getKey());
      for (RateLimitRule r : e.getValue()) {
        l.add(r.inShadow());
      }
    }
    for (Map.Entry<String, List<CircuitBreakerRule>> e : breakers.entrySet()) {
      List<CircuitBreakerRule> l = Builder.list(b.breakers, e.getKey());
      for (CircuitBreakerRule r : e.getValue()) {
        l.add(r.inShadow());
      }
    }
    for (Map.Entry<String, List<RouteRule>> e : routes.entrySet()) {
      List<RouteRule> l = Builder.list(b.routes, e.getKey());
      for (RouteRule r : e.getValue()) {
        l.add(r.inShadow());
      }
    }
    return b.build();
  }

  /** For one thread. Must not be used after {@link #build}, which does not copy the collections. */
  public static final class Builder {
    private long revision;
    private boolean off;
    private Map<String, List<RateLimitRule>> limits =
        new LinkedHashMap<String, List<RateLimitRule>>();
    private Map<String, List<CircuitBreakerRule>> breakers =
        new LinkedHashMap<String, List<CircuitBreakerRule>>();
    private Map<String, List<RouteRule>> routes = new HashMap<String, List<RouteRule>>();
    private Map<String, List<Instance>> instances = new HashMap<String, List<Instance>>();
    private Map<String, List<Instance>> lastResort = new HashMap<String, List<Instance>>();
    private Set<String> offServices = new HashSet<String>();

    public Builder revision(long v) {
      revision = v;
      return this;
    }

    public Builder off(boolean v) {
      off = v;
      return this;
    }

    /** Sets the kill switch of one service: its calls pass through. */
    public Builder off(String service) {
      offServices.add(service);
      return this;
    }

    /**
     * Adds a rule of any kind to its service. A disabled rule does nothing, but with it the service
     * has rules: those of {@code *} do not apply.
     */
    public Builder add(Rule rule) {
      if (rule instanceof RateLimitRule) {
        List<RateLimitRule> l = list(limits, rule.service);
        if (rule.enabled) {
          l.add((RateLimitRule) rule);
        }
      } else if (rule instanceof CircuitBreakerRule) {
        List<CircuitBreakerRule> l = list(breakers, rule.service);
        if (rule.enabled) {
          l.add((CircuitBreakerRule) rule);
        }
      } else {
        List<RouteRule> l = list(routes, rule.service);
        if (rule.enabled) {
          l.add((RouteRule) rule);
        }
      }
      return this;
    }

    public Builder instance(Instance instance) {
      list(instance.lastResort() ? lastResort : instances, instance.service()).add(instance);
      return this;
    }

    public RuleBook build() {
      for (List<RouteRule> l : routes.values()) {
        Collections.sort(l, RouteRule.ORDER);
      }
      return new RuleBook(this);
    }

    private static <R> List<R> list(Map<String, List<R>> map, String key) {
      List<R> l = map.get(key);
      if (l == null) {
        l = new ArrayList<R>();
        map.put(key, l);
      }
      return l;
    }
  }
}
