package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.feed.RuleFeed;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.rules.LimitRule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a simulation promises: the agent's own limiter, on the log's own clock. */
class ReplayTest {
  private static final long DAY0 = 1_700_000_000L;

  @Test
  void tenASecondAgainstFiveRefusesHalfOfWhatTheBurstDoesNotTake() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 600; i++) {
      log.append(common(DAY0 + i / 10, "GET /a HTTP/1.1", "10.0.0.1"));
    }
    Replay r = replay("{\"qps\": 5, \"burst\": 10}", log.toString(), 1);
    assertThat(r.calls()).isEqualTo(600);
    // 10 at once, and 5 for each of the 59.9 seconds
    assertThat(r.calls() - r.refused()).isBetween(308L, 310L);
    assertThat(r.coarse()).isTrue();
    assertThat(r.worstMinute()[2]).isPositive();
  }

  @Test
  void twiceTheSpeedIsTwiceTheLoad() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 600; i++) {
      log.append(common(DAY0 + i / 10, "GET /a HTTP/1.1", "10.0.0.1"));
    }
    assertThat(replay("{\"qps\": 10, \"burst\": 10}", log.toString(), 1).refused()).isZero();
    Replay fast = replay("{\"qps\": 10, \"burst\": 10}", log.toString(), 2);
    assertThat(fast.refused()).isBetween(289L, 292L);
  }

  @Test
  void keysAreReadFromQueriesAndTheWorstIsNamedFirst() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      String user = i % 4 == 0 ? "b%20b" : "a";
      log.append(common(DAY0, "GET /a?x=1&user=" + user + " HTTP/1.1", "10.0.0.1"));
    }
    Replay r = replay("{\"qps\": 1, \"burst\": 10, \"by\": [\"query:user\"]}", log.toString(), 1);
    List<Replay.Refused> top = r.top(10);
    assertThat(top).hasSize(2);
    assertThat(top.get(0).key).isEqualTo("query:user=a");
    assertThat(top.get(0).count).isEqualTo(65);
    assertThat(top.get(1).key).isEqualTo("query:user=b b");
    assertThat(top.get(1).count).isEqualTo(15);
  }

  @Test
  void aShadowRuleRefusesNobodyAndIsCounted() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      log.append(common(DAY0, "GET /a HTTP/1.1", "10.0.0.1"));
    }
    Replay r = replay("{\"qps\": 1, \"burst\": 10, \"mode\": \"shadow\"}", log.toString(), 1);
    assertThat(r.refused()).isZero();
    long[] would = new long[1];
    r.rules((rule, hits, exceeded, keys, overflowed) -> would[0] = exceeded);
    assertThat(would[0]).isEqualTo(90);
  }

  @Test
  void jsonLinesAreReadInEverySpelling() throws IOException {
    String[] lines = {
      "{\"time\": 1700000000.5, \"method\": \"POST\", \"path\": \"/a?b=c\"}",
      "{\"ts\": \"1700000001\", \"uri\": \"/a\", \"query\": \"b=c\", \"status\": 200}",
      "{\"timestamp\": 1700000002000, \"url\": \"http://h:1/a?b=c\", \"headers\": {\"X\": \"1\"}}",
      "{\"@timestamp\": \"2023-11-14T22:13:23.5Z\", \"path\": \"/a\", \"args\": \"b=c\","
          + " \"nested\": {\"deep\": [1, {\"x\": 2}]}}",
    };
    List<String> read = new ArrayList<>();
    AccessLog log =
        new AccessLog(
            (call, nanos, coarse) ->
                read.add(
                    (nanos - DAY0 * 1_000_000_000L) / 100_000_000
                        + " "
                        + call.path
                        + " "
                        + call.query));
    log.read(new ByteArrayInputStream(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)));
    assertThat(read).containsExactly("5 /a b=c", "10 /a b=c", "20 /a b=c", "35 /a b=c");
    assertThat(log.bad()).isZero();
  }

  @Test
  void linesThatCannotBeReadAreCountedAndSkipped() throws IOException {
    String text =
        common(DAY0, "GET /a HTTP/1.1", "10.0.0.1")
            + "rubbish\n{\"broken\": \n{\"path\": \"/no-time\"}\n"
            + "1.2.3.4 - - [99/Foo/2023:00:00:00 +0000] \"GET /\" 200 1\n"
            + common(DAY0 + 1, "GET /a HTTP/1.1", "10.0.0.1");
    List<Long> times = new ArrayList<>();
    AccessLog log = new AccessLog((call, nanos, coarse) -> times.add(nanos));
    log.read(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    assertThat(times).containsExactly(DAY0 * 1_000_000_000L, (DAY0 + 1) * 1_000_000_000L);
    assertThat(log.bad()).isEqualTo(4);
    assertThat(log.firstBad()).isEqualTo(2);
  }

  @Test
  void aLogThatStepsBackDoesNotMintTokens() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      log.append(common(DAY0 + (i % 2 == 0 ? 10 : 0), "GET /a HTTP/1.1", "10.0.0.1"));
    }
    Replay r = replay("{\"qps\": 1, \"burst\": 10}", log.toString(), 1);
    assertThat(r.calls() - r.refused()).isLessThanOrEqualTo(21);
  }

  private static Replay replay(String rule, String log, double speed) throws IOException {
    RuleBook[] book = new RuleBook[1];
    Entry e = new Entry("/service/s/rate-limit", rule.getBytes(StandardCharsets.UTF_8), 1, 1, 0);
    new RuleFeed(b -> book[0] = b, Log.NONE)
        .onBatch(new Batch(1, List.of(new Change(e.key, e)), false));
    Replay replay = new Replay(book[0], "s", LimitRule.Side.SERVER, speed);
    new AccessLog(replay).read(new ByteArrayInputStream(log.getBytes(StandardCharsets.UTF_8)));
    replay.end();
    return replay;
  }

  private static String common(long second, String request, String ip) {
    return ip
        + " - - ["
        + java.time.format.DateTimeFormatter.ofPattern(
                "dd/MMM/yyyy:HH:mm:ss Z", java.util.Locale.ROOT)
            .withZone(java.time.ZoneOffset.ofHours(2))
            .format(java.time.Instant.ofEpochSecond(second))
        + "] \""
        + request
        + "\" 200 5 \"-\" \"-\"\n";
  }
}
