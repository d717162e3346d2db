package io.weir.engine.route;

import static io.weir.engine.route.Service.assertShare;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Attribute;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RouteRule.Balance;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LoadTest {
  private static final int N = 100_000;

  private final Service service = new Service();

  @ParameterizedTest
  @EnumSource(Balance.class)
  void anIdleServiceIsUsedByWeight(Balance balance) {
    int[] weights = {100, 200, 50, 0, 150};
    for (int w : weights) {
      service.instance("v1", null, null, w);
    }
    service.rule.balance(balance).hashOn(Attribute.parse("header:X-User"));
    service.build();
    Map<Instance, Integer> spread = new HashMap<>();
    for (int i = 0; i < N; i++) {
      spread.merge(service.call(Request.of("header:X-User", "u" + i)).instance(), 1, Integer::sum);
    }
    for (int i = 0; i < weights.length; i++) {
      assertShare(spread.getOrDefault(service.instances.get(i), 0), N, weights[i] / 500.0);
    }
  }

  @Test
  void ofTwoDrawnTheOneWithFewerCallsUnderWayIsTaken() {
    service.with(10, "v1").build();
    Instance busy = service.instances.get(3);
    busy.callStarted();
    // it would have to be drawn twice, and the two drawn differ
    assertThat(service.spread(N, Request.of())).doesNotContainKey(busy);
    busy.callEnded();
    assertThat(service.spread(N, Request.of())).containsKey(busy);
  }

  @Test
  void callsThatStayOpenSpreadLevelly() {
    service.with(100, "v1").build();
    for (int i = 0; i < 10_000; i++) {
      service.call(Request.of()).instance().callStarted();
    }
    for (Instance i : service.instances) {
      // two choices keep the fullest within ln ln n / ln 2 = 2.2 of the mean, plus a constant
      assertThat(i.inFlight()).isBetween(100 - 8, 100 + 8);
    }
  }

  @Test
  void loadPerWeightIsLevelledNotLoad() {
    service.instance("v1", null, null, 300);
    service.instance("v1", null, null, 100);
    service.build();
    for (int i = 0; i < 4000; i++) {
      service.call(Request.of()).instance().callStarted();
    }
    assertThat(service.instances.get(0).inFlight()).isBetween(2950, 3050);
  }

  @Test
  void roundRobinGivesEachInstanceItsTurn() {
    service.with(7, "v1");
    service.rule.balance(Balance.ROUND_ROBIN);
    service.build();
    assertThat(service.spread(7 * 100, Request.of()).values()).containsOnly(100);
  }

  @Test
  void roundRobinSpreadsWeightsEvenlyOverTheCycle() {
    service.instance("v1", null, null, 5);
    service.instance("v1", null, null, 1);
    service.instance("v1", null, null, 1);
    service.rule.balance(Balance.ROUND_ROBIN);
    service.build();
    List<Instance> seen = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      seen.add(service.call(Request.of()).instance());
    }
    for (int i = 0; i + 7 <= 70; i++) {
      assertThat(seen.subList(i, i + 7)).contains(service.instances.toArray(new Instance[0]));
    }
  }

  @Test
  void aServiceThatSpeaksBothProtocolsIsAskedInTheRightOne() {
    for (String protocol : new String[] {"http", "grpc", null}) {
      service.instances.add(
          new Instance(
              "payment",
              "127.0.0.1",
              1 + service.instances.size(),
              "v1",
              null,
              null,
              Map.of(),
              100,
              protocol));
    }
    service.build();
    assertThat(service.spread(1000, Request.of()))
        .containsOnlyKeys(service.instances.get(0), service.instances.get(2));
    for (int i = 0; i < 1000; i++) {
      assertThat(service.call(Request.GRPC, Request.of()).instance())
          .isIn(service.instances.get(1), service.instances.get(2));
    }
  }
}
