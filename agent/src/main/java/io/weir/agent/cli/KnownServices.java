package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.control.parse.Spelling;
import io.weir.control.store.Entry;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RouteRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The services somebody has heard of: those with a registered instance, those whose instances
 * report a status, and those that instances report calls to. Rules do not make a name known: a rule
 * is what is checked against it.
 */
final class KnownServices {
  private static final String BREAKERS = "/circuit-breaker/";

  private final TreeMap<String, List<Instance>> registered = new TreeMap<String, List<Instance>>();
  private final Set<String> names = new TreeSet<String>();

  private KnownServices() {}

  static KnownServices of(StoreView view) {
    KnownServices k = new KnownServices();
    for (RuleKey key : LiveInstances.registered(view)) {
      Entry there = Objects.requireNonNull(view.get(key.key));
      Instance i = RuleParser.instance(key, there.value, new ArrayList<RuleProblem>());
      List<Instance> same = k.registered.get(key.service);
      if (same == null) {
        same = new ArrayList<Instance>();
        k.registered.put(key.service, same);
      }
      if (i != null) {
        same.add(i);
      }
    }
    k.names.addAll(k.registered.keySet());
    for (LiveInstances.Member m : LiveInstances.members(view)) {
      k.names.add(m.service);
      if (m.latency != null) {
        for (Map<String, Object> l : m.latency) {
          k.names.add(Json.text(l, "service"));
        }
      }
    }
    for (String key : view.under(BREAKERS).keySet()) {
      k.names.add(key.substring(BREAKERS.length()).split("/")[0]);
    }
    return k;
  }

  /** Registered instances of a service. */
  List<Instance> instances(String service) {
    List<Instance> there = registered.get(service);
    return there == null ? Collections.<Instance>emptyList() : there;
  }

  /** Services with a registered instance. */
  Set<String> registered() {
    return Collections.unmodifiableSet(registered.keySet());
  }

  /** A sentence when nobody has heard of the service, else null. Says nothing about {@code *}. */
  @Nullable String unknown(String service) {
    if (service.equals("*") || names.contains(service)) {
      return null;
    }
    String near = Spelling.nearest(service, names);
    return "nobody of the name "
        + service
        + " is known: no instance is registered or reports, and nobody reports calls to it"
        + (near == null ? "" : "; did you mean " + near + "?");
  }

  /** Whether some instance that takes calls is one of the arm's. */
  static boolean runs(List<Instance> live, RouteRule.Arm arm) {
    for (Instance i : live) {
      if (i.weight() > 0 && arm.selects(i)) {
        return true;
      }
    }
    return false;
  }

  /** {@code are [v1, v2]}, {@code is one without a version}. */
  static String versions(List<Instance> live) {
    Set<String> versions = new TreeSet<String>();
    int without = 0;
    for (Instance i : live) {
      String v = i.version();
      if (v != null) {
        versions.add(v);
      } else {
        without++;
      }
    }
    String s = versions.isEmpty() ? "" : "are " + versions;
    return without == 0
        ? s
        : (s.isEmpty() ? (without == 1 ? "is " : "are ") : s + " and ")
            + without
            + " without a version";
  }
}
