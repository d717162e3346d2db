package io.weir.control.feed;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.testing.FakeLoop;
import io.weir.control.testing.Recorder;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RuleBook;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which instances of a service that vanish stay for a while, on a clock that is moved by hand. */
class LastResortTest {
  private static final long SECOND = 1_000_000_000L;

  private final FakeLoop loop = new FakeLoop();
  private final Recorder log = new Recorder();
  private final List<RuleBook> books = new ArrayList<>();
  private final RuleFeed feed = new RuleFeed(books::add, log, "shop", loop);
  private final Map<String, Entry> store = new TreeMap<>();
  private long revision;
  private long lease = 7;

  @BeforeEach
  void four() {
    put("alive", 1, 2, 3, 4);
  }

  private static String key(int n) {
    return "/services/stock/instances/10.0.0." + n + ":80";
  }

  private void put(String value, int... instances) {
    List<Change> changes = new ArrayList<>();
    for (int n : instances) {
      Entry e = new Entry(key(n), value.getBytes(StandardCharsets.UTF_8), 1, ++revision, lease);
      store.put(key(n), e);
      changes.add(new Change(key(n), e));
    }
    feed.onBatch(new Batch(revision, changes, false));
  }

  private void delete(int... instances) {
    List<Change> changes = new ArrayList<>();
    for (int n : instances) {
      changes.add(new Change(key(n), null, store.remove(key(n))));
    }
    feed.onBatch(new Batch(++revision, changes, false));
  }

  private RuleBook book() {
    return books.get(books.size() - 1);
  }

  private String live() {
    return hosts(book().instances("stock"));
  }

  private String reachable() {
    return hosts(book().reachable("stock"));
  }

  private static String hosts(List<Instance> instances) {
    StringBuilder s = new StringBuilder();
    for (Instance i : instances) {
      s.append(i.host().substring("10.0.0.".length())).append(i.lastResort() ? "?" : "");
    }
    return s.toString();
  }

  @Test
  void whenMoreThanHalfVanishTheyStayForThirtySecondsAndNoLonger() {
    delete(1, 2, 3);
    assertThat(live()).isEqualTo("4");
    assertThat(reachable()).isEqualTo("41?2?3?");
    assertThat(log.lines())
        .containsExactly(
            "weir: 3 of 4 instances of stock vanished from the registry without a word; they stay"
                + " for 30 s, for calls that find no other");
    loop.advance(29 * SECOND);
    assertThat(reachable()).isEqualTo("41?2?3?");
    loop.advance(2 * SECOND);
    assertThat(reachable()).isEqualTo("4");
  }

  @Test
  void theyVanishTogetherIfWithinSeconds() {
    delete(1);
    assertThat(reachable()).isEqualTo("234");
    loop.advance(2 * SECOND);
    delete(2);
    assertThat(reachable()).as("half is not more than half").isEqualTo("34");
    loop.advance(2 * SECOND);
    delete(3);
    assertThat(reachable()).isEqualTo("41?2?3?");
  }

  @Test
  void whoVanishesOneByOneIsGone() {
    for (int n = 1; n < 4; n++) {
      delete(n);
      loop.advance(6 * SECOND);
    }
    assertThat(reachable()).isEqualTo("4");
  }

  @Test
  void whoSaysThatItLeavesIsBelievedAtOnce() {
    put("{\"protocol\":\"http\",\"leaving\":true}", 1, 2, 3);
    assertThat(reachable()).as("before the key is gone").isEqualTo("4");
    delete(1, 2, 3);
    loop.advance(SECOND);
    assertThat(reachable()).isEqualTo("4");
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void whoLeavesStaysAwayWhateverIsWrittenAfterwardsThatCannotBeRead() {
    put("{\"protocol\":\"http\",\"leaving\":true}", 1);
    assertThat(reachable()).isEqualTo("234");
    put("{\"weight\":\"much\"", 1);
    assertThat(reachable()).isEqualTo("234");
  }

  @Test
  void aFinalValueThatCameTogetherWithTheDeletionIsUsed() {
    Entry said =
        new Entry(
            key(1), "{\"leaving\":true}".getBytes(StandardCharsets.UTF_8), 1, ++revision, lease);
    List<Change> changes = new ArrayList<>();
    for (int n = 1; n < 4; n++) {
      changes.add(new Change(key(n), null, said));
    }
    feed.onBatch(new Batch(++revision, changes, false));
    assertThat(reachable()).isEqualTo("4");
  }

  @Test
  void whoIsBackIsAnOrdinaryInstanceAgain() {
    delete(1, 2, 3, 4);
    assertThat(reachable()).isEqualTo("1?2?3?4?");
    put("alive", 2, 3);
    assertThat(live()).isEqualTo("23");
    assertThat(reachable()).isEqualTo("231?4?");
    put("{\"leaving\":true}", 1);
    assertThat(reachable()).isEqualTo("234?");
  }

  @Test
  void aLabelThatLooksLikeLeavingIsNone() {
    put("{\"labels\":{\"note\":\"\\\"leaving\\\":true\"}}", 1);
    assertThat(live()).isEqualTo("1234");
  }

  @Test
  void registrationsWithoutALeaseAreAnOperatorsAndGoWhenTheyAreDeleted() {
    lease = 0;
    put("alive", 1, 2, 3, 4);
    delete(1, 2, 3);
    assertThat(reachable()).isEqualTo("4");
  }
}
