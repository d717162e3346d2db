package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.assertShare;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RouteRule.Arm;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The article's table: weight, version, match. */
class TableTest {
  private static final int N = 100_000;

  private static Arm row(int weight, String version, String match) {
    return new Arm(version, Map.of(), weight, MatchParser.parse(match));
  }

  private final Service service = new Service().with(2, "v2.3.0").with(2, "v2.4.0");

  private Service article() {
    return service.route(
        null,
        Fallback.NONE,
        row(95, "v2.3.0", "header:X-Env == 'prod'"),
        row(5, "v2.4.0", "header:X-Canary == 'true'"));
  }

  @Test
  void aCallThatOneRowMatchesIsThatRows() {
    article().build();
    for (int i = 0; i < 1000; i++) {
      assertThat(service.version("header:X-Env", "prod")).isEqualTo("v2.3.0");
      assertThat(service.version("header:X-Canary", "true")).isEqualTo("v2.4.0");
    }
  }

  @Test
  void callsThatSeveralRowsMatchAreSharedByWeight() {
    article().build();
    Map<String, Integer> arms =
        service.arms(N, Request.of("header:X-Env", "prod", "header:X-Canary", "true"));
    assertShare(arms.get("v2.4.0"), N, 0.05);
  }

  @Test
  void callsThatNoRowMatchesAreSharedByWeight() {
    article().build();
    assertShare(service.arms(N, Request.of()).get("v2.4.0"), N, 0.05);
  }

  @Test
  void callsThatNoRowMatchesGoToTheDefaultWhenThereIsOne() {
    article().defaults(arm("v2.3.0", 1)).build();
    assertThat(service.arms(1000, Request.of())).isEqualTo(Map.of("v2.3.0", 1000));
  }

  @Test
  void rowsWithoutMatchTakeWhatNoOtherRowMatches() {
    service
        .route(
            null,
            Fallback.NONE,
            row(0, "v2.4.0", "header:X-Canary == 'true'"),
            arm("v2.3.0", 90),
            arm("v2.4.0", 10))
        .build();
    assertThat(service.arms(1000, Request.of("header:X-Canary", "true")))
        .isEqualTo(Map.of("v2.4.0", 1000));
    assertShare(service.arms(N, Request.of()).get("v2.4.0"), N, 0.1);
  }
}
