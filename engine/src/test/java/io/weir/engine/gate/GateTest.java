package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.DecisionListener;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.Pacer;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchParser;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Fixed;
import io.weir.engine.testing.Request;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the gate does around the engines it asks. */
class GateTest {
  private static final Fixed CALL = new Fixed("prod", "u", "/");

  private long now = 10;
  private final List<String> told = new ArrayList<>();
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> now));
  private final CallLedger ledger = new CallLedger();

  private static RateLimitRule.Builder client(double qps) {
    return RateLimitRule.builder()
        .service("payment")
        .side(RateLimitRule.Side.CLIENT)
        .qps(qps)
        .burst(5);
  }

  private static Instance instance(String version, String... canary) {
    return new Instance(
        "payment",
        "10.0.0.1",
        80,
        version,
        null,
        null,
        canary.length == 0 ? Map.of() : Map.of(Instance.CANARY, canary[0]),
        100,
        null);
  }

  private boolean outbound() {
    return engine.outbound(engine.plan("payment"), Fixed.SOURCE, CALL, ledger);
  }

  private boolean inbound() {
    return engine.inbound(Fixed.SOURCE, CALL, ledger);
  }

  private final class Named implements DecisionListener {
    private final String name;

    Named(String name) {
      this.name = name;
    }

    @Override
    public <C> String decided(
        CallDecision t,
        String service,
        boolean inbound,
        AttributeSource<C> source,
        C call,
        long at) {
      told.add(name + " " + service + " " + inbound + " " + at);
      return null;
    }
  }

  @Test
  void aHealthCheckIsLimitedOnlyByRulesThatIncludeIt() {
    Fixed check = new Fixed("prod", "u", "/healthz");
    RateLimitRule.Builder none = RateLimitRule.builder().service("shop").qps(0).maxConcurrent(1);
    engine.apply(new RuleBook.Builder().add(none.build()).build());
    assertThat(inbound()).isFalse();
    for (int i = 0; i < 3; i++) {
      CallLedger t = new CallLedger();
      assertThat(engine.inbound(Fixed.SOURCE, check, t)).isTrue();
      assertThat(t.holdsSlot()).isFalse();
    }
    assertThat(engine.exemptions().healthCheckCount(true)).isEqualTo(3);
    engine.apply(new RuleBook.Builder().add(none.includeHealth(true).build()).build());
    assertThat(engine.inbound(Fixed.SOURCE, check, ledger)).isFalse();
    engine.apply(new RuleBook.Builder().add(none.includeHealth(false).build()).build());
    engine.exemptions().healthChecks(new HealthChecks(List.of("/status")));
    assertThat(engine.inbound(Fixed.SOURCE, check, ledger)).isFalse();
  }

  @Test
  void aCallToAManagementPortIsLimitedOnlyByRulesThatIncludeIt() {
    int[] port = {9001};
    AttributeSource<Fixed> source =
        new AttributeSource<Fixed>() {
          @Override
          public String header(Fixed call, String name) {
            return null;
          }

          @Override
          public String path(Fixed call) {
            return "/";
          }

          @Override
          public String method(Fixed call) {
            return "GET";
          }

          @Override
          public String host(Fixed call) {
            return null;
          }

          @Override
          public int localPort(Fixed call) {
            return port[0];
          }
        };
    RateLimitRule.Builder none = RateLimitRule.builder().service("shop").qps(0);
    engine.apply(new RuleBook.Builder().add(none.build()).build());
    assertThat(engine.inbound(source, CALL, ledger)).as("nobody said so").isFalse();
    engine.ports().declare(Set.of(), Set.of(9001, 9002));
    assertThat(engine.inbound(source, CALL, ledger)).isTrue();
    assertThat(engine.exemptions().managementCount()).isEqualTo(1);
    port[0] = 8080;
    assertThat(engine.inbound(source, CALL, ledger)).isFalse();
    port[0] = -1;
    assertThat(engine.inbound(source, CALL, ledger)).as("unknown").isFalse();
    engine.apply(new RuleBook.Builder().add(none.includeManagement(true).build()).build());
    port[0] = 9002;
    assertThat(engine.inbound(source, CALL, ledger)).isFalse();
  }

  @Test
  void aHealthCheckPassesAnOpenBreakerAndTellsItNothing() {
    Fixed check = new Fixed("prod", "u", "/actuator/health");
    CircuitBreakerRule.Builder open =
        CircuitBreakerRule.builder().service("payment").force(CircuitBreakerRule.Force.OPEN);
    engine.apply(new RuleBook.Builder().add(open.build()).add(client(0).build()).build());
    assertThat(outbound()).isFalse();
    assertThat(engine.outbound(engine.plan("payment"), Fixed.SOURCE, check, ledger)).isTrue();
    assertThat(ledger.breaker()).isNull();
    ledger.endHttp(503, now);
    assertThat(engine.exemptions().healthCheckCount(false)).isEqualTo(1);
    engine.apply(new RuleBook.Builder().add(open.includeHealth(true).build()).build());
    assertThat(engine.outbound(engine.plan("payment"), Fixed.SOURCE, check, ledger)).isFalse();
  }

  @Test
  void anInstanceThatWasChosenHasACallUnderWayUntilItEnds() {
    Instance instance = instance("v1");
    engine.apply(new RuleBook.Builder().instance(instance).build());
    List<String> ended = new ArrayList<>();
    instance.report((outcome, at) -> ended.add(Outcome.describe(outcome)));
    for (int i = 0; i < 4; i++) {
      assertThat(outbound()).isTrue();
      assertThat(ledger.instance()).isSameAs(instance);
      assertThat(instance.inFlight()).isEqualTo(1);
      switch (i) {
        case 0 -> ledger.endHttp(200, now);
        case 1 -> ledger.endFailure(Failure.CONNECT, null, now);
        case 2 -> ledger.endFailure(Failure.CANCELLED, null, now);
        default -> ledger.abandon(now);
      }
      assertThat(instance.inFlight()).isZero();
    }
    assertThat(ended)
        .as("what the caller cancelled says nothing")
        .containsExactly("HTTP 200", "CONNECT");
  }

  @Test
  void aCallWithoutInstanceEndsAllTheSame() {
    engine.apply(new RuleBook.Builder().add(client(100).build()).build());
    assertThat(outbound()).isTrue();
    ledger.endHttp(200, now);
    assertThat(outbound()).isTrue();
    ledger.abandon(now);
  }

  @Test
  void whatALaterEngineRefusesCostsNoTokenAndNoPermit() {
    RouteRule nowhere =
        RouteRule.builder()
            .service("payment")
            .defaults(List.of(new RouteRule.Arm("v9", Map.of(), 1)))
            .build();
    engine.apply(
        new RuleBook.Builder()
            .add(client(0.001).build())
            .add(CircuitBreakerRule.builder().service("payment").build())
            .add(nowhere)
            .instance(instance("v1"))
            .build());
    for (int i = 0; i < 20; i++) {
      assertThat(outbound()).isFalse();
      assertThat(ledger.refused().kind()).isEqualTo(Refusal.Kind.ROUTE);
    }
    engine.apply(
        new RuleBook.Builder()
            .add(client(0.001).build())
            .add(
                CircuitBreakerRule.builder()
                    .service("payment")
                    .force(CircuitBreakerRule.Force.OPEN)
                    .build())
            .build());
    for (int i = 0; i < 20; i++) {
      assertThat(outbound()).isFalse();
      assertThat(ledger.refused().kind()).isEqualTo(Refusal.Kind.BREAKER);
    }
    engine.apply(new RuleBook.Builder().add(client(0.001).build()).build());
    for (int i = 0; i < 5; i++) {
      assertThat(outbound()).isTrue();
    }
    assertThat(outbound()).isFalse();
  }

  @Test
  void refusalsAndChoicesAreToldToAllWhoWantToSeeThem() {
    engine.listeners().add(new Named("a"));
    engine.listeners().add(new Named("b"));
    Named weak = new Named("c");
    engine.listeners().addWeakly(weak);
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").qps(0.001).burst(1).build())
            .instance(instance("v1"))
            .build());
    assertThat(inbound()).isTrue();
    assertThat(told).as("an admission is not told").isEmpty();
    assertThat(inbound()).isFalse();
    assertThat(told).containsExactly("b shop true 10", "a shop true 10", "c shop true 10");
    told.clear();
    now = 11;
    assertThat(outbound()).isTrue();
    assertThat(told)
        .containsExactly("b payment false 11", "a payment false 11", "c payment false 11");
    assertThat(weak).isNotNull();
  }

  @Test
  void anApplicationsListenerIsNotKeptAliveAndForgottenWhenItIsGone() {
    engine.apply(new RuleBook.Builder().instance(instance("v1")).build());
    engine.listeners().add(new Named("a"));
    WeakReference<Named> gone = showAndForget();
    for (int i = 0; i < 100 && gone.get() != null; i++) {
      System.gc();
    }
    assertThat(gone.get()).as("kept alive").isNull();
    for (int i = 0; i < 2; i++) {
      assertThat(outbound()).isTrue();
    }
    assertThat(told).containsExactly("a payment false 10", "a payment false 10");
  }

  private WeakReference<Named> showAndForget() {
    Named listener = new Named("gone");
    engine.listeners().addWeakly(listener);
    return new WeakReference<>(listener);
  }

  @Test
  void inboundCallsAreCountedWhileSomebodyWatches() {
    assertThat(inbound()).isTrue();
    ledger.endHttp(500, now);
    assertThat(engine.signals().total().calls()).isZero();
    assertThat(engine.governsInbound()).isFalse();
    engine.watch();
    assertThat(engine.governsInbound()).isTrue();
    assertThat(inbound()).isTrue();
    ledger.endHttp(500, now);
    assertThat(engine.signals().total().errors).isOne();
    engine.apply(new RuleBook.Builder().off(true).build());
    assertThat(engine.governsInbound()).isFalse();
    assertThat(inbound()).isTrue();
    ledger.endHttp(500, now);
    assertThat(engine.signals().total().errors).isOne();
  }

  @Test
  void theServicesOwnBreakerRuleJudgesWhatItServes() {
    engine.watch();
    engine.apply(
        new RuleBook.Builder()
            .add(
                CircuitBreakerRule.builder()
                    .service("shop")
                    .ignore(List.of("500"), List.of(), List.of())
                    .build())
            .build());
    assertThat(inbound()).isTrue();
    ledger.endHttp(500, now);
    assertThat(engine.signals().total().ignored).isOne();
  }

  @Test
  void aServiceThatIsOffIsNotGovernedByTheDefaultsEither() {
    engine.apply(
        new RuleBook.Builder()
            .add(CircuitBreakerRule.builder().service("*").build())
            .off("payment")
            .build());
    assertThat(engine.plan("payment")).isNull();
    assertThat(engine.plan("stock")).isNotNull();
    assertThat(engine.snapshot().planOf("stock")).isNotNull();
    assertThat(engine.snapshot().planOf("never called")).isNull();
    assertThat(engine.plan(null)).isNull();
  }

  @Test
  void coloursMatterWhileThereIsARoutingRuleOrACanary() {
    assertThat(engine.propagation().isActive()).isFalse();
    engine.apply(new RuleBook.Builder().instance(instance("v1")).build());
    assertThat(engine.propagation().isActive()).as("an instance that is no canary").isFalse();
    engine.apply(new RuleBook.Builder().instance(instance("v1", "blue")).build());
    assertThat(engine.propagation().isActive()).isTrue();
    engine.apply(new RuleBook.Builder().instance(instance("v1", "blue")).off(true).build());
    assertThat(engine.propagation().isActive()).isFalse();
    RouteRule rule = RouteRule.builder().service("*").build();
    engine.apply(new RuleBook.Builder().add(rule).build());
    assertThat(engine.propagation().isActive()).as("a default").isTrue();
  }

  @Test
  void coloursMatterWhileAnEnabledLimitOrBreakerUsesATag() {
    RateLimitRule.Builder limit = client(1).by(List.of(Attribute.parse("tag:lane")));
    engine.apply(new RuleBook.Builder().add(limit.build()).build());
    assertThat(engine.propagation().isActive()).as("a key, for another service").isTrue();
    engine.apply(new RuleBook.Builder().add(limit.enabled(false).build()).build());
    assertThat(engine.propagation().isActive()).as("a disabled rule").isFalse();
    engine.apply(
        new RuleBook.Builder()
            .add(client(1).by(List.of(Attribute.parse("header:lane"))).build())
            .build());
    assertThat(engine.propagation().isActive()).as("a header is no tag").isFalse();
    engine.apply(
        new RuleBook.Builder()
            .add(
                CircuitBreakerRule.builder()
                    .service("*")
                    .match(MatchParser.parse("exists tag:lane"))
                    .build())
            .build());
    assertThat(engine.propagation().isActive()).as("a condition, by default").isTrue();
  }

  @Test
  void aLimitOnATagNeedsNoRoutingRule() {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("shop")
                    .qps(0)
                    .match(MatchParser.parse("tag:lane == 'x'"))
                    .build())
            .build());
    assertThat(served(Request.of("header:baggage", "a=b,lane=x"))).as("refused").isFalse();
    assertThat(served(Request.of("header:baggage", "lane=y"))).isTrue();
    assertThat(served(Request.of())).isTrue();
  }

  /** Asks as an adapter does: the request's colour is bound first. */
  private boolean served(Request request) {
    Colour before = Colour.swap(engine.propagation().colour(Request.SOURCE, request));
    try {
      return engine.inbound(Request.SOURCE, request, ledger);
    } finally {
      Colour.swap(before);
    }
  }

  @Test
  void aNamedAddressIsGovernedAndNoInstanceToRouteTo() {
    Engine named =
        new Engine(
            EngineOptions.of("shop", () -> now)
                .addresses(ServiceAddresses.of(Map.of("payment", "10.0.0.7:8080"))));
    named.apply(
        new RuleBook.Builder()
            .add(client(1).build())
            .add(RouteRule.builder().service("payment").build())
            .build());
    ServicePlan plan = named.plan("10.0.0.7", 8080);
    assertThat(plan.service).isEqualTo("payment");
    assertThat(plan.instances()).isEmpty();
    assertThat(named.outbound(plan, Fixed.SOURCE, CALL, ledger)).isTrue();
    assertThat(ledger.instance()).as("the call goes where the application says").isNull();
  }

  @Test
  void aDefaultsOutliersFollowTheFirstRuleThatActs() {
    engine.apply(
        new RuleBook.Builder()
            .add(
                CircuitBreakerRule.builder()
                    .id("a")
                    .service("payment")
                    .shadow(true)
                    .maxEjectionPercent(50)
                    .build())
            .instance(instance("v1"))
            .build());
    assertThat(engine.plan("payment").outliers()).as("a shadow ejects nobody").isNull();
    engine.apply(
        new RuleBook.Builder()
            .add(CircuitBreakerRule.builder().service("payment").maxEjectionPercent(50).build())
            .instance(instance("v1"))
            .build());
    assertThat(engine.plan("payment").outliers()).isNotNull();
    assertThat(engine.plan("payment").router()).isNotNull();
    assertThat(engine.plan("payment").breakers()).isNotNull();
    assertThat(engine.plan("payment").client()).isNull();
    assertThat(engine.plan("payment").server()).isNull();
  }

  @Test
  void itHandsOutWhatItWasMadeWith() {
    Pacer pacer = (nanos, task) -> told.add("" + nanos);
    Engine e = new Engine(EngineOptions.of("cart", () -> 77).pacer(pacer));
    assertThat(e.service()).isEqualTo("cart");
    assertThat(e.pacer()).isSameAs(pacer);
    assertThat(e.now()).isEqualTo(77);
    assertThat(e.ports()).isNotNull();
    assertThat(e.outlet()).isNotNull();
    assertThat(engine.pacer()).isNull();
    assertThat(
            new Engine(EngineOptions.of("a", () -> 1).locality(new Locality("eu", null))).service())
        .isEqualTo("a");
  }
}
