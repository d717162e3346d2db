package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EngineTest {
  private long now = 1;
  private final Engine engine =
      new Engine(
          EngineOptions.of("shop", () -> now)
              .addresses(
                  ServiceAddresses.of(
                      Map.of(
                          "payment", "10.0.0.7:8080, pay.example.com", "stock", "10.0.0.7:9090"))));

  @Test
  void aServiceWithoutRulesIsNotGoverned() {
    assertThat(engine.plan("payment")).isNull();
    assertThat(engine.governsInbound()).isFalse();
  }

  @Test
  void aHardWiredAddressIsKnownByItsLogicalName() {
    engine.apply(new RuleBook.Builder().add(breaker("payment")).add(breaker("stock")).build());
    assertThat(engine.plan("10.0.0.7", 8080).service()).isEqualTo("payment");
    assertThat(engine.plan("10.0.0.7", 9090).service()).isEqualTo("stock");
    assertThat(engine.plan("pay.example.com", 443).service()).isEqualTo("payment");
    assertThat(engine.plan("10.0.0.7", 1)).isNull();
    assertThat(engine.plan(null, 1)).isNull();
  }

  @Test
  void aWrongMappingNamesServiceAndAddress() {
    assertThatThrownBy(() -> ServiceAddresses.of(Map.of("payment", "host:port")))
        .hasMessageContaining("weir.services.payment")
        .hasMessageContaining("host:port");
    assertThatThrownBy(() -> ServiceAddresses.of(Map.of("payment", "a:1,,b:2")))
        .hasMessageContaining("empty");
  }

  @Test
  void defaultsGovernEveryServiceEachWithItsOwnState() {
    engine.apply(new RuleBook.Builder().add(breaker("*")).build());
    ServicePlan a = engine.plan("a");
    assertThat(a.breakers()).isNotNull();
    assertThat(engine.plan("b").breakers()).isNotSameAs(a.breakers());
    assertThat(engine.plan("a")).isSameAs(a);
  }

  @Test
  void stateOfADefaultedServiceOutlivesAnUnrelatedEdit() {
    engine.apply(new RuleBook.Builder().add(breaker("*")).build());
    CallLedger ledger = new CallLedger();
    for (int i = 0; i < 20; i++) {
      assertThat(engine.outbound(engine.plan("a"), new Nothing(), "", ledger)).isTrue();
      ledger.endHttp(500, now);
    }
    assertThat(engine.outbound(engine.plan("a"), new Nothing(), "", ledger)).isFalse();
    engine.apply(new RuleBook.Builder().add(breaker("*")).add(breaker("other")).build());
    assertThat(engine.outbound(engine.plan("a"), new Nothing(), "", ledger)).isFalse();
    assertThat(engine.outbound(engine.plan("b"), new Nothing(), "", ledger)).isTrue();
  }

  @Test
  void anEditOfOneServiceLeavesThePlansOfAllOthersAsTheyAre() {
    CircuitBreakerRule untouched = breaker("a");
    CircuitBreakerRule byDefault = breaker("*");
    engine.apply(new RuleBook.Builder().add(untouched).add(breaker("b")).add(byDefault).build());
    ServicePlan a = engine.plan("a");
    ServicePlan b = engine.plan("b");
    ServicePlan c = engine.plan("c");
    engine.apply(new RuleBook.Builder().add(untouched).add(breaker("b")).add(byDefault).build());
    assertThat(engine.plan("a")).isSameAs(a);
    assertThat(engine.plan("b")).isNotSameAs(b);
    assertThat(engine.plan("c")).isSameAs(c);
    engine.apply(new RuleBook.Builder().add(untouched).off("a").add(byDefault).build());
    assertThat(engine.plan("a")).isNull();
  }

  @Test
  void madeUpHostNamesCannotExhaustMemoryNorEscapeTheDefaults() {
    engine.apply(new RuleBook.Builder().add(breaker("*")).build());
    for (int i = 0; i < RulesInForce.MAX_DEFAULTED + 5000; i++) {
      assertThat(engine.plan("host-" + i)).isNotNull();
    }
    assertThat(engine.snapshot().plans()).hasSizeLessThanOrEqualTo(RulesInForce.MAX_DEFAULTED + 2);
  }

  @Test
  void aCallABreakerRefusesHoldsNoPlaceOfALimit() {
    RateLimitRule most =
        RateLimitRule.builder()
            .service("payment")
            .side(RateLimitRule.Side.CLIENT)
            .maxConcurrent(5)
            .fingerprint("m")
            .build();
    engine.apply(new RuleBook.Builder().add(breaker("payment")).add(most).build());
    CallLedger ledger = new CallLedger();
    for (int i = 0; i < 20; i++) {
      assertThat(engine.outbound(engine.plan("payment"), new Nothing(), "", ledger)).isTrue();
      ledger.endHttp(500, now);
    }
    for (int i = 0; i < 20; i++) {
      CallLedger refused = new CallLedger();
      assertThat(engine.outbound(engine.plan("payment"), new Nothing(), "", refused)).isFalse();
      assertThat(refused.refusal().kind()).isEqualTo(io.weir.engine.call.Refusal.Kind.BREAKER);
      refused.abandon(now);
    }
    assertThat(engine.plan("payment").client().running().get(0).inFlight()).isZero();
  }

  @Test
  void theKillSwitchTurnsEverythingIntoAPassThrough() {
    engine.apply(
        new RuleBook.Builder()
            .off(true)
            .add(breaker("payment"))
            .add(RateLimitRule.builder().service("shop").qps(0).fingerprint("x").build())
            .build());
    assertThat(engine.plan("payment")).isNull();
    assertThat(engine.governsInbound()).isFalse();
  }

  private static CircuitBreakerRule breaker(String service) {
    return CircuitBreakerRule.builder()
        .id("b-" + service)
        .service(service)
        .fingerprint("b")
        .build();
  }

  private static final class Nothing extends AttributeSource<String> {
    @Override
    public String header(String call, String name) {
      return null;
    }

    @Override
    public String path(String call) {
      return "/";
    }

    @Override
    public String method(String call) {
      return "GET";
    }

    @Override
    public String host(String call) {
      return "a";
    }
  }

  @Test
  void onlyServicesThatAskWhoCallsAreTold() {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("asks")
                    .qps(5)
                    .by(List.of(Attribute.parse("caller")))
                    .build())
            .add(RateLimitRule.builder().service("asks-not").qps(5).build())
            .build());
    assertThat(engine.propagation().callerFor("asks", 80)).isEqualTo("shop");
    assertThat(engine.propagation().callerFor("asks-not", 80)).isNull();
    assertThat(engine.propagation().callerFor("api.example.com", 443)).isNull();
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("*")
                    .qps(5)
                    .by(List.of(Attribute.parse("caller")))
                    .build())
            .add(RateLimitRule.builder().service("asks-not").qps(5).build())
            .add(breaker("registered"))
            .build());
    assertThat(engine.propagation().callerFor("registered", 80)).isEqualTo("shop");
    assertThat(engine.propagation().callerFor("10.0.0.7", 8080)).as("mapped").isEqualTo("shop");
    assertThat(engine.propagation().callerFor("asks-not", 80)).as("has a rule of its own").isNull();
    assertThat(engine.propagation().callerFor("api.example.com", 443)).as("a stranger").isNull();
    engine.apply(
        new RuleBook.Builder()
            .off(true)
            .add(
                RateLimitRule.builder()
                    .service("asks")
                    .qps(5)
                    .by(List.of(Attribute.parse("caller")))
                    .build())
            .build());
    assertThat(engine.propagation().callerFor("asks", 80)).as("switched off").isNull();
    engine.apply(new RuleBook.Builder().build());
    assertThat(engine.propagation().callerFor("asks", 80)).as("nobody asks").isNull();
  }

  @Test
  void aLimitOnOutboundCallsThatLooksAtTheCallerAsksNobody() {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("a")
                    .side(RateLimitRule.Side.CLIENT)
                    .qps(5)
                    .by(List.of(Attribute.parse("caller")))
                    .build())
            .add(
                RateLimitRule.builder()
                    .service("b")
                    .qps(5)
                    .match(io.weir.engine.match.MatchParser.parse("caller == 'x'"))
                    .build())
            .build());
    assertThat(engine.propagation().callerFor("a", 80)).isNull();
    assertThat(engine.propagation().callerFor("b", 80)).as("its match looks").isEqualTo("shop");
  }
}
