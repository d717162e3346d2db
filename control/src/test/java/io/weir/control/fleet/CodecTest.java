package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CodecTest {
  private static byte[] utf8(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    for (Fence.Phase p : Fence.Phase.values()) {
      Fence f = new Fence(7, p, 2, "10.1.2.3:80~a1b2", 60_000);
      assertThat(Codec.read("epoch", Codec.write(f, 0))).isEqualTo(f);
    }
    Vote v = (Vote) Codec.read("votes/a", Codec.write(new Vote(6, 20, 14, new Site("a", "z")), 0));
    assertThat(v.epoch).isEqualTo(6);
    assertThat(v.failures).isEqualTo(14);
    assertThat(v.site.host).isEqualTo("a");
    assertThat(Site.of("a\"\\b:80", "z").host).isEqualTo("a__b");
    assertThat(v.site.zone).isEqualTo("z");
    Objection o =
        (Objection) Codec.read("objections/2", Codec.write(new Objection(6, "a:1~2", 50, 1), 0));
    assertThat(o).hasToString("1/50 in 6 by a:1~2");
    assertThat(Codec.read("probe", Codec.write("a~1", 0))).isEqualTo("a~1");
  }

  @Test
  void theStateReadsAsTheArticleSays() {
    Projection p = new Projection("open", 20, 14, 3_000_000_000L, "a~1", 7, "window");
    assertThat(new String(Codec.write(p, 1_700_000_003_000L), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"state\":\"open\",\"failure_count\":14,\"call_count\":20,"
                + "\"window_start\":1700000000000,\"by\":\"a~1\",\"epoch\":7,\"reason\":\"window\"}");
  }

  @Test
  void whatSomebodyTypedNeverThrowsAndIsAsGoodAsAbsent() {
    assertThat(Codec.read("epoch", utf8("closed, please"))).isEqualTo(Fence.NONE);
    assertThat(Codec.read("epoch", utf8("{\"e\":-3,\"phase\":\"open\",\"by\":\"x\"}")))
        .isEqualTo(Fence.NONE);
    Fence f =
        (Fence)
            Codec.read(
                "epoch",
                utf8("{\"e\":3,\"phase\":\"open\",\"attempt\":-7,\"by\":\"x\",\"openMs\":-1}"));
    assertThat(f.attempt).isZero();
    assertThat(f.openMillis).isZero();
    assertThat(Codec.read("force", utf8("open"))).isNull();
    assertThat(Codec.read("something", utf8("{}"))).isNull();
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      byte[] good = Codec.write(new Fence(7, Fence.Phase.OPEN, 2, "a", 60_000), 0);
      for (int k = 0; k < 3; k++) {
        good[random.nextInt(good.length)] = (byte) random.nextInt();
      }
      for (String key : new String[] {"epoch", "state", "probe", "votes/a", "objections/1"}) {
        assertThat(Codec.read(key, good)).isNotNull();
      }
    }
  }
}
