package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.labels;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import org.junit.jupiter.api.Test;

/** Calls stay where they may go, whatever fails. */
class IsolationTest {
  private final Service service = new Service();

  private void never(String colour, Request call) {
    for (int i = 0; i < 2000; i++) {
      Instance to = service.call(call).instance();
      assertThat(to == null ? null : to.colour()).isNotEqualTo(colour);
    }
  }

  private void always(String colour, Request call) {
    for (int i = 0; i < 2000; i++) {
      assertThat(service.call(call).instance().colour()).isEqualTo(colour);
    }
  }

  @Test
  void untaggedCallsNeverReachACanaryUnlessARuleSaysSo() {
    service.with(2, "v1").with(2, "v1", "canary", "true");
    service.rule = null;
    service.build();
    never("true", Request.of());
    service.rule = io.weir.engine.rules.RouteRule.builder().id("r");
    service.route("path == '/any'", Fallback.NONE, arm(null, 1));
    service.route("path == '/fallback'", Fallback.ANY, arm("v9", 1));
    service.route("path == '/says'", Fallback.NONE, labels(1, "canary", "true"));
    service.build();
    never("true", Request.of());
    never("true", Request.of("path", "/any"));
    never("true", Request.of("path", "/fallback"));
    always("true", Request.of("path", "/says"));
  }

  @Test
  void untaggedCallsNeverReachACanaryEvenWhenNothingElseIsLeft() {
    service.with(2, "v1", "canary", "true");
    service.rule = null;
    service.build();
    assertThat(service.call(Request.of()).instance()).isNull();
    service.rule = io.weir.engine.rules.RouteRule.builder().id("r");
    service.build();
    assertThat(service.call(Request.of()).refusal()).isNotNull();
  }

  @Test
  void taggedCallsReachTheirOwnColourAndFallBackToTheUntaggedOnly() {
    service.with(2, "v1").with(1, "v2", "canary", "blue").with(1, "v2", "canary", "green");
    service.build();
    always("blue", Request.of("tag:canary", "blue"));
    always("green", Request.of("tag:canary", "green"));
    always(null, Request.of("tag:canary", "red"));
    service.instances.removeIf(i -> "blue".equals(i.colour()));
    service.build();
    always(null, Request.of("tag:canary", "blue"));
  }

  @Test
  void aColourBoundToTheThreadIsTheCallsTag() {
    service.with(1, "v1").with(1, "v2", "canary", "true").build();
    Colour before = Colour.swap(Colour.of("canary", "true"));
    try {
      always("true", Request.of());
    } finally {
      Colour.swap(before);
    }
    never("true", Request.of());
  }

  @Test
  void aTagOfTheRequestItselfIsNotOverriddenByTheThreads() {
    service.with(1, "v2", "canary", "blue").with(1, "v2", "canary", "green").build();
    Colour before = Colour.swap(Colour.of("canary", "green"));
    try {
      always("blue", Request.of("tag:canary", "blue"));
    } finally {
      Colour.swap(before);
    }
  }

  @Test
  void aHeaderTheApplicationDidNotSetIsTakenFromTheColourOnTheWayOut() {
    service.with(1, "v1").with(1, "v2");
    service.route("header:X-Canary == 'true'", Fallback.NONE, arm("v2", 1));
    service.defaults(arm("v1", 1)).build();
    Colour before = Colour.swap(Colour.of("x-canary", "true"));
    try {
      assertThat(service.call(Request.OUTBOUND, Request.of()).arm()).isEqualTo("v2");
      assertThat(service.call(Request.SOURCE, Request.of()).arm()).isEqualTo("v1");
      Request own = Request.of("header:X-Canary", "false");
      assertThat(service.call(Request.OUTBOUND, own).arm()).isEqualTo("v1");
    } finally {
      Colour.swap(before);
    }
  }

  @Test
  void aFailureInARuleNeverWidensTheChoice() {
    MatchExpression broken =
        new MatchExpression() {
          @Override
          public <C> boolean test(AttributeSource<C> source, C call) {
            throw new IllegalStateException("broken adapter");
          }
        };
    service.with(1, "v1").with(3, "v2", "canary", "true").defaults(arm("v1", 1));
    service.routes.add(
        new io.weir.engine.rules.RouteRule.Route(
            broken,
            "broken",
            java.util.List.of(arm("v2", 1)),
            null,
            Fallback.ANY,
            java.util.Map.of(),
            0));
    service.build();
    for (int i = 0; i < 1000; i++) {
      assertThat(service.version()).isEqualTo("v1");
    }
    assertThat(service.router.counters().failed()).isEqualTo(1000);
  }

  @Test
  void aShadowRuleCountsAndChangesNothing() {
    service.with(1, "v1").with(1, "v2").route(null, Fallback.NONE, arm("v9", 1));
    service.rule.shadow(true);
    service.build();
    assertThat(service.spread(1000, Request.of())).hasSize(2);
    assertThat(service.router.counters().arms()).containsEntry("v9", 1000L);
  }

  @Test
  void nothingIsLeftOnTheLedgerForTheNextCall() {
    service.with(1, "v1").route("path == '/x'", Fallback.NONE, arm("v1", 1)).build();
    CallLedger t = new CallLedger();
    t.begin(0, null);
    service.router.pick(Request.SOURCE, Request.of("path", "/x"), 0, t);
    assertThat(t.arm()).isEqualTo("v1");
    t.begin(0, null);
    assertThat(t.instance()).isNull();
    assertThat(t.arm()).isNull();
    assertThat(t.headers()).isEmpty();
    assertThat(t.timeoutNanos()).isZero();
  }
}
