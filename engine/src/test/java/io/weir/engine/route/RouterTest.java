package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.assertShare;
import static io.weir.engine.route.Service.labels;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Refusal;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RouterTest {
  private static Service canary() {
    return new Service()
        .with(3, "v2.3.0")
        .with(1, "v2.4.0")
        .route("header:X-Canary == 'true'", Fallback.DEFAULT, arm("v2.4.0", 100))
        .route("header:X-Env == 'prod'", Fallback.DEFAULT, arm("v2.3.0", 95), arm("v2.4.0", 5))
        .defaults(arm("v2.3.0", 1))
        .build();
  }

  @Test
  void theFirstRowThatMatchesDecides() {
    Service s = canary();
    for (int i = 0; i < 1000; i++) {
      assertThat(s.version("header:X-Canary", "true", "header:X-Env", "prod")).isEqualTo("v2.4.0");
      assertThat(s.version("header:X-Env", "test")).isEqualTo("v2.3.0");
    }
  }

  @Test
  void theArticlesTableSendsFivePercentToTheCanary() {
    int n = 200_000;
    Map<String, Integer> arms = canary().arms(n, Request.of("header:X-Env", "prod"));
    assertShare(arms.get("v2.4.0"), n, 0.05);
    assertThat(arms).containsOnlyKeys("v2.3.0", "v2.4.0");
  }

  @Test
  void withoutInstancesThereIsNoRouterAndCallsStayUntouched() {
    assertThat(
            Router.build(null, (RouteRule) null, List.<io.weir.engine.instances.Instance>of(), 0))
        .isNull();
  }

  @Test
  void withoutARuleEveryUntaggedInstanceGetsItsShare() {
    Service s = new Service().with(4, "v1");
    s.rule = null;
    s.build();
    int n = 100_000;
    s.spread(n, Request.of()).values().forEach(c -> assertShare(c, n, 0.25));
  }

  @Test
  void noRowAndNoDefaultMeansAnyUntaggedInstance() {
    Service s =
        new Service()
            .with(1, "v1")
            .with(1, "v2")
            .route("header:X == 'y'", Fallback.NONE, arm("v2", 1))
            .build();
    assertThat(s.spread(1000, Request.of())).hasSize(2);
  }

  @Test
  void anArmWithoutInstancesRefusesOrFallsBackAsTheRuleSays() {
    Service s = new Service().with(1, "v1").with(1, "v2").defaults(arm("v1", 1));
    s.route("header:F == 'none'", Fallback.NONE, arm("v9", 1));
    s.route("header:F == 'any'", Fallback.ANY, arm("v9", 1));
    s.route("header:F == 'default'", Fallback.DEFAULT, arm("v9", 1));
    s.build();

    CallLedger refused = s.call(Request.of("header:F", "none"));
    assertThat(refused.refusal().kind()).isEqualTo(Refusal.Kind.ROUTE);
    assertThat(refused.refusal().status()).isEqualTo(503);
    assertThat(refused.refusal().ruleId()).isEqualTo("r");
    assertThat(refused.instance()).isNull();
    assertThat(s.spread(1000, Request.of("header:F", "any"))).hasSize(2);
    for (int i = 0; i < 100; i++) {
      assertThat(s.version("header:F", "default")).isEqualTo("v1");
    }
    assertThat(s.router.counters().refused()).isEqualTo(1);
    assertThat(s.router.counters().fellBack()).isEqualTo(1100);
  }

  @Test
  void labelsSelectExactlyBySetAndByPrefix() {
    Service s =
        new Service()
            .with(1, "v1", "team", "api", "env", "prod")
            .with(1, "v1", "team", "backend", "env", "prod-eu")
            .with(1, "v1", "team", "web");
    s.route("path == 'exact'", Fallback.NONE, labels(1, "team", "api"));
    s.route("path == 'set'", Fallback.NONE, labels(1, "team", "api|web"));
    s.route("path == 'prefix'", Fallback.NONE, labels(1, "env", "prod*"));
    s.route("path == 'both'", Fallback.NONE, labels(1, "env", "prod*", "team", "backend"));
    s.route("path == 'none'", Fallback.NONE, labels(1, "env", "pro"));
    s.build();
    assertThat(s.spread(1000, Request.of("path", "exact"))).containsOnlyKeys(s.instances.get(0));
    assertThat(s.spread(1000, Request.of("path", "set")))
        .containsOnlyKeys(s.instances.get(0), s.instances.get(2));
    assertThat(s.spread(1000, Request.of("path", "prefix")))
        .containsOnlyKeys(s.instances.get(0), s.instances.get(1));
    assertThat(s.spread(1000, Request.of("path", "both"))).containsOnlyKeys(s.instances.get(1));
    assertThat(s.call(Request.of("path", "none")).refusal()).isNotNull();
  }

  /** A run of rows over one attribute is one look-up; what it decides must not differ. */
  @Test
  void rowsOverOneAttributeDecideAsIfAskedOneByOne() {
    Service s = new Service();
    String[] rows = {
      "header:A == '1'",
      "header:a in ['2', '1', '3']",
      "header:A == '3'",
      "header:A == '4'",
      "header:A != '5'",
      "header:B == '1'",
      "header:B in ['1', '2']",
      "header:A == '5'",
      "header:B == '3' || header:A == '6'",
    };
    for (int i = 0; i < rows.length; i++) {
      s.with(1, "v" + i).route(rows[i], Fallback.NONE, arm("v" + i, 1));
    }
    s.with(1, "none").defaults(arm("none", 1)).build();
    for (String a : new String[] {"1", "2", "3", "4", "5", "6", null}) {
      for (String b : new String[] {"1", "2", "3", null}) {
        Request call = Request.of();
        if (a != null) {
          call.with("header:A", a);
        }
        if (b != null) {
          call.with("header:B", b);
        }
        String expected = "none";
        for (int i = rows.length - 1; i >= 0; i--) {
          if (s.routes.get(i).match.test(Request.SOURCE, call)) {
            expected = "v" + i;
          }
        }
        assertThat(s.call(call).arm()).as("A=%s B=%s", a, b).isEqualTo(expected);
      }
    }
  }

  @Test
  void ofSeveralRulesTheFirstWithARowAboutTheCallDecides() {
    Service s = new Service().with(1, "v1").with(1, "v2").with(1, "v3");
    List<RouteRule> rules = new ArrayList<>();
    for (String id : new String[] {"default", "b-lane", "a-canary"}) {
      Service one = new Service();
      if (id.equals("default")) {
        one.route("path == '/gone'", Fallback.DEFAULT, arm("v9", 1)).defaults(arm("v1", 1));
      } else {
        String version = id.startsWith("a") ? "v2" : "v3";
        one.route("header:X == '" + id + "' || header:X == 'both'", Fallback.NONE, arm(version, 1));
        one.route("path == '/lost'", Fallback.DEFAULT, arm("v9", 1));
      }
      rules.add(one.rule.id(id).routes(one.routes).build());
    }
    RuleBook.Builder book = new RuleBook.Builder();
    rules.forEach(book::add);
    List<RouteRule> asked = book.build().routes("payment");
    assertThat(asked).extracting(r -> r.id).containsExactly("a-canary", "b-lane", "default");
    s.router = Router.build(null, asked, s.instances, s.here, 0);
    assertThat(s.version("header:X", "a-canary")).isEqualTo("v2");
    assertThat(s.version("header:X", "b-lane")).isEqualTo("v3");
    assertThat(s.version("header:X", "both")).isEqualTo("v2");
    assertThat(s.version("path", "/lost")).as("the default of a later rule").isEqualTo("v1");
    assertThat(s.version("path", "/gone")).isEqualTo("v1");
    assertThat(s.version()).isEqualTo("v1");
    assertThat(Router.build(s.router, asked, s.instances, s.here, 0)).isSameAs(s.router);
  }
}
