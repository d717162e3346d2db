package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Entry;
import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class FleetBreakersTest {
  private static StoreView view(String... keysAndTexts) {
    TreeMap<String, Entry> entries = new TreeMap<>();
    for (int i = 0; i < keysAndTexts.length; i += 2) {
      byte[] text = keysAndTexts[i + 1].getBytes(StandardCharsets.UTF_8);
      entries.put(keysAndTexts[i], new Entry(keysAndTexts[i], text, 1, 1, 0));
    }
    return new StoreView(1, entries);
  }

  private static Map<String, Object> only(StoreView view) {
    List<Map<String, Object>> all = FleetBreakers.in(view, null);
    assertThat(all).hasSize(1);
    return all.get(0);
  }

  @Test
  void whoVotesAndWhoObjectsIsTold() {
    Map<String, Object> b =
        only(
            view(
                "/circuit-breaker/pay/epoch",
                "{\"e\":4,\"phase\":\"closed\",\"attempt\":0,\"by\":\"x\",\"openMs\":0}",
                "/circuit-breaker/pay/votes/shop-1:80~a",
                "{\"e\":4,\"calls\":20,\"failures\":14,\"host\":\"shop-1\"}",
                "/circuit-breaker/pay/votes/shop-9:80~a",
                "{\"e\":3,\"calls\":20,\"failures\":20,\"host\":\"shop-9\"}",
                "/circuit-breaker/pay/objections/1",
                "{\"e\":4,\"by\":\"shop-2:80~b\",\"calls\":93,\"failures\":0}"));
    assertThat(FleetBreakers.state(b)).isEqualTo("closed");
    assertThat(FleetBreakers.why(b))
        .isEqualTo(
            "shop-1:80~a votes to open (14 of 20 failed); shop-2:80~b objects (0 of 93 failed)");
    assertThat(Json.objects(b, "votes")).hasSize(1);
  }

  @Test
  void whatIsOpenHasAStateAndNoVotes() {
    Map<String, Object> b =
        only(
            view(
                "/circuit-breaker/pay/epoch",
                "{\"e\":5,\"phase\":\"open\",\"attempt\":0,\"by\":\"x\",\"openMs\":60000}",
                "/circuit-breaker/pay/state",
                "{\"state\":\"open\",\"by\":\"shop-1:80~a\",\"epoch\":5,\"reason\":\"two"
                    + " witnesses\"}",
                "/circuit-breaker/pay/votes/shop-1:80~a",
                "{\"e\":4,\"calls\":20,\"failures\":14,\"host\":\"shop-1\"}"));
    assertThat(FleetBreakers.state(b)).isEqualTo("open");
    assertThat(FleetBreakers.why(b)).isEqualTo("two witnesses");
  }

  @Test
  void anOperatorsHandGoesFirst() {
    StoreView v =
        view(
            "/circuit-breaker/pay@strict/state",
            "{\"state\":\"open\",\"by\":\"a\",\"epoch\":1,\"reason\":\"window\"}",
            "/service/pay/force",
            "closed",
            "/service/pay/force/strict",
            "open",
            "/service/mail/force",
            "opne");
    List<Map<String, Object>> all = FleetBreakers.in(v, "pay");
    assertThat(all)
        .extracting(FleetBreakers::state)
        .containsExactly("forced-closed", "forced-open");
    assertThat(FleetBreakers.force(v, "pay", "strict", false)).isEqualTo(Force.OPEN);
    assertThat(FleetBreakers.force(v, "pay", "default", true)).isEqualTo(Force.CLOSED);
    assertThat(FleetBreakers.force(v, "pay", "other", false)).isEqualTo(Force.NONE);
    assertThat(FleetBreakers.in(v, "mail")).isEmpty();
  }
}
