package io.weir.engine.rules;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RuleBookTest {
  private static final Instance INSTANCE =
      new Instance("registered", "h", 1, null, null, null, Map.of(), 100, null);

  private static RateLimitRule limit(String service) {
    return RateLimitRule.builder().id("l").service(service).qps(1).build();
  }

  private static CircuitBreakerRule breaker(String service) {
    return CircuitBreakerRule.builder().id("b").service(service).build();
  }

  private static RouteRule route(String service, String id) {
    return RouteRule.builder().id(id).service(service).build();
  }

  @Test
  void everyKindOfRuleIsFoundUnderItsService() {
    RateLimitRule l = limit("a");
    CircuitBreakerRule b = breaker("a");
    RouteRule r = route("a", "r");
    RuleBook book =
        new RuleBook.Builder().revision(42).add(l).add(b).add(r).instance(INSTANCE).build();
    assertThat(book.revision).isEqualTo(42);
    assertThat(book.off).isFalse();
    assertThat(book.limits("a")).containsExactly(l);
    assertThat(book.breakers("a")).containsExactly(b);
    assertThat(book.routes("a")).containsExactly(r);
    assertThat(book.route("a")).isSameAs(r);
    assertThat(book.instances("registered")).containsExactly(INSTANCE);
    assertThat(book.limits("b")).isEmpty();
    assertThat(book.breakers("b")).isEmpty();
    assertThat(book.routes("b")).isEmpty();
    assertThat(book.route("b")).isNull();
    assertThat(book.instances("b")).isEmpty();
    assertThat(RuleBook.EMPTY.services()).isEmpty();
  }

  @Test
  void everyServiceThatIsNamedIsKnownButNotTheDefaults() {
    RuleBook book =
        new RuleBook.Builder()
            .add(limit("limited"))
            .add(breaker("broken"))
            .add(route("routed", "r"))
            .add(limit("*"))
            .instance(INSTANCE)
            .build();
    assertThat(book.services()).containsExactly("broken", "limited", "registered", "routed");
  }

  @Test
  void aServicesOwnRulesTakeThePlaceOfTheDefaultsKindByKind() {
    RateLimitRule defaults = limit("*");
    CircuitBreakerRule others = breaker("*");
    RouteRule routes = route("*", "r");
    RateLimitRule own = limit("a");
    RuleBook book = new RuleBook.Builder().add(defaults).add(others).add(routes).add(own).build();
    assertThat(book.limits("a")).containsExactly(own);
    assertThat(book.breakers("a")).containsExactly(others);
    assertThat(book.routes("a")).containsExactly(routes);
    assertThat(book.limits("b")).containsExactly(defaults);
  }

  @Test
  void aDisabledRuleDoesNothingButKeepsTheDefaultsAway() {
    RuleBook book =
        new RuleBook.Builder()
            .add(limit("*"))
            .add(breaker("*"))
            .add(route("*", "r"))
            .add(RateLimitRule.builder().service("a").qps(1).enabled(false).build())
            .add(CircuitBreakerRule.builder().service("a").enabled(false).build())
            .add(RouteRule.builder().service("a").enabled(false).build())
            .build();
    assertThat(book.limits("a")).isEmpty();
    assertThat(book.breakers("a")).isEmpty();
    assertThat(book.routes("a")).isEmpty();
  }

  @Test
  void aServiceThatIsOffHasNoRulesButItsInstances() {
    RuleBook book =
        new RuleBook.Builder()
            .add(limit("registered"))
            .add(breaker("registered"))
            .add(route("registered", "r"))
            .add(limit("b"))
            .instance(INSTANCE)
            .off("registered")
            .build();
    assertThat(book.off("registered")).isTrue();
    assertThat(book.off("b")).isFalse();
    assertThat(book.limits("registered")).isEmpty();
    assertThat(book.breakers("registered")).isEmpty();
    assertThat(book.routes("registered")).isEmpty();
    assertThat(book.instances("registered")).hasSize(1);
    assertThat(book.limits("b")).hasSize(1);
  }

  @Test
  void routingRulesAreAskedByIdAndTheOneOfTheBareKeyLast() {
    RuleBook book =
        new RuleBook.Builder()
            .add(route("a", "zone"))
            .add(route("a", "default"))
            .add(route("a", "alpha"))
            .add(route("a", "exp"))
            .build();
    assertThat(book.routes("a"))
        .extracting(r -> r.id)
        .containsExactly("alpha", "exp", "zone", "default");
    assertThat(book.route("a").id).isEqualTo("alpha");
    assertThat(RouteRule.ORDER.compare(route("a", "default"), route("a", "default"))).isZero();
    assertThat(RouteRule.ORDER.compare(route("a", "default"), route("a", "a"))).isPositive();
    assertThat(RouteRule.ORDER.compare(route("a", "a"), route("a", "default"))).isNegative();
  }

  @Test
  void aBookInShadowHasEveryRuleInShadowAndIsTheSameOtherwise() {
    RuleBook book =
        new RuleBook.Builder()
            .revision(7)
            .off(true)
            .off("c")
            .add(limit("a"))
            .add(breaker("a"))
            .add(route("a", "r"))
            .instance(INSTANCE)
            .build()
            .inShadow();
    assertThat(book.revision).isEqualTo(7);
    assertThat(book.off).isTrue();
    assertThat(book.off("c")).isTrue();
    assertThat(book.instances("registered")).containsExactly(INSTANCE);
    assertThat(book.limits("a")).singleElement().matches(r -> r.shadow && r.id.equals("l"));
    assertThat(book.breakers("a")).singleElement().matches(r -> r.shadow && r.id.equals("b"));
    assertThat(book.routes("a")).singleElement().matches(r -> r.shadow && r.id.equals("r"));
  }

  @Test
  void aRuleWithoutBurstHasThatOfItsRateAndAtLeastOne() {
    assertThat(RateLimitRule.builder().qps(50.9).build().burst).isEqualTo(50);
    assertThat(RateLimitRule.builder().qps(0.5).build().burst).isEqualTo(1);
    assertThat(RateLimitRule.builder().qps(50).burst(1).build().burst).isEqualTo(1);
    assertThat(RateLimitRule.builder().qps(50).origin("f").id("x").build()).hasToString("x (f)");
  }

  @Test
  void aRuleThatLimitsCallsUnderWayHasARateOnlyIfItSaysSo() {
    assertThat(RateLimitRule.builder().maxConcurrent(5).build().rated).isFalse();
    assertThat(RateLimitRule.builder().maxConcurrent(5).qps(1).build().rated).isTrue();
    assertThat(RateLimitRule.builder().build().rated).isTrue();
    assertThat(RateLimitRule.builder().maxConcurrent(5).build().inShadow().rated).isFalse();
  }

  @Test
  void aRoutingRulesSaltIsItsIdUnlessItSaysOtherwise() {
    assertThat(RouteRule.builder().id("r").build().salt).isEqualTo("r");
    assertThat(RouteRule.builder().id("r").salt("s").build().salt).isEqualTo("s");
  }
}
