package io.weir.engine.gate;

import io.weir.engine.colour.PropagationScope;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Decides which circuit breaker rules under {@code *} apply to a host that has no rule and no
 * instance.
 *
 * <p>Such a name may have been invented by whoever chose the URL. So its breakers are not shared
 * with the fleet and nothing about them is written to etcd. A name that can be public is governed
 * only by a rule with {@code hosts: any}. A name that {@code weir.services.*} declares is treated
 * like a registered one.
 *
 * <p>Immutable; any thread.
 */
final class WildcardHosts {
  /** No name is declared; only names that cannot be public are inside. */
  static final WildcardHosts INSIDE =
      new WildcardHosts(ServiceAddresses.NONE, PropagationScope.INSIDE);

  private final ServiceAddresses declared;
  private final PropagationScope inside;

  WildcardHosts(ServiceAddresses declared, PropagationScope inside) {
    this.declared = declared;
    this.inside = inside;
  }

  /** The default rules that apply to {@code service}, in the form in which they apply. */
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

  /**
   * The default rules for the plan that further names share when there is no more room. They are in
   * shadow mode, so they refuse nobody.
   */
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
