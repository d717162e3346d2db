package io.weir.engine.route;

import static io.weir.engine.route.Service.assertShare;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RegionTest {
  private static final int N = 100_000;

  private final Service service = new Service();
  private final List<Instance> near = new ArrayList<>();
  private final List<Instance> region = new ArrayList<>();
  private final List<Instance> far = new ArrayList<>();

  private void build(int inZone, int inRegion, int elsewhere) {
    for (int i = 0; i < inZone; i++) {
      near.add(service.instance("v1", "cn-east-2", "cn-east-2a", 100));
    }
    for (int i = 0; i < inRegion; i++) {
      region.add(service.instance("v1", "cn-east-2", "cn-east-2b", 100));
    }
    for (int i = 0; i < elsewhere; i++) {
      far.add(service.instance("v1", "cn-north-1", "cn-north-1a", 100));
    }
    service.here = new Locality("cn-east-2", "cn-east-2a");
    service.rule.region(true, 1 / 1.4);
    service.build();
  }

  private double share(List<Instance> of) {
    Map<Instance, Integer> spread = service.spread(N, Request.of());
    return of.stream().mapToInt(i -> spread.getOrDefault(i, 0)).sum() / (double) N;
  }

  private static void eject(List<Instance> instances, int n) {
    instances.subList(0, n).forEach(i -> i.eject(1000));
  }

  @Test
  void callsStayInTheirZoneWhileItIsWhole() {
    build(7, 7, 7);
    assertThat(share(near)).isEqualTo(1);
  }

  @Test
  void withoutTheWishRegionsDoNotCount() {
    build(5, 5, 10);
    service.rule.region(false, 0.7);
    service.router = null;
    service.build();
    assertShare((int) (share(far) * N), N, 0.5);
  }

  @ParameterizedTest(name = "{0} of 100 ejected: {1} stay")
  @CsvSource({"0, 1", "28, 1", "29, 0.994", "40, 0.84", "49, 0.714"})
  void trafficSpillsInTheShareThatIsMissing(int ejected, double stays) {
    build(100, 100, 100);
    eject(near, ejected);
    int n = 0;
    Map<Instance, Integer> spread = service.spread(N, Request.of());
    for (Instance i : near) {
      n += spread.getOrDefault(i, 0);
    }
    assertShare(n, N, stays);
    assertThat(near.subList(0, ejected)).noneMatch(spread::containsKey);
    assertThat(far).noneMatch(spread::containsKey);
  }

  @Test
  void zoneThenRegionThenTheRest() {
    build(10, 10, 100);
    eject(near, 5); // carries 70 %
    eject(region, 8); // carries 28 % of what comes
    assertShare((int) (share(near) * N), N, 0.70);
    assertShare((int) (share(region) * N), N, 0.28);
    assertShare((int) (share(far) * N), N, 0.02);
  }

  @Test
  void whenAZoneDisappearsItsRegionTakesOverAndThenTheRest() {
    build(2, 2, 2);
    service.instances.removeAll(near);
    service.build();
    assertThat(share(region)).isEqualTo(1);
    service.instances.removeAll(region);
    service.build();
    assertThat(share(far)).isEqualTo(1);
  }

  @Test
  void whenHalfIsGoneEjectionIsNoLongerBelieved() {
    build(10, 0, 0);
    eject(near, 5);
    assertThat(service.spread(N, Request.of())).hasSize(5);
    eject(near, 6);
    service.spread(N, Request.of()).values().forEach(c -> assertShare(c, N, 0.1));
  }

  @Test
  void aNearRingThatIsAllEjectedGetsNothingWhileAFarOneCanCarryEverything() {
    build(3, 0, 2);
    eject(near, 3);
    assertThat(share(far)).isEqualTo(1);
    // one of two carries 70 %: not all, and two of three fifths are out
    eject(far, 1);
    assertThat(share(near)).as("no ring can carry all: ejection is not believed").isEqualTo(1);
  }

  @Test
  void anEjectedInstanceIsBackWhenItsTimeIsOver() {
    build(4, 0, 0);
    near.get(0).eject(1000);
    service.now = 999;
    assertThat(service.spread(1000, Request.of())).doesNotContainKey(near.get(0));
    service.now = 1000;
    assertThat(service.spread(1000, Request.of())).containsKey(near.get(0));
    near.get(0).eject(5000);
    assertThat(service.spread(1000, Request.of())).doesNotContainKey(near.get(0));
    near.get(0).restore();
    assertThat(service.spread(1000, Request.of())).containsKey(near.get(0));
  }

  @Test
  void ejectionAndCallsUnderWaySurviveANewRegistrationOfTheSameAddress() {
    build(4, 0, 0);
    Instance old = near.get(0);
    old.callStarted();
    old.eject(1000);
    Instance again =
        new Instance(
            "payment", old.host(), old.port(), "v2", old.region(), old.zone(), Map.of(), 50, null);
    service.instances.set(0, again);
    service.build();
    assertThat(again.inFlight()).isEqualTo(1);
    old.callEnded();
    assertThat(again.inFlight()).isZero();
    assertThat(service.spread(1000, Request.of())).doesNotContainKey(again);
    again.restore();
    assertThat(service.spread(1000, Request.of())).containsKey(again);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "cn-east-2, cn-east-2a, cn-east-2, cn-east-2a, 0",
        "cn-east-2, cn-east-2a, cn-east-2, cn-east-2b, 1",
        "cn-east-2, cn-east-2a, cn-east-2a, -, 0",
        "cn-east-2, cn-east-2a, cn-east-2b, -, 1",
        "cn-east-2, cn-east-2a, cn-east-20, cn-east-20a, 2",
        "cn-east-2, cn-east-2a, cn-north-1, -, 2",
        "cn-east, -, cn-east-2, cn-east-2b, 1",
        "cn-east-2a, -, cn-east-2, -, 1",
        "cn-east-2, a, cn-east-2, a, 0",
        "cn-east-2, a, cn-north-1, a, 2",
        "eu, -, europe-west1, -, 2",
        "cn-east-2, -, -, -, 2",
        "-, -, cn-east-2, -, 2",
        "-, cn-east-2a, cn-east-2, cn-east-2a, 0",
      })
  void placesAreNestedByPrefix(String region, String zone, String r, String z, int distance) {
    Instance i = new Instance("s", "127.0.0.1", 1, null, r, z, Map.of(), 100, null);
    assertThat(new Locality(region, zone).distance(i)).isEqualTo(distance);
  }

  @Test
  void theDefaultIsEnvoysFactor() {
    assertThat(1 / RouteRule.builder().build().spillBelow)
        .isCloseTo(1.4, org.assertj.core.data.Offset.offset(0.001));
  }
}
