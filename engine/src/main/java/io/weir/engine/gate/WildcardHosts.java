package io.weir.engine.gate;

import io.weir.engine.colour.PropagationScope;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Which circuit breakers under {@code *} apply to a host that has no rule and no instance.
 *
 * <p>Such a name may come from whoever chooses the URL. So it never shares a breaker with others,
 * and writes nothing to etcd; and a name that can be public is governed only by a rule with {@code
 * hosts: any}. A name that {@code weir.services.*} declares is as good as a registered one.
 * Immutable; any thread.
 */
final class WildcardHosts {
  /** Nothing is declared, and what cannot be public is inside. */
  static final WildcardHosts INSIDE =
      new WildcardHosts(ServiceAddresses.NONE, PropagationScope.INSIDE);

  private final ServiceAddresses declared;
  private final PropagationScope inside;

  WildcardHosts(ServiceAddresses declared, PropagationScope inside) {
    this.declared = declared;
    this.inside = inside;
  }

  /** Of the default rules those that apply to {@code service}, as they apply to it. */
  List<CircuitBreakerRule> breakers(String service, List<CircuitBreakerRule> defaults) {
    if (defaults.isEmpty() || declared.isService(service)) {
      return defaults;
    }
    boolean covered = inside.includes(service);
    List<CircuitBreakerRule> rules = new ArrayList<CircuitBreakerRule>();
    for (CircuitBreakerRule r : defaults) {
      if (covered || r.anyHost) {
        rules.add(r.unshared());
      }
    }
    return rules;
  }

  /** For all names there is no room for: they share these, which therefore refuse nobody. */
  static List<CircuitBreakerRule> overflow(List<CircuitBreakerRule> defaults) {
    if (defaults.isEmpty()) {
      return Collections.emptyList();
    }
    List<CircuitBreakerRule> rules = new ArrayList<CircuitBreakerRule>();
    for (CircuitBreakerRule r : defaults) {
      rules.add(r.unshared().inShadow());
    }
    return rules;
  }
}
