package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.assertShare;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Attribute;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ExperimentTest {
  private final Service service = experiment();

  private static Service experiment() {
    Service s = new Service().with(1, "v1.0").with(1, "v1.1").with(1, "v1.2");
    s.routes.add(
        new RouteRule.Route(
            MatchExpression.ALWAYS,
            null,
            List.of(arm("v1.0", 34), arm("v1.1", 33), arm("v1.2", 33)),
            null,
            Fallback.DEFAULT,
            Map.of("X-Extra", "1"),
            7,
            new RouteRule.Ab(
                Attribute.parse("header:X-Ab-Version"),
                Attribute.parse("query:ab_version"),
                List.of(
                    Attribute.parse("cookie:uid"),
                    Attribute.parse("header:X-User-Id"),
                    Attribute.parse("jwt:sub")))));
    return s.build();
  }

  @Test
  void headerWinsOverQueryWinsOverUser() {
    for (int u = 0; u < 100; u++) {
      String uid = "u" + u;
      assertThat(
              service.version(
                  "header:X-Ab-Version", "v1.2", "query:ab_version", "v1.1", "cookie:uid", uid))
          .isEqualTo("v1.2");
      assertThat(service.version("query:ab_version", "v1.1", "cookie:uid", uid)).isEqualTo("v1.1");
    }
  }

  @Test
  void aValueThatNamesNoArmIsIgnoredAndCounted() {
    String byUser = service.version("cookie:uid", "u1");
    assertThat(service.version("header:X-Ab-Version", "v9", "cookie:uid", "u1")).isEqualTo(byUser);
    assertThat(service.router.counters().armUnknown()).isEqualTo(1);
    assertThat(
            service.version(
                "header:X-Ab-Version", "", "query:ab_version", "v1.1", "cookie:uid", "u"))
        .isEqualTo("v1.1");
    assertThat(service.router.counters().armUnknown()).isEqualTo(2);
  }

  @Test
  void usersAreSharedOutByWeightAndKeepTheirArm() {
    int n = 90_000;
    Map<String, Integer> arms = new HashMap<>();
    for (int u = 0; u < n; u++) {
      String first = service.version("cookie:uid", "user" + u);
      assertThat(service.version("cookie:uid", "user" + u)).isEqualTo(first);
      arms.merge(first, 1, Integer::sum);
    }
    assertShare(arms.get("v1.0"), n, 0.34);
    assertShare(arms.get("v1.1"), n, 0.33);
    assertShare(arms.get("v1.2"), n, 0.33);
  }

  @Test
  void theFirstUserAttributeThatIsPresentCounts() {
    String jwt = "Bearer e30." + "eyJzdWIiOiJ1c2VyMyJ9" + ".x"; // {"sub":"user3"}
    String expected = service.version("cookie:uid", "user3");
    assertThat(service.version("header:X-User-Id", "user3")).isEqualTo(expected);
    assertThat(service.version("header:Authorization", jwt)).isEqualTo(expected);
    assertThat(service.version("cookie:uid", "user3", "header:X-User-Id", "user4"))
        .isEqualTo(expected);
  }

  @Test
  void withoutAUserACallGetsTheFirstArmAndIsCounted() {
    for (int i = 0; i < 50; i++) {
      assertThat(service.version()).isEqualTo("v1.0");
    }
    assertThat(service.router.counters().unitMissing()).isEqualTo(50);
  }

  @Test
  void theDecisionTravelsDownstreamInTheHeader() {
    var ticket = service.call(Request.of("cookie:uid", "user3"));
    assertThat(ticket.headers()).containsExactly("X-Extra", "1", "X-Ab-Version", ticket.arm());
    assertThat(ticket.timeoutNanos()).isEqualTo(7);
    // the next hop knows no user, and still agrees
    assertThat(service.version("header:X-Ab-Version", ticket.arm())).isEqualTo(ticket.arm());
  }
}
