package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FleetCodecTest {
  private static byte[] utf8(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    for (FleetEpoch.Phase p : FleetEpoch.Phase.values()) {
      FleetEpoch f = new FleetEpoch(7, p, 2, "10.1.2.3:80~a1b2", 60_000);
      assertThat(FleetCodec.read("epoch", FleetCodec.write(f, 0), true)).isEqualTo(f);
    }
    Vote v =
        (Vote)
            FleetCodec.read(
                "votes/a",
                FleetCodec.write(new Vote(6, 20, 14, new FailureDomain("a", "z")), 0),
                true);
    assertThat(v.epoch).isEqualTo(6);
    assertThat(v.failures).isEqualTo(14);
    assertThat(v.site.host).isEqualTo("a");
    assertThat(FailureDomain.of("a\"\\b:80", "z").host).isEqualTo("a__b");
    assertThat(v.site.zone).isEqualTo("z");
    Objection o =
        (Objection)
            FleetCodec.read(
                "objections/2", FleetCodec.write(new Objection(6, "a:1~2", 50, 1), 0), true);
    assertThat(o).hasToString("1/50 in 6 by a:1~2");
    assertThat(FleetCodec.read("probe", FleetCodec.write("a~1", 0), true)).isEqualTo("a~1");
  }

  @Test
  void theStateReadsAsTheArticleSays() {
    PublishedState p = new PublishedState("open", 20, 14, 3_000_000_000L, "a~1", 7, "window");
    assertThat(new String(FleetCodec.write(p, 1_700_000_003_000L), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"state\":\"open\",\"failure_count\":14,\"call_count\":20,"
                + "\"window_start\":1700000000000,\"by\":\"a~1\",\"epoch\":7,\"reason\":\"window\"}");
  }

  @Test
  void whatSomebodyTypedNeverThrowsAndIsAsGoodAsAbsent() {
    assertThat(FleetCodec.read("epoch", utf8("closed, please"), true)).isEqualTo(FleetEpoch.NONE);
    assertThat(FleetCodec.read("epoch", utf8("{\"e\":-3,\"phase\":\"open\",\"by\":\"x\"}"), true))
        .isEqualTo(FleetEpoch.NONE);
    FleetEpoch f =
        (FleetEpoch)
            FleetCodec.read(
                "epoch",
                utf8("{\"e\":3,\"phase\":\"open\",\"attempt\":-7,\"by\":\"x\",\"openMs\":-1}"),
                true);
    assertThat(f.attempt).isZero();
    assertThat(f.openMillis).isZero();
    assertThat(FleetCodec.read("force", utf8("open"), true)).isNull();
    assertThat(FleetCodec.read("something", utf8("{}"), true)).isNull();
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      byte[] good = FleetCodec.write(new FleetEpoch(7, FleetEpoch.Phase.OPEN, 2, "a", 60_000), 0);
      for (int k = 0; k < 3; k++) {
        good[random.nextInt(good.length)] = (byte) random.nextInt();
      }
      for (String key : new String[] {"epoch", "state", "probe", "votes/a", "objections/1"}) {
        assertThat(FleetCodec.read(key, good, true)).isNotNull();
      }
    }
  }

  @Test
  void whatIsNobodysOrStaysForEverCountsForNothing() {
    String vote = "{\"e\":6,\"calls\":20,\"failures\":14,\"host\":\"a\"}";
    String objection = "{\"e\":6,\"by\":\"a~1\",\"calls\":20,\"failures\":0}";
    assertThat(epoch("votes/a", vote, true)).isEqualTo(6);
    assertThat(epoch("objections/1", objection, true)).isEqualTo(6);
    assertThat(epoch("votes/a", vote, false)).as("etcdctl wrote it without a lease").isEqualTo(-1);
    assertThat(epoch("objections/1", objection, false)).isEqualTo(-1);
    assertThat(FleetCodec.read("probe", utf8("{\"by\":\"a~1\"}"), false))
        .isEqualTo(FleetMachine.NOBODY);
    for (String broken :
        new String[] {
          "",
          "{",
          "[]",
          "null",
          "{\"e\":\"six\"}",
          "{\"e\":6.5e300}",
          "{\"e\":99999999999999999999}",
          "{\"e\":{\"e\":6}}",
          "\u0000\u0000",
          "{\"epoch\":6,\"voter\":\"a\"}"
        }) {
      assertThat(epoch("objections/1", broken, true)).as(broken).isEqualTo(-1);
      assertThat(FleetCodec.read("probe", utf8(broken), true)).isEqualTo(FleetMachine.NOBODY);
    }
    String more =
        "{\"at\":99999999999999,\"e\":6,\"calls\":-5,\"host\":[\"a\"],\"x\":{},\"until\":\"1970\"}";
    assertThat(epoch("votes/a", more, true))
        .as("what it does not know it passes over")
        .isEqualTo(6);
  }

  private static long epoch(String key, String text, boolean leased) {
    return ((Testimony) FleetCodec.read(key, utf8(text), leased)).epoch;
  }
}
