package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.labels;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.instances.SelectionCounters;
import io.weir.engine.instances.SelectionCounters.Reason;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who is chosen, why, and what is told about it. */
class ChoiceTest {
  private final Service service = new Service();

  private Map<Reason, Long> reasons() {
    Map<Reason, Long> sum = new EnumMap<>(Reason.class);
    for (SelectionCounters s : service.router.counters().selections()) {
      for (Reason r : Reason.values()) {
        if (s.chosen(r) > 0) {
          sum.merge(r, s.chosen(r), Long::sum);
        }
      }
    }
    return sum;
  }

  @Test
  void whyAnInstanceWasChosenIsCounted() {
    service.with(1, "v1").with(1, "v2").with(1, "v3", "canary", "blue");
    service.route("path == '/row'", Fallback.NONE, arm("v2", 1));
    service.route("path == '/any'", Fallback.ANY, arm("v9", 1));
    service.route("path == '/default'", Fallback.DEFAULT, arm("v9", 1));
    service.build();
    service.call(Request.of("path", "/row"));
    assertThat(reasons()).isEqualTo(Map.of(Reason.ROUTE, 1L));
    service.call(Request.of("path", "/any"));
    service.call(Request.of("path", "/default"));
    assertThat(reasons()).isEqualTo(Map.of(Reason.ROUTE, 1L, Reason.FALLBACK, 2L));
    service.call(Request.of());
    service.call(Request.of("tag:canary", "blue"));
    service.call(Request.of("tag:canary", "red"));
    assertThat(reasons())
        .isEqualTo(
            Map.of(Reason.ROUTE, 1L, Reason.FALLBACK, 2L, Reason.ANY, 2L, Reason.COLOUR, 1L));
    service.defaults(arm("v1", 1)).build();
    service.call(Request.of());
    service.call(Request.of("path", "/default"));
    assertThat(reasons())
        .isEqualTo(
            Map.of(
                Reason.ROUTE,
                1L,
                Reason.FALLBACK,
                3L,
                Reason.ANY,
                2L,
                Reason.COLOUR,
                1L,
                Reason.DEFAULT,
                1L));
    assertThat(service.router.counters().arms())
        .as("the default of a fallback is counted as well")
        .containsEntry("v1", 2L)
        .containsEntry("v9", 3L);
    assertThat(service.router.counters().fellBack()).isEqualTo(3);
    assertThat(service.router.counters().refused()).isZero();
  }

  @Test
  void countsStandByVersionAndRegion() {
    Instance eu = service.instance("v1", "eu", null, 100);
    service.instance("v1", "us", null, 0);
    service.build();
    service.call(Request.of());
    assertThat(service.router.counters().selections()).hasSize(2);
    for (SelectionCounters s : service.router.counters().selections()) {
      assertThat(s.version()).isEqualTo("v1");
      assertThat(s.chosen(Reason.ANY)).isEqualTo("eu".equals(s.region()) ? 1 : 0);
    }
    assertThat(service.router.instances()).startsWith(eu);
  }

  @Test
  void versionRegionAndZoneAreLabelsTooUnlessALabelSaysOtherwise() {
    service.instance("v1", "eu", "eu-a", 100);
    service.instance("v2", "us", "us-b", 100);
    service.instance("v3", "us", "us-c", 100, "region", "eu");
    service.route("path == 'version'", Fallback.NONE, labels(1, "version", "v2"));
    service.route("path == 'region'", Fallback.NONE, labels(1, "region", "eu"));
    service.route("path == 'zone'", Fallback.NONE, labels(1, "zone", "us*"));
    service.route("path == 'unknown'", Fallback.NONE, labels(1, "no", "x|*"));
    service.build();
    List<Instance> all = service.instances;
    assertThat(service.spread(200, Request.of("path", "version"))).containsOnlyKeys(all.get(1));
    assertThat(service.spread(200, Request.of("path", "region")))
        .containsOnlyKeys(all.get(0), all.get(2));
    assertThat(service.spread(200, Request.of("path", "zone")))
        .containsOnlyKeys(all.get(1), all.get(2));
    assertThat(service.call(Request.of("path", "unknown")).refusal()).isNotNull();
  }

  @Test
  void anArmIsCalledByItsVersionElseItsLabelsElseAny() {
    service.with(1, "v1", "team", "a");
    service.route("path == '1'", Fallback.NONE, arm("v1", 1));
    service.route("path == '2'", Fallback.NONE, labels(1, "team", "a"));
    service.route("path == '3'", Fallback.NONE, arm(null, 1));
    service.build();
    assertThat(service.call(Request.of("path", "1")).arm()).isEqualTo("v1");
    assertThat(service.call(Request.of("path", "2")).arm()).isEqualTo("{team=a}");
    assertThat(service.call(Request.of("path", "3")).arm()).isEqualTo("any");
    assertThat(service.call(Request.of()).arm()).isNull();
  }

  @Test
  void aRuleMayBeAboutSomeCallsOnly() {
    service.with(1, "v1").with(1, "v2").route(null, Fallback.NONE, arm("v2", 1));
    service.rule.match(MatchParser.parse("path startsWith '/api'"));
    service.defaults(arm("v2", 1)).build();
    for (int i = 0; i < 50; i++) {
      assertThat(service.version("path", "/api/x")).isEqualTo("v2");
    }
    assertThat(service.spread(200, Request.of("path", "/"))).hasSize(2);
  }

