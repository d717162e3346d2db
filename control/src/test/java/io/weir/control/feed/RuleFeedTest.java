package io.weir.control.feed;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.testing.Recorder;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RuleFeedTest {
  private static final String LIMIT = "/service/order/rate-limit";
  private static final String INSTANCE = "/services/order/instances/10.0.0.1:80";

  private final List<RuleBook> books = new ArrayList<>();
  private final Recorder log = new Recorder();
  private final RuleFeed feed = new RuleFeed(books::add, log);
  private long revision;

  private RuleBook apply(String... keysAndTexts) {
    revision++;
    List<Change> changes = new ArrayList<>();
    for (int i = 0; i < keysAndTexts.length; i += 2) {
      String text = keysAndTexts[i + 1];
      changes.add(
          new Change(
              keysAndTexts[i],
              text == null
                  ? null
                  : new Entry(
                      keysAndTexts[i],
                      text.getBytes(StandardCharsets.UTF_8),
                      revision,
                      revision,
                      0)));
    }
    feed.onBatch(new Batch(revision, changes, false));
    return books.get(books.size() - 1);
  }

  private static RateLimitRule only(RuleBook book) {
    assertThat(book.limits("order")).hasSize(1);
    return book.limits("order").get(0);
  }

  @Test
  void oneBatchIsOneBook() {
    apply(LIMIT, "{\"qps\": 1}", "/service/order/route", "default: [{version: v1}]");
    assertThat(books).hasSize(1);
    assertThat(books.get(0).revision).isEqualTo(1);
    assertThat(books.get(0).route("order")).isNotNull();
  }

  @Test
  void severalRoutingRulesOfOneServiceAreAllInForceTheBareKeyLast() {
    RuleBook book =
        apply(
            "/service/order/route", "default: [{version: v1}]",
            "/service/order/route/beta", "default: [{version: v3}]",
            "/service/order/route/alpha", "default: [{version: v2}]");
    assertThat(book.routes("order"))
        .extracting(r -> r.id)
        .containsExactly("alpha", "beta", "default");
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void theFirstBatchIsToldEvenWhenEmpty() {
    apply();
    assertThat(books).hasSize(1);
    apply();
    assertThat(books).hasSize(1);
  }

  @Test
  void aBadTextNeverReplacesAGoodOne() {
    RateLimitRule good = only(apply(LIMIT, "{\"qps\": 1}"));
    assertThat(only(apply(LIMIT, "{\"qps\": -1}"))).isSameAs(good);
    assertThat(only(apply(LIMIT, "not a rule"))).isSameAs(good);
    assertThat(log.lines()).hasSize(2);
    assertThat(log.lines().get(0))
        .contains("refused revision 2, revision 1 stays in force")
        .contains("WEIR1102 " + LIMIT + ":1:9 qps is -1");
    InstanceReport.Line line = feed.report().lines.get(0);
    assertThat(line.state()).isEqualTo("REJECTED");
    assertThat(line.applied).isEqualTo(1);
    assertThat(line.rejected).isEqualTo(3);
    assertThat(only(apply(LIMIT, "{\"qps\": 2}")).qps).isEqualTo(2);
    assertThat(feed.report().lines.get(0).state()).isEqualTo("SYNCED");
    assertThat(feed.report().rejected).isEqualTo(2);
  }

  @Test
  void aBadTextWithoutAGoodOneIsNoRule() {
    assertThat(apply(LIMIT, "{}").limits("order")).isEmpty();
    assertThat(log.lines().get(0)).contains("nothing is in force in its place");
  }

  @Test
  void theLastGoodOneComesBackEvenFromAMixedBatch() {
    apply(LIMIT, "{\"qps\": 1}", "/service/other/rate-limit", "{\"qps\": 1}");
    RuleBook book = apply(LIMIT, "{", "/service/other/rate-limit", "{\"qps\": 2}");
    assertThat(only(book).qps).isEqualTo(1);
    assertThat(book.limits("other").get(0).qps).isEqualTo(2);
  }

  @Test
  void anUnchangedRuleStaysTheSameObject() {
    RateLimitRule before = only(apply(LIMIT, "{\"qps\": 1}"));
    assertThat(only(apply(LIMIT, "# now with a comment\nqps: 1.0\n"))).isSameAs(before);
    assertThat(only(apply(INSTANCE, "alive"))).isSameAs(before);
  }

  @Test
  void aDeletedKeyRemovesItsRuleEvenWhenItsLastTextWasBad() {
    apply(LIMIT, "{\"qps\": 1}");
    apply(LIMIT, "{");
    assertThat(apply(LIMIT, null).limits("order")).isEmpty();
    assertThat(feed.report().lines).isEmpty();
  }

  @Test
  void aServicesOwnRuleWinsOverTheDefault() {
    RuleBook book = apply("/service/*/rate-limit", "{\"qps\": 9}", LIMIT, "{\"qps\": 1}");
    assertThat(only(book).qps).isEqualTo(1);
    assertThat(book.limits("stranger").get(0).qps).isEqualTo(9);
    assertThat(apply(LIMIT, "{\"qps\": 1, \"enabled\": false}").limits("order")).isEmpty();
    assertThat(only(apply(LIMIT, null)).qps).isEqualTo(9);
  }

  @Test
  void killSwitchesWork() {
    apply(LIMIT, "{\"qps\": 1}");
    assertThat(apply("/weir/off", "true").off).isTrue();
    assertThat(apply("/weir/off", "false").off).isFalse();
    assertThat(apply("/weir/off", "").off).isTrue();
    RuleBook book = apply("/weir/off", null, "/service/order/off", "1");
    assertThat(book.off).isFalse();
    assertThat(book.off("order")).isTrue();
    assertThat(book.limits("order")).isEmpty();
    assertThat(apply("/service/order/off", null).limits("order")).hasSize(1);
    assertThat(apply("/service/*/off", "").off).isTrue();
  }

  @Test
  void aRenewedRegistrationKeepsTheInstance() {
    Instance first = apply(INSTANCE, "alive").instances("order").get(0);
    assertThat(apply(INSTANCE, "alive").instances("order").get(0)).isSameAs(first);
    Instance changed = apply(INSTANCE, "{\"version\": \"v2\"}").instances("order").get(0);
    assertThat(changed.version()).isEqualTo("v2");
    assertThat(apply(INSTANCE, "{\"version\": 2").instances("order").get(0)).isSameAs(changed);
    assertThat(apply(INSTANCE, null).instances("order")).isEmpty();
  }

  @Test
  void aWarningIsSaidOnceNotPerRevision() {
    apply(LIMIT, "{\"qps\": 1, \"brust\": 5}");
    apply(LIMIT, "{\"qps\": 2, \"brust\": 5}");
    assertThat(log.lines()).hasSize(1);
    assertThat(log.lines().get(0)).contains("did you mean burst?");
    assertThat(feed.report().problems).hasSize(1);
  }

  @Test
  void twoRulesWithOneIdAreReported() {
    RuleBook book =
        apply(
            "/service/order/rate-limit/a",
            "{id: x, qps: 1}",
            "/service/order/rate-limit/b",
            "{id: x, qps: 2}",
            "/service/other/rate-limit/b",
            "{id: x, qps: 2}");
    assertThat(book.limits("order")).hasSize(2);
    assertThat(log.lines()).hasSize(1);
    assertThat(log.lines().get(0)).contains("WEIR1203");
  }

  @Test
  void anUnknownKeyIsReported() {
    apply("/service/order/ratelimit", "{\"qps\": 1}");
    assertThat(log.lines().get(0)).contains("WEIR1001").contains("did you mean rate-limit?");
  }

  @Test
  void foreignKeysAreNoneOfOurBusiness() {
    apply();
    apply("/registry/pods/x", "{");
    assertThat(books).hasSize(1);
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void theStatusTellsRevisionAndRefusals() {
    apply(LIMIT, "{\"qps\": 1}");
    apply(LIMIT, "{\"qps\": \"a\\\"b\"}", "/service/other/rate-limit", "{\"qps\": 1}");
    assertThat(feed.report().toJson("order", "0.1"))
        .isEqualTo(
            "{\"revision\":2,\"state\":\"REJECTED\",\"rejections\":1,\"off\":false,\"agent\":\"0.1\","
                + "\"rules\":[{\"key\":\"/service/order/rate-limit\",\"ids\":[\"default\"],"
                + "\"revision\":1,\"state\":\"REJECTED\",\"rejected_revision\":2,\"code\":\"WEIR1101\",\"reason\":\"WEIR1101"
                + " /service/order/rate-limit:1:9 qps is 'a\\\"b': expected a number from 0 to"
                + " 1000000000\"}]}");
  }

  @Test
  void aRegistrationThatCannotBeReadIsItsOwnServicesProblemAlone() {
    RuleFeed orders = new RuleFeed(books::add, log, "order", null);
    RuleFeed shops = new RuleFeed(books::add, log, "shop", null);
    List<Change> changes = new ArrayList<>();
    for (String key :
        List.of(
            "/services/order/instances/10.0.0.1",
            "/services/order/instances/10.0.0.1:99999",
            "/services/order/instances/a/b:1",
            "/services/order",
            INSTANCE)) {
      changes.add(
          new Change(
              key, new Entry(key, "{\"weight\": -1}".getBytes(StandardCharsets.UTF_8), 1, 1, 0)));
    }
    Batch batch = new Batch(7, changes, false);
    shops.onBatch(batch);
    assertThat(log.lines()).isEmpty();
    assertThat(shops.report().toJson("shop", "1"))
        .contains("\"SYNCED\"")
        .contains("\"rejections\":0");
    assertThat(shops.report().problems).isEmpty();
    assertThat(shops.report().rejected).isEqualTo(5);
    orders.onBatch(batch);
    assertThat(log.lines()).hasSize(5);
    assertThat(orders.report().toJson("order", "1"))
        .contains("\"REJECTED\"")
        .contains("\"rejections\":5")
        .contains(INSTANCE);
  }

  @Test
  void aFloodOfBadRegistrationsIsBoundedInTheLogAndInTheStatus() {
    RuleFeed orders = new RuleFeed(books::add, log, "order", null);
    List<Change> changes = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      String key = "/services/order/instances/" + i;
      changes.add(new Change(key, new Entry(key, new byte[0], 1, 1, 0)));
    }
    orders.onBatch(new Batch(1, changes, false));
    assertThat(log.lines()).hasSizeLessThan(25);
    assertThat(orders.report().toJson("order", "1")).hasSizeLessThan(10_000);
  }
}
