package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static io.weir.engine.route.Service.assertShare;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The same user stays where they are (spring-cloud-gateway #3117: a weighted canary did not). */
class StickyTest {
  private static final int USERS = 40_000;

  private final Service service = new Service().with(2, "v1").with(2, "v2").with(2, "v3");

  private void weights(int v1, int v2) {
    service.routes.clear();
    service.route(null, "header:X-User-Id", Fallback.NONE, arm("v1", v1), arm("v2", v2)).build();
  }

  private Set<String> on(String version) {
    Set<String> users = new HashSet<>();
    for (int u = 0; u < USERS; u++) {
      if (version.equals(service.version("header:X-User-Id", "user-" + u))) {
        users.add("user-" + u);
      }
    }
    return users;
  }

  private void assertVersion(String user, String version) {
    String got = service.version("header:X-User-Id", user);
    if (!version.equals(got)) {
      throw new AssertionError(user + " on " + got);
    }
  }

  @Test
  void theSameUserAlwaysGetsTheSameArm() {
    weights(50, 50);
    assertThat(on("v2").equals(on("v2"))).isTrue();
  }

  @Test
  void movingTheSliderUpMovesNoCanaryUserAwayAndDownBringsNobodyNew() {
    Set<String> before = Set.of();
    for (int percent : new int[] {0, 1, 5, 10, 50, 100}) {
      weights(100 - percent, percent);
      Set<String> canary = on("v2");
      assertThat(canary.containsAll(before)).isTrue();
      assertShare(canary.size(), USERS, percent / 100.0);
      before = canary;
    }
    weights(95, 5);
    assertThat(before.containsAll(on("v2"))).isTrue();
  }

  @Test
  void anArmAppendedTakesFromTheFirstAlone() {
    weights(90, 10);
    Set<String> v2 = on("v2");
    service.routes.clear();
    service
        .route(null, "header:X-User-Id", Fallback.NONE, arm("v1", 80), arm("v2", 10), arm("v3", 10))
        .build();
    assertThat(on("v2").equals(v2)).isTrue();
    assertShare(on("v3").size(), USERS, 0.1);
  }

  @Test
  void theCanaryOwnsThePrefixOfTheHashSoThatAShellCanTell() {
    weights(95, 5);
    long seed = XxHash.seed("r");
    for (int u = 0; u < 10_000; u++) {
      boolean canary = XxHash.place(seed, "user-" + u) < 50_000;
      assertThat(service.version("header:X-User-Id", "user-" + u)).isEqualTo(canary ? "v2" : "v1");
    }
  }

  @Test
  void anotherSaltSharesTheUsersOutIndependently() {
    weights(90, 10);
    Set<String> one = on("v2");
    service.rule.salt("second experiment");
    weights(90, 10);
    Set<String> two = on("v2");
    Set<String> both = new HashSet<>(one);
    both.retainAll(two);
    assertShare(both.size(), USERS, 0.01);
  }

  @Test
  void withoutTheAttributeACallGetsTheStableArmAndIsCounted() {
    weights(50, 50);
    for (int i = 0; i < 100; i++) {
      assertThat(service.version()).isEqualTo("v1");
    }
    assertThat(service.router.counters().unitMissing()).isEqualTo(100);
    weights(0, 100);
    assertThat(service.version()).isEqualTo("v2");
  }

  @Test
  void zeroPercentIsNeverAndHundredPercentIsAlways() {
    for (String sticky : new String[] {null, "header:X-User-Id"}) {
      service.routes.clear();
      service.route(null, sticky, Fallback.NONE, arm("v1", 100), arm("v2", 0)).build();
      for (int i = 0; i < USERS; i++) {
        assertVersion("u" + i, "v1");
      }
      service.routes.clear();
      service.route(null, sticky, Fallback.NONE, arm("v1", 0), arm("v2", 100)).build();
      for (int i = 0; i < USERS; i++) {
        assertVersion("u" + i, "v2");
      }
    }
  }

  /** The ends of the ranges: an arm owns start <= place < end. */
  @Test
  void everyPlaceHasExactlyItsArm() {
    WeightedSplit s = new WeightedSplit(java.util.List.of(arm("a", 95), arm("b", 5)));
    assertThat(s.arm(0)).isEqualTo(1);
    assertThat(s.arm(49_999)).isEqualTo(1);
    assertThat(s.arm(50_000)).isEqualTo(0);
    assertThat(s.arm(999_999)).isEqualTo(0);
    WeightedSplit thirds =
        new WeightedSplit(java.util.List.of(arm("a", 1), arm("b", 1), arm("c", 1)));
    int[] count = new int[3];
    for (int p = 0; p < XxHash.WHOLE; p++) {
      count[thirds.arm(p)]++;
    }
    assertThat(count).containsExactly(333_333, 333_333, 333_334);
    WeightedSplit great =
        new WeightedSplit(
            java.util.List.of(arm("a", Integer.MAX_VALUE), arm("b", Integer.MAX_VALUE)));
    assertThat(great.arm(499_999)).isEqualTo(1);
    assertThat(great.arm(500_000)).isEqualTo(0);
  }

  @Test
  void drawnCallsFollowTheWeights() {
    service.route(null, Fallback.NONE, arm("v1", 90), arm("v2", 9), arm("v3", 1)).build();
    int n = 200_000;
    var arms = service.arms(n, Request.of());
    assertShare(arms.get("v1"), n, 0.90);
    assertShare(arms.get("v2"), n, 0.09);
    assertShare(arms.get("v3"), n, 0.01);
    assertThat(service.router.counters().arms().get("v3")).isEqualTo(arms.get("v3").longValue());
  }
}
