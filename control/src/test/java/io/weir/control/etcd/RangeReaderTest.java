package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Entry;
import io.weir.control.testing.FakeLoop;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** A reading of the range, from an etcd that the test plays: what is asked, and what is kept. */
class RangeReaderTest {
  private static final int LONG = ReadLimits.VALUE + 1;

  private final FakeLoop loop = new FakeLoop();
  private final TreeMap<String, Entry> there = new TreeMap<>();
  private final FollowedKeys view = new FollowedKeys(ReadLimits.instance(1 << 30));

  /** Of every value that etcd sent, whether it was read or not. */
  private long sent;

  private int calls;
  private int mostAtOnce;

  /** Serves keys and values as etcd does, and refuses what is too large as gRPC does. */
  private final class Etcd extends FilteringEtcdClient {
    Etcd() {
      super(null);
    }

    @Override
    public void range(
        String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer) {
      calls++;
      assertThat(keysOnly).as("values are never asked for unseen").isTrue();
      List<Entry> page = new ArrayList<>();
      int size = 0;
      for (Entry e : there.subMap(from, to).values()) {
        if (page.size() == limit) {
          break;
        }
        size += e.key.length() + 20;
        page.add(new Entry(e.key, new byte[0], e.createRevision, e.modRevision, e.lease));
      }
      if (size > ReadLimits.MESSAGE) {
        answer.failed(new EtcdCallException(EtcdCallException.Kind.TOO_LARGE, "too large"));
        return;
      }
      boolean more = page.size() == limit;
      answer.ok(new Page(7, 10, page, more));
    }

    @Override
    public void values(List<Run> runs, long revision, int most, Answer<List<Entry>> answer) {
      calls++;
      assertThat(revision).as("all at the first page's revision").isEqualTo(10);
      assertThat(runs).hasSizeBetween(1, EtcdClient.MOST_RUNS);
      List<Entry> entries = new ArrayList<>();
      int size = 0;
      for (Run run : runs) {
        for (Entry e : there.subMap(run.from, run.to).values()) {
          size += e.value.length + e.key.length() + 20;
          entries.add(e);
        }
      }
      assertThat(size).as("values of others").isLessThan(1 << 30);
      sent += Math.min(size, 256 << 10);
      mostAtOnce = Math.max(mostAtOnce, Math.min(size, most));
      if (size > most) {
        answer.failed(new EtcdCallException(EtcdCallException.Kind.TOO_LARGE, "too large"));
      } else {
        answer.ok(entries);
      }
    }
  }

  private void put(String key, int bytes) {
    there.put(key, new Entry(key, new byte[bytes], 3, 5, 0));
  }

  private void put(String key, String text) {
    there.put(key, new Entry(key, text.getBytes(StandardCharsets.UTF_8), 3, 5, 0));
  }

  private RangeReader.Result read(ReadLimits bounds) {
    return (RangeReader.Result) outcome(bounds);
  }

  private Object outcome(ReadLimits bounds) {
    Object[] outcome = new Object[1];
    new RangeReader(
            KeySpace.instance("", bounds),
            new Etcd(),
            new BoundedAnswers(loop),
            () -> true,
            view,
            new EtcdClient.Answer<>() {
              @Override
              public void ok(RangeReader.Result read) {
                outcome[0] = read;
              }

              @Override
              public void failed(EtcdCallException e) {
                outcome[0] = e;
              }
            })
        .begin();
    loop.run();
    return outcome[0];
  }

  private static Map<String, Entry> byKey(RangeReader.Result read) {
    Map<String, Entry> entries = new TreeMap<>();
    read.page.entries.forEach(e -> entries.put(e.key, e));
    return entries;
  }

  @Test
  void everyKeyOfOursIsReadWithItsValueAndNobodyElsesIs() {
    Random random = new Random(7);
    for (int i = 0; i < 5000; i++) {
      String prefix =
          List.of("/service/s/", "/services/s/instances/", "/registry/", "/quota/", "/s/")
              .get(random.nextInt(5));
      put(prefix + random.nextInt(100_000), prefix + i);
    }
    put("/registry/large", 1 << 30);
    RangeReader.Result read = read(ReadLimits.instance(1 << 30));
    Map<String, Entry> ours = new TreeMap<>(there);
    ours.keySet().removeIf(k -> k.startsWith("/registry/") || k.startsWith("/s/"));
    assertThat(byKey(read)).isEqualTo(ours);
    assertThat(read.cut).isNull();
  }

  @Test
  void sixtyHugeValuesAreKnownByKeyOnlyAndCostLittle() {
    put("/service/a/rate-limit", "mine");
    put("/weir/off", "no");
    for (int i = 10; i < 70; i++) {
      put("/services/evil/instances/h:" + i, 1_400_000);
    }
    put("/services/good/instances/h:1", "alive");
    Map<String, Entry> read = byKey(read(ReadLimits.instance(12 << 20)));
    assertThat(read.get("/service/a/rate-limit").text()).isEqualTo("mine");
    assertThat(read.get("/services/good/instances/h:1").text()).isEqualTo("alive");
    assertThat(read.get("/weir/off").text()).isEqualTo("no");
    assertThat(read).hasSize(63);
    assertThat(read.get("/services/evil/instances/h:10").tooLarge).isEqualTo(ReadLimits.VALUE);
    assertThat(read.get("/services/evil/instances/h:10").modRevision).isEqualTo(5);
    assertThat(mostAtOnce).isLessThanOrEqualTo(ReadLimits.MESSAGE);
    assertThat(sent).isLessThan(20 << 20);
    assertThat(calls).isLessThan(80);
  }

