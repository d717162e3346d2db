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
      entries.put(keysAndTexts[i], new Entry(keysAndTexts[i], text, 1, 1, 1));
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
  void whatCannotBeReadIsNotTold() {
    String vote = "{\"e\":0,\"calls\":20,\"failures\":14,\"host\":\"shop-1\"}";
    TreeMap<String, Entry> entries = new TreeMap<>();
    int n = 0;
    for (String text :
        List.of("", "{", "[1]", "null", "{}", "{\"e\":\"0\"}", "{\"e\":1}", "\u0000")) {
      byte[] value = text.getBytes(StandardCharsets.UTF_8);
      String at = "/circuit-breaker/pay/";
      entries.put(at + "votes/" + n++, new Entry(at + "votes/" + n, value, 1, 1, 1));
      entries.put(at + "objections/" + n, new Entry(at + "objections/" + n, value, 1, 1, 1));
    }
    entries.put(
        "/circuit-breaker/pay/votes/leaseless",
        new Entry(
            "/circuit-breaker/pay/votes/leaseless",
            vote.getBytes(StandardCharsets.UTF_8),
            1,
            1,
            0));
    assertThat(FleetBreakers.in(new StoreView(1, entries), null)).isEmpty();
  }

  @Test
  void ofThousandsOfVotesSomeAreNamed() {
    String[] votes = new String[20_000];
    for (int i = 0; i < votes.length; i += 2) {
      votes[i] = "/circuit-breaker/pay/votes/shop-" + i + ":80~a";
      votes[i + 1] = "{\"e\":0,\"calls\":20,\"failures\":14}";
    }
    Map<String, Object> b = only(view(votes));
    assertThat(Json.objects(b, "votes")).hasSize(10_000);
    assertThat(FleetBreakers.why(b)).endsWith("; and 9995 more").hasSizeLessThan(400);
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
  void whatTheServiceItselfSeesStandsBesideWhatCallersSee() {
    StoreView v =
        view(
            "/circuit-breaker/pay/votes/shop-1:80~a",
            "{\"e\":0,\"calls\":20,\"failures\":14,\"host\":\"shop-1\"}",
            "/circuit-breaker/pay/objections/1",
            "{\"e\":0,\"by\":\"shop-2:80~b\",\"calls\":93,\"failures\":0}",
            "/weir/status/pay/pay-1",
            "{\"served\":{\"calls\":200,\"errors\":1,\"seconds\":10,\"at\":1790000000000}}",
            "/weir/status/pay/pay-2",
            "{\"served\":{\"calls\":30,\"errors\":0,\"seconds\":10,\"at\":1790000003000}}",
            "/weir/status/pay/pay-3",
            "{\"revision\":7}",
            "/weir/status/shop/shop-1",
            "{\"served\":{\"calls\":900,\"errors\":900,\"seconds\":10,\"at\":1}}");
    assertThat(FleetBreakers.bothSides(only(v)))
        .isEqualTo(
            "callers see 70 % failures (14 of 20), other callers 0 % (0 of 93), the service itself"
                + " sees 0.4 % (1 of 230) in the 10 s to 14:13:23 UTC");
    assertThat(Json.inner(only(v), "service"))
        .containsEntry("calls", 230L)
        .containsEntry("failures", 1L)
        .containsEntry("instances", 2);
  }

  @Test
  void anOpenBreakerTellsWhatItWasOpenedByAndAServiceThatNobodyReachesSaysSo() {
    String open =
        "{\"state\":\"open\",\"failure_count\":20,\"call_count\":20,\"by\":\"shop-1:80~a\","
            + "\"epoch\":5,\"reason\":\"two witnesses\"}";
    StoreView v =
        view(
            "/circuit-breaker/pay@strict/epoch",
            "{\"e\":5,\"phase\":\"open\",\"attempt\":0,\"by\":\"x\",\"openMs\":60000}",
            "/circuit-breaker/pay@strict/state",
            open,
            "/weir/status/pay/pay-1",
            "{\"served\":{\"calls\":0,\"errors\":0,\"seconds\":10,\"at\":1790000000000}}");
    assertThat(FleetBreakers.bothSides(only(v)))
        .isEqualTo(
            "callers see 100 % failures (20 of 20), the service itself got no calls in the 10 s to"
                + " 14:13:20 UTC");
    assertThat(FleetBreakers.bothSides(only(view("/circuit-breaker/pay/state", open))))
        .as("nothing is said of a service that tells nothing")
        .isEmpty();
  }

  @Test
  void figuresThatSomebodyForgedAreShownAsFiguresAndBreakNothing() {
    StoreView v =
        view(
            "/circuit-breaker/pay/votes/x",
            "{\"e\":0,\"calls\":\"many\",\"failures\":-5}",
            "/circuit-breaker/pay/votes/y",
            "{\"e\":0,\"calls\":-9223372036854775808,\"failures\":1e300}",
            "/weir/status/pay/pay-1",
            "{\"served\":[1,2]}",
            "/weir/status/pay/pay-2",
            "{\"served\":{\"calls\":\"x\"}}");
    assertThat(FleetBreakers.bothSides(only(v))).isEmpty();
    assertThat(FleetBreakers.why(only(v))).contains("x votes to open");
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
