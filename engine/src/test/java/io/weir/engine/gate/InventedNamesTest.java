package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.colour.PropagationScope;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Fixed;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Hosts that somebody else may have made up never close anything for others. */
class InventedNamesTest {
  private static final long SECOND = 1_000_000_000L;
  private static final Fixed CALL = new Fixed("prod", "u", "/");

  private long now = 1;
  private final Engine engine =
      new Engine(
          EngineOptions.of("shop", () -> now)
              .addresses(ServiceAddresses.of(Map.of("pay", "pay.example.com:443"))));

  private static CircuitBreakerRule.Builder all() {
    return CircuitBreakerRule.builder().id("all").service("*").fingerprint("all");
  }

  private void apply(CircuitBreakerRule rule, Instance... instances) {
    RuleBook.Builder b = new RuleBook.Builder().add(rule);
    for (Instance i : instances) {
      b.instance(i);
    }
    engine.apply(b.build());
  }

  private static Instance instance(String service) {
    return new Instance(service, "10.0.0.1", 80, null, null, null, Map.of(), 100, null);
  }

  private CircuitBreaker breaker(String service) {
    ServicePlan plan = engine.plan(service);
    return plan == null || plan.breakers() == null ? null : plan.breakers().all().get(0);
  }

  private void fail(String host, int times) {
    for (int i = 0; i < times; i++) {
      ServicePlan plan = engine.plan(host);
      CallLedger ledger = new CallLedger();
      if (plan != null && engine.outbound(plan, Fixed.SOURCE, CALL, ledger)) {
        ledger.endFailure(Failure.CONNECT, null, now);
      }
    }
  }

  @Test
  void registeredAndDeclaredNamesShareWithTheFleetAndOthersDoNot() {
    apply(all().build(), instance("stock"));
    assertThat(breaker("stock").rule().fleet).as("registered").isTrue();
    assertThat(breaker("pay").rule().fleet).as("declared by weir.services").isTrue();
    assertThat(breaker("10.1.2.3").rule().fleet).as("inside, but anybody may name it").isFalse();
    assertThat(breaker("orders.internal").rule().fleet).isFalse();
  }

  @Test
  void publicNamesAreGovernedOnlyWhereTheRuleSaysAny() {
    apply(all().build());
    assertThat(breaker("evil.example.org")).isNull();
    apply(all().anyHost(true).fingerprint("any").build());
    assertThat(breaker("evil.example.org")).isNotNull();
    assertThat(breaker("evil.example.org").rule().fleet).isFalse();
  }

  @Test
  void aNameThatGetsRegisteredGoesOnWithItsEvidenceAndIsShared() {
    apply(all().build());
    fail("stock", 19);
    apply(all().build(), instance("stock"));
    assertThat(breaker("stock").rule().fleet).isTrue();
    fail("stock", 1);
    assertThat(breaker("stock").state()).isEqualTo("open");
    apply(all().build());
    assertThat(breaker("stock").rule().fleet).isFalse();
  }

  @Test
  void thousandsOfInventedNamesNeverCouple() {
    apply(all().build());
    for (int i = 0; i < 3 * RulesInForce.MAX_DEFAULTED; i++) {
      fail("h" + i + ".internal", 25);
    }
    assertThat(engine.snapshot().plans()).hasSizeLessThanOrEqualTo(RulesInForce.MAX_DEFAULTED + 2);
    CallLedger ledger = new CallLedger();
    for (int i = 0; i < 100; i++) {
      ServicePlan plan = engine.plan("well-" + i + ".internal");
      assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ledger))
          .as("an overflowing name is refused nothing")
          .isTrue();
      ledger.endHttp(200, now);
    }
    for (ServicePlan p : engine.snapshot().plans()) {
      for (CircuitBreaker b : p.breakers().all()) {
        assertThat(b.rule().fleet && !p.service().equals("shop")).as(p.service()).isFalse();
      }
    }
  }

  @Test
  void idleClosedNamesMakeRoomAndOpenOnesStay() {
    apply(all().build());
    fail("broken.internal", 25);
    assertThat(breaker("broken.internal").state()).isEqualTo("open");
    for (int i = 0; i < 2 * RulesInForce.MAX_DEFAULTED; i++) {
      engine.plan("h" + i + ".internal");
    }
    for (int sweep = 0; sweep < 3; sweep++) {
      now += 2 * SECOND;
      engine.plan("busy.internal");
      engine.plan("late-" + sweep + ".internal");
    }
    assertThat(engine.snapshot().plans().size()).isLessThan(RulesInForce.MAX_DEFAULTED);
    fail("new.internal", 25);
    assertThat(breaker("new.internal").state()).as("a breaker of its own again").isEqualTo("open");
    assertThat(breaker("new.internal").rule().shadow).isFalse();
    assertThat(breaker("broken.internal").state()).isEqualTo("open");
  }

  @Test
  void publicNamesThatNoRuleIsAboutMakeRoomForOnesOwn() {
    apply(all().build());
    for (int i = 0; i < 2 * RulesInForce.MAX_DEFAULTED; i++) {
      engine.plan("h" + i + ".example.org");
    }
    for (int sweep = 0; sweep < 3; sweep++) {
      now += 2 * SECOND;
      engine.plan("late-" + sweep + ".example.org");
    }
    fail("orders.internal", 25);
    assertThat(breaker("orders.internal").rule().shadow).isFalse();
    assertThat(breaker("orders.internal").state()).isEqualTo("open");
  }

  @Test
  void whoMayGetTheColourIsInsideOnlyWhereItsDomainIsNamed() {
    for (String to : new String[] {"all", "example.com"}) {
      WildcardHosts hosts = new WildcardHosts(ServiceAddresses.NONE, PropagationScope.of(to));
      assertThat(hosts.breakers("evil.example.org", List.of(all().build()))).as(to).isEmpty();
      assertThat(hosts.breakers("a.example.com", List.of(all().build())))
          .as(to)
          .hasSize(to.equals("all") ? 0 : 1);
    }
  }

  @Test
  void aNameWhoseTrafficIsStillRampingUpStays() {
    apply(all().openNanos(SECOND).probeSuccesses(1).rampNanos(60 * SECOND).build());
    fail("back.internal", 25);
    now += 2 * SECOND;
    ServicePlan plan = engine.plan("back.internal");
    CallLedger probe = new CallLedger();
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, probe)).isTrue();
    probe.endHttp(200, now);
    CircuitBreaker ramping = breaker("back.internal");
    assertThat(ramping.state()).isEqualTo("closed");
    for (int i = 0; i < 2 * RulesInForce.MAX_DEFAULTED; i++) {
      engine.plan("h" + i + ".internal");
    }
    for (int sweep = 0; sweep < 3; sweep++) {
      now += 2 * SECOND;
      engine.plan("late-" + sweep + ".internal");
    }
    assertThat(breaker("back.internal")).as("the ramp goes on").isSameAs(ramping);
  }
}