  @Test
  void keysOfWhichAMessageHoldsTwoAreReadAPageOfOneAtATime() {
    char[] letters = new char[ReadLimits.MESSAGE * 2 / 5];
    Arrays.fill(letters, 'k');
    for (int i = 0; i < 6; i++) {
      put("/service/s/rate-limit/" + i + new String(letters), "text " + i);
    }
    assertThat(read(ReadLimits.instance(1 << 30)).page.entries).hasSize(6);
    assertThat(calls).isLessThan(40);
  }

  @Test
  void aValueAtItsBoundIsReadAndOneByteMoreIsNot() {
    put("/service/a/route", ReadLimits.RULE);
    put("/service/b/route", ReadLimits.RULE + 1);
    put("/services/a/instances/h:1", ReadLimits.VALUE);
    put("/services/a/instances/h:2", LONG);
    put("/circuit-breaker/a/state", LONG);
    Map<String, Entry> read = byKey(read(ReadLimits.instance(12 << 20)));
    assertThat(read.get("/service/a/route").value).hasSize(ReadLimits.RULE);
    assertThat(read.get("/service/b/route").tooLarge).isEqualTo(ReadLimits.RULE);
    assertThat(read.get("/services/a/instances/h:1").value).hasSize(ReadLimits.VALUE);
    assertThat(read.get("/services/a/instances/h:2").tooLarge).isEqualTo(ReadLimits.VALUE);
    assertThat(read.get("/circuit-breaker/a/state").tooLarge).isEqualTo(ReadLimits.VALUE);
  }

  @Test
  void whatIsKnownIsNotReadAgain() {
    for (int i = 1000; i < 3000; i++) {
      put("/service/s/rate-limit/" + i, "text " + i);
    }
    put("/services/evil/instances/h:1", 1_400_000);
    ReadLimits bounds = ReadLimits.instance(64 << 20);
    view.adopt(read(bounds).page, null);
    sent = 0;
    for (int i = 1000; i < 3000; i += 10) {
      there.put(
          "/service/s/rate-limit/" + i,
          new Entry("/service/s/rate-limit/" + i, new byte[] {'n'}, 3, 8, 0));
    }
    there.remove("/service/s/rate-limit/1001");
    calls = 0;
    Map<String, Entry> again = byKey(read(bounds));
    assertThat(again).hasSize(2000);
    assertThat(again.get("/service/s/rate-limit/1010").text()).isEqualTo("n");
    assertThat(again.get("/service/s/rate-limit/1011").text()).isEqualTo("text 1011");
    assertThat(again.get("/services/evil/instances/h:1").tooLarge).isPositive();
    assertThat(sent).as("two hundred short values").isLessThan(20_000);
    assertThat(calls).as("pages of keys, and runs of values").isLessThan(8);
  }

  @Test
  void keysOfAMegabyteEachAreRead() {
    String name = "x".repeat(1 << 20);
    for (int i = 0; i < 7; i++) {
      put("/service/" + i + name, "v");
    }
    assertThat(byKey(read(ReadLimits.instance(1 << 30)))).hasSize(7);
  }

  @Test
  void tooManyRulesEndTheReadingBeforeTheyAreHeld() {
    for (int i = 0; i < 20_000; i++) {
      put(String.format("/service/s/rate-limit/%05d", i), "{}");
    }
    Object outcome = outcome(ReadLimits.instance(12 << 20));
    assertThat(outcome).isInstanceOf(EtcdCallException.class);
    assertThat(((EtcdCallException) outcome).kind).isEqualTo(EtcdCallException.Kind.TOO_MUCH);
    assertThat(calls).as("no value, and not all keys").isLessThan(8);
  }

  @Test
  void tooManyRegistrationsAreReadInPartAndWhatStandsBehindThemIsRead() {
    put("/service/a/rate-limit", "mine");
    for (int i = 0; i < 20_000; i++) {
      put(String.format("/services/evil/instances/h:%05d", i), "alive");
    }
    put("/weir/look/1", "");
    put("/weir/off", "no");
    RangeReader.Result read = read(ReadLimits.instance(4 << 20));
    assertThat(byKey(read)).containsKeys("/service/a/rate-limit", "/weir/off");
    assertThat(read.page.entries).hasSizeBetween(1500, 2100);
    assertThat(read.cut).startsWith("/services/evil/");
    assertThat(calls).isLessThan(10);
  }

  @Test
  void registrationsThatAreLongTogetherAreReadInPartToo() {
    put("/service/a/rate-limit", "mine");
    for (int i = 100; i < 400; i++) {
      put("/services/evil/instances/h:" + i, 60_000);
    }
    put("/weir/off", "no");
    RangeReader.Result read = read(ReadLimits.instance(4 << 20));
    Map<String, Entry> entries = byKey(read);
    assertThat(entries.get("/weir/off").text()).isEqualTo("no");
    assertThat(entries.get("/service/a/rate-limit").text()).isEqualTo("mine");
    assertThat(entries).hasSizeBetween(30, 40);
    assertThat(entries.values()).allMatch(e -> e.value.length > 0);
    assertThat(read.cut).startsWith("/services/evil/");
  }
}
