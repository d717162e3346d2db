package io.weir.engine.rules;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.match.MatchParser;
import java.lang.reflect.Field;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ShadowTest {
  @Test
  void aRuleInShadowIsTheSameRuleInEveryOtherField() throws Exception {
    same(
        RateLimitRule.builder()
            .id("a")
            .service("s")
            .qps(7.5)
            .burst(9)
            .by(List.of(Attribute.parse("path")))
            .side(RateLimitRule.Side.CLIENT)
            .scope(RateLimitRule.Scope.CLUSTER)
            .maxWaitNanos(3)
            .maxKeys(4)
            .onMissing(RateLimitRule.OnMissing.SKIP)
            .cost(5)
            .maxConcurrent(6)
            .adaptive(new RateLimitRule.Adaptive(1, 2, 1.5))
            .auto(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 1, 10))
            .response(new RefusalResponse(418, Map.of(), "b", true))
            .fingerprint("f")
            .origin("o")
            .build());
    same(
        CircuitBreakerRule.builder()
            .id("b")
            .service("s")
            .timeWindow(7)
            .minCalls(2)
            .failureRatio(0.3)
            .slowCallNanos(4)
            .slowRatio(0.2)
            .consecutiveFailures(9)
            .openNanos(11)
            .maxOpenNanos(12)
            .probeSuccesses(5)
            .probeTimeoutNanos(6)
            .quorum(2, 0.4)
            .fleet(false)
            .rampNanos(8)
            .force(CircuitBreakerRule.Force.CLOSED)
            .maxEjectionPercent(33)
            .record(List.of("503"), List.of("E"), List.of("ABORTED"))
            .ignore(List.of("404"), List.of("I"), List.of("NOT_FOUND"))
            .response(new RefusalResponse(418, Map.of(), "b", true))
            .shadow(false)
            .match(MatchParser.parse("path == '/'"))
            .build());
    RouteRule.Route route =
        new RouteRule.Route(
            MatchParser.parse("path == '/'"),
            "path == '/'",
            List.of(new RouteRule.Arm("v1", Map.of(), 1)),
            null,
            RouteRule.Fallback.ANY,
            Map.of(),
            0);
    same(
        RouteRule.builder()
            .id("c")
            .service("s")
            .salt("x")
            .routes(List.of(route))
            .defaults(List.of(route.to.get(0)))
            .hashOn(Attribute.parse("path"))
            .enabled(false)
            .region(true, 0.4)
            .balance(RouteRule.Balance.RENDEZVOUS)
            .build());
  }

  private static void same(Rule rule) throws Exception {
    Rule shadow = rule.inShadow();
    assertThat(shadow.shadow).isTrue();
    for (Field f : rule.getClass().getFields()) {
      if (!f.getName().equals("shadow")) {
        assertThat(f.get(shadow)).as(f.getName()).isEqualTo(f.get(rule));
      }
    }
  }
}
