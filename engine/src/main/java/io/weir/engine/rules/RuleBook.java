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
 * All rules and known instances as of one revision: pure values, made by the control plane, turned
 * into running state by {@code engine.gate.Snapshot}. Immutable.
 */
public final class RuleBook {
  /** Nothing known. */
  public static final RuleBook EMPTY = new Builder().build();

  /** etcd revision, or a counter of the file store's own; grows. */
  public final long revision;

  /** Kill switch for everything in this JVM. */
  public final boolean off;

  private final Map<String, List<RateLimitRule>> limits;
  private final Map<String, List<CircuitBreakerRule>> breakers;
  private final Map<String, List<RouteRule>> routes;
  private final Map<String, List<Instance>> instances;
  private final Map<String, List<Instance>> lastResort;

  /** Both, of services that have a last resort. */
  private final Map<String, List<Instance>> both;

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
    both = new HashMap<String, List<Instance>>();
    for (Map.Entry<String, List<Instance>> e : lastResort.entrySet()) {
      List<Instance> all = new ArrayList<Instance>(instances(e.getKey()));
      all.addAll(e.getValue());
      both.put(e.getKey(), all);
    }
    offServices = b.offServices;
    services = new TreeSet<String>(limits.keySet());
    services.addAll(breakers.keySet());
    services.addAll(routes.keySet());
    services.addAll(instances.keySet());
    services.addAll(lastResort.keySet());
    services.remove("*");
  }

  /** Kill switch for calls to one service: its rules are not given out. */
  public boolean off(String service) {
    return offServices.contains(service);
  }

  /** Every service some rule or instance names, except {@code *}; in order. */
  public Set<String> services() {
    return Collections.unmodifiableSet(services);
  }

  /** Whether both give out the very same rules and instances for a service. */
  public boolean same(RuleBook other, String service) {
    return same(limits(service), other.limits(service))
        && same(breakers(service), other.breakers(service))
        && same(routes(service), other.routes(service))
        && same(reachable(service), other.reachable(service));
  }

  /** Whether two lists hold the very same objects in the same order. */
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

  /** The service's own rules, or the defaults under {@code *} when it has none; never null. */
  public List<RateLimitRule> limits(String service) {
    return off(service) ? Collections.<RateLimitRule>emptyList() : own(limits, service);
  }

  /** See {@link #limits}. */
  public List<CircuitBreakerRule> breakers(String service) {
    return off(service) ? Collections.<CircuitBreakerRule>emptyList() : own(breakers, service);
  }

  /**
   * The service's routing rules in the order they are asked, or the defaults under {@code *} when
   * it has none; never null. See {@link RouteRule#ORDER}.
   */
  public List<RouteRule> routes(String service) {
    return off(service) ? Collections.<RouteRule>emptyList() : own(routes, service);
  }

  /** The first of {@link #routes}, or null. */
  public @Nullable RouteRule route(String service) {
    List<RouteRule> l = routes(service);
    return l.isEmpty() ? null : l.get(0);
  }

  /** Live instances; never null. */
  public List<Instance> instances(String service) {
    List<Instance> l = instances.get(service);
    return l == null ? Collections.<Instance>emptyList() : l;
  }

  /** Live instances, and those that are a {@link Instance#lastResort last resort}; never null. */
  public List<Instance> reachable(String service) {
    List<Instance> l = both.get(service);
    return l == null ? instances(service) : l;
  }

  private static <R> List<R> own(Map<String, List<R>> map, String service) {
    List<R> l = map.get(service);
    if (l == null) {
      l = map.get("*");
    }
    return l == null ? Collections.<R>emptyList() : l;
  }

  /** This book with every rule in shadow. */
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

  /** Single-threaded; {@link #build} hands the collections over. */
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

    /** Turns everything for calls to a service into a pass-through. */
    public Builder off(String service) {
      offServices.add(service);
      return this;
    }

    /**
     * Adds any kind of rule under its own service. A disabled rule does nothing, but it is a
     * service's own word on the matter: the defaults under {@code *} do not take its place.
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
