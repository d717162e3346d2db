package io.weir.engine.rules;

import io.weir.engine.instances.Instance;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

  private final Map<String, List<LimitRule>> limits;
  private final Map<String, List<BreakerRule>> breakers;
  private final Map<String, RouteRule> routes;
  private final Map<String, List<Instance>> instances;

  private RuleBook(Builder b) {
    revision = b.revision;
    off = b.off;
    limits = b.limits;
    breakers = b.breakers;
    routes = b.routes;
    instances = b.instances;
  }

  /** Every service some rule or instance names, except {@code *}. */
  public java.util.Set<String> services() {
    java.util.Set<String> s = new java.util.TreeSet<String>(limits.keySet());
    s.addAll(breakers.keySet());
    s.addAll(routes.keySet());
    s.addAll(instances.keySet());
    s.remove("*");
    return s;
  }

  /** The service's own rules, or the defaults under {@code *} when it has none; never null. */
  public List<LimitRule> limits(String service) {
    return own(limits, service);
  }

  /** See {@link #limits}. */
  public List<BreakerRule> breakers(String service) {
    return own(breakers, service);
  }

  /** The service's routing rule, the default one, or null. */
  public RouteRule route(String service) {
    RouteRule r = routes.get(service);
    return r != null ? r : routes.get("*");
  }

  /** Live instances; never null. */
  public List<Instance> instances(String service) {
    List<Instance> l = instances.get(service);
    return l == null ? Collections.<Instance>emptyList() : l;
  }

  private static <R> List<R> own(Map<String, List<R>> map, String service) {
    List<R> l = map.get(service);
    if (l == null) {
      l = map.get("*");
    }
    return l == null ? Collections.<R>emptyList() : l;
  }

  /** Single-threaded; {@link #build} hands the collections over. */
  public static final class Builder {
    private long revision;
    private boolean off;
    private Map<String, List<LimitRule>> limits = new LinkedHashMap<String, List<LimitRule>>();
    private Map<String, List<BreakerRule>> breakers =
        new LinkedHashMap<String, List<BreakerRule>>();
    private Map<String, RouteRule> routes = new HashMap<String, RouteRule>();
    private Map<String, List<Instance>> instances = new HashMap<String, List<Instance>>();

    public Builder revision(long v) {
      revision = v;
      return this;
    }

    public Builder off(boolean v) {
      off = v;
      return this;
    }

    /** Adds any kind of rule under its own service; disabled rules are left out. */
    public Builder add(Rule rule) {
      if (!rule.enabled) {
        return this;
      }
      if (rule instanceof LimitRule) {
        list(limits, rule.service).add((LimitRule) rule);
      } else if (rule instanceof BreakerRule) {
        list(breakers, rule.service).add((BreakerRule) rule);
      } else {
        routes.put(rule.service, (RouteRule) rule);
      }
      return this;
    }

    public Builder instance(Instance instance) {
      list(instances, instance.service()).add(instance);
      return this;
    }

    public RuleBook build() {
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
