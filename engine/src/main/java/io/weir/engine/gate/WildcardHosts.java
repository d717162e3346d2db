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
 * with the fleet and nothing about them is written to etcd. A name that {@code weir.services.*}
 * declares is treated like a registered one.
 *
 * <p>A host is inside if its name cannot be public, or is in a domain that {@code weir.colour.to}
 * names. Any other host is governed only by a rule with {@code hosts: any}.
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

  /**
   * Those of {@code defaults}, the rules under {@code *}, that apply to {@code service}. They do
   * not share their state with the fleet, unless {@code weir.services.*} declares the name.
   */
  List<CircuitBreakerRule> breakers(String service, List<CircuitBreakerRule> defaults) {
    if (defaults.isEmpty() || declared.isService(service)) {
      return defaults;
    }
    boolean covered = inside.isOwn(service);
    List<CircuitBreakerRule> rules = new ArrayList<CircuitBreakerRule>();
    for (CircuitBreakerRule r : defaults) {
      if (covered || r.anyHost) {
        rules.add(r.unshared());
      }
    }
    return rules;
  }

  /**
   * The default rules for the one plan that all services beyond {@link RulesInForce#MAX_DEFAULTED}
   * share. They are in shadow mode: they refuse nobody, so it does not matter which hosts they are
   * about.
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
