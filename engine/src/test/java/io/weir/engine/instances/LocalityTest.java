package io.weir.engine.instances;

import static io.weir.engine.instances.Locality.REGION;
import static io.weir.engine.instances.Locality.REST;
import static io.weir.engine.instances.Locality.ZONE;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LocalityTest {
  private static Instance at(String region, String zone) {
    return new Instance("s", "h", 1, null, region, zone, Map.of(), 100, null);
  }

  @ParameterizedTest
  @CsvSource({
    "cn-east-2a, cn-east-2, true",
    "cn-east-2, cn-east, true",
    "cn-east-2, cn, true",
    "cn-east-2, cn-east-2, true",
    "cn-east-20, cn-east-2, false",
    "cn-eastern, cn-east, false",
    "cn-east, cn-east-2, false",
    "cn-west-2, cn-east, false",
    "eu9, eu, true",
    "eu:, eu, true",
    "eu/a, eu, true",
    "a0, a, true",
    "00, 0, false",
    "99, 9, false",
    "0a, 0, true",
    "9z, 9, true",
    "-a, -, true",
    "--, -, false",
  })
  void aPlaceIsInAnotherWhereThePrefixEndsAWord(String place, String area, boolean in) {
    assertThat(Locality.within(place, area)).isEqualTo(in);
  }

  @Test
  void nothingIsInAnUnknownPlace() {
    assertThat(Locality.within(null, "a")).isFalse();
    assertThat(Locality.within("a", null)).isFalse();
    assertThat(Locality.within("a", "")).isFalse();
    assertThat(Locality.within("", "")).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "eu-1, eu-1a, 0",
        "eu-1, eu-1b, 1",
        "eu-1, -, 1",
        "-, eu-1a, 0",
        "-, eu-1b, 1",
        "eu, -, 1",
        "eu-1a, -, 0",
        "eu-2, -, 2",
        "eu-2, eu-2a, 2",
        "-, us-1a, 2",
        "-, -, 2",
      })
  void howFarAnInstanceIs(String region, String zone, int distance) {
    assertThat(new Locality("eu-1", "eu-1a").distance(at(region, zone))).isEqualTo(distance);
  }

  @Test
  void zonesNamedWithinTheirRegionMeanNothingAcrossRegions() {
    Locality here = new Locality("eu", "a");
    assertThat(here.distance(at("eu", "a"))).isEqualTo(ZONE);
    assertThat(here.distance(at("eu", "b"))).isEqualTo(REGION);
    assertThat(here.distance(at("us", "a"))).isEqualTo(REST);
    assertThat(here.distance(at(null, "a"))).as("as far as is known").isEqualTo(ZONE);
    assertThat(new Locality(null, "a").distance(at("us", "a"))).isEqualTo(ZONE);
    assertThat(new Locality(null, "a").distance(at("us", "b"))).isEqualTo(REST);
  }

  @Test
  void withoutAZoneOnlyTheRegionCounts() {
    assertThat(new Locality("eu", null).distance(at("eu", "a"))).isEqualTo(REGION);
    assertThat(Locality.UNKNOWN.distance(at("eu", "a"))).isEqualTo(REST);
    assertThat(Locality.UNKNOWN.region()).isNull();
    assertThat(Locality.UNKNOWN.zone()).isNull();
    assertThat(new Locality("eu", "a")).hasToString("eu/a");
    assertThat(new Locality("eu", "a").region()).isEqualTo("eu");
    assertThat(new Locality("eu", "a").zone()).isEqualTo("a");
  }
}