  @Test
  void amongTheDefaultsAnyThatHasInstancesIsAFallback() {
    service.with(1, "v1").route(null, Fallback.DEFAULT, arm("v9", 1));
    service.defaults(arm("v8", 1), arm("v1", 1)).build();
    assertThat(service.version()).isEqualTo("v1");
    service.defaults(arm("v8", 1)).build();
    assertThat(service.call(Request.of()).refusal()).isNotNull();
    assertThat(service.router.counters().refused()).isEqualTo(1);
  }

  @Test
  void aDefaultWithoutInstancesFallsBackAmongTheDefaultsAlone() {
    service.with(1, "v1").with(5, "v2").defaults(arm("v9", 99), arm("v2", 1)).build();
    for (int i = 0; i < 100; i++) {
      assertThat(service.version()).isEqualTo("v2");
    }
    assertThat(service.router.counters().fellBack()).isPositive();
  }

  @Test
  void aTableHasAtMost64Rows() {
    List<RouteRule.Arm> arms = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      arms.add(
          new RouteRule.Arm(
              "v1", Map.of(), 1, MatchParser.parse("path == '" + i + "' || path == 'all'")));
    }
    service.with(1, "v1").route(null, Fallback.NONE, arms.toArray(new RouteRule.Arm[0])).build();
    assertThat(service.version("path", "63")).isEqualTo("v1");
    assertThat(service.version("path", "all")).isEqualTo("v1");
    arms.add(arms.get(0));
    service.routes.clear();
    assertThatThrownBy(
            () -> service.route(null, Fallback.NONE, arms.toArray(new RouteRule.Arm[0])).build())
        .hasMessage("a table has at most 64 rows, not 65");
    // arms that only share may be more
    service.routes.clear();
    RouteRule.Arm[] many = Collections.nCopies(100, arm("v1", 1)).toArray(new RouteRule.Arm[0]);
    assertThat(service.route(null, Fallback.NONE, many).build().version()).isEqualTo("v1");
  }

  @Test
  void aRouterIsKeptWhileNothingChanged() {
    service.with(2, "v1");
    RouteRule rule = service.rule.build();
    List<Instance> same = service.instances;
    Router r = Router.build(null, List.of(rule), same, Locality.UNKNOWN, 0);
    assertThat(Router.build(r, List.of(rule), new ArrayList<>(same), Locality.UNKNOWN, 0))
        .isSameAs(r);
    assertThat(Router.build(r, List.of(rule), same, new Locality("eu", null), 0)).isNotSameAs(r);
    assertThat(Router.build(r, List.of(), same, Locality.UNKNOWN, 0)).isNotSameAs(r);
    assertThat(Router.build(r, List.of(service.rule.build()), same, Locality.UNKNOWN, 0))
        .isNotSameAs(r);
    assertThat(Router.build(r, List.of(rule), same.subList(0, 1), Locality.UNKNOWN, 0))
        .isNotSameAs(r);
    assertThat(Router.build(r, List.of(rule), List.of(), Locality.UNKNOWN, 0)).isNull();
  }

  @Test
  void aCallThatCannotBeReadGetsTheFirstDefaultWhateverItsWeight() {
    MatchExpression broken =
        new MatchExpression() {
          @Override
          public <C> boolean test(AttributeSource<C> source, C call) {
            throw new IllegalStateException("broken adapter");
          }
        };
    service.with(1, "v1").with(1, "v2").with(1, "v3");
    service.rule.match(broken);
    service.build();
    assertThat(service.spread(300, Request.of())).as("no default: anybody").hasSize(3);
    service.defaults(arm("v2", 0), arm("v3", 1)).build();
    assertThat(service.version()).isEqualTo("v2");
    assertThat(service.router.counters().failed()).isEqualTo(301);
  }

  @Test
  void instancesWithoutWeightGetNothing() {
    service.instance("v1", null, null, 0);
    service.rule = null;
    service.build();
    assertThat(service.call(Request.of()).instance()).isNull();
    Instance only = service.instance("v1", null, null, 1);
    service.build();
    assertThat(service.spread(50, Request.of())).containsOnlyKeys(only);
  }

  @Test
  void weightsTooUnevenForACycleAreDrawn() {
    Instance heavy = service.instance("v1", null, null, 10_000);
    service.instance("v1", null, null, 1);
    service.rule.balance(RouteRule.Balance.ROUND_ROBIN);
    service.build();
    assertThat(service.spread(5_000, Request.of()).get(heavy)).isGreaterThan(4_900);
  }

  @Test
  void aCycleGivesEachExactlyItsWeight() {
    int[] weights = {6, 3, 3, 12};
    for (int w : weights) {
      service.instance("v1", null, null, w);
    }
    service.rule.balance(RouteRule.Balance.ROUND_ROBIN);
    service.build();
    Map<Instance, Integer> spread = service.spread(80, Request.of());
    assertThat(service.instances).extracting(spread::get).containsExactly(20, 10, 10, 40);
  }

  @Test
  void aRoutedCallCarriesTheTimeoutAndHeadersOfItsRow() {
    service.with(1, "v1");
    service.routes.add(
        new RouteRule.Route(
            MatchExpression.ALWAYS,
            null,
            List.of(arm("v1", 1)),
            null,
            Fallback.NONE,
            Service.map("X-A", "1", "X-B", "2"),
            77));
    service.build();
    CallLedger t = service.call(Request.of());
    assertThat(t.headers()).containsExactly("X-A", "1", "X-B", "2");
    assertThat(t.timeoutNanos()).isEqualTo(77);
  }
}
