package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.feed.RuleFeed;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a simulation promises: the agent's own limiter, on the log's own clock. */
class LogReplayTest {
  private static final long DAY0 = 1_700_000_000L;

  @Test
  void tenASecondAgainstFiveRefusesHalfOfWhatTheBurstDoesNotTake() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 600; i++) {
      log.append(common(DAY0 + i / 10, "GET /a HTTP/1.1", "10.0.0.1"));
    }
    LogReplay r = replay("{\"qps\": 5, \"burst\": 10}", log.toString(), 1);
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
    LogReplay fast = replay("{\"qps\": 10, \"burst\": 10}", log.toString(), 2);
    assertThat(fast.refused()).isBetween(289L, 292L);
  }

  @Test
  void keysAreReadFromQueriesAndTheWorstIsNamedFirst() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      String user = i % 4 == 0 ? "b%20b" : "a";
      log.append(common(DAY0, "GET /a?x=1&user=" + user + " HTTP/1.1", "10.0.0.1"));
    }
    LogReplay r =
        replay("{\"qps\": 1, \"burst\": 10, \"by\": [\"query:user\"]}", log.toString(), 1);
    List<LogReplay.Refused> top = r.top(10);
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
    LogReplay r = replay("{\"qps\": 1, \"burst\": 10, \"mode\": \"shadow\"}", log.toString(), 1);
    assertThat(r.refused()).isZero();
    long[] would = new long[1];
    r.rules((rule, hits, exceeded, keys, overflowed) -> would[0] = exceeded);
    assertThat(would[0]).isEqualTo(90);
  }

  @Test
  void aLimitOnCallsUnderWayIsReplayedByTheDurationsTheLogTells() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      // one every 10 ms, each takes 45: four to five are under way
      log.append(String.format("{\"time\": %d.%03d, \"path\": \"/a\", ", DAY0, i * 10));
      log.append("\"status\": 200, \"duration_ms\": 45}\n");
    }
    String timed = log.toString();
    assertThat(replay("{\"max_concurrent\": 5}", timed, 1).refused()).isZero();
    LogReplay four = replay("{\"max_concurrent\": 4}", timed, 1);
    assertThat(four.refused()).isBetween(18L, 20L);
    assertThat(four.silent()).isEmpty();
    LogReplay untold =
        replay("{\"max_concurrent\": 4}", timed.replace(", \"duration_ms\": 45", ""), 1);
    assertThat(untold.refused()).isZero();
    assertThat(untold.silent())
        .containsExactly(
            "100 lines tell no duration: max_concurrent counted these calls for no time at all");
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
    LogReplay r = replay("{\"qps\": 1, \"burst\": 10}", log.toString(), 1);
    assertThat(r.calls() - r.refused()).isLessThanOrEqualTo(21);
  }

  @Test
  void aBreakerOpensOnTheStatusesOfTheLogAndProbesOnItsClock() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 6000; i++) { // a minute, the service down from second 10 to second 20
      log.append(json(i * 10, "/a", i >= 1000 && i < 2000 ? 503 : 200, ""));
    }
    String rule =
        "{\"window\": {\"size\": 20}, \"failure_ratio\": 0.5, \"open_seconds\": 5,"
            + " \"probe_successes\": 3, \"min_seconds\": 0, \"ramp_seconds\": 0";
    LogReplay r = replay(Map.of("circuit-breaker", rule + "}"), log.toString(), 1);
    // open after ten failures for 5 s, a probe fails, then for 10 s give or take a tenth
    assertThat(r.breakers().get(0).openedCount()).isEqualTo(2);
    assertThat(r.broken()).isBetween(1390L, 1610L).isEqualTo(r.refused());
    assertThat(r.breakers().get(0).state()).isEqualTo("closed");
    assertThat(r.worstMinute()[2]).isPositive();

    LogReplay shadow =
        replay(Map.of("circuit-breaker", rule + ", \"mode\": \"shadow\"}"), log.toString(), 1);
    assertThat(shadow.refused()).isZero();
    assertThat(shadow.breakers().get(0).refusedCount()).isPositive();
  }

  @Test
  void callsAreSlowWhereTheLogTellsDurationsOnly() throws IOException {
    String rule =
        "{\"window\": {\"size\": 20}, \"slow_call_ms\": 100, \"slow_ratio\": 0.5,"
            + " \"min_seconds\": 0}";
    StringBuilder slow = new StringBuilder();
    StringBuilder unknown = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      slow.append(json(i * 10, "/a", 200, ", \"duration_ms\": 150"));
      unknown.append(json(i * 10, "/a", 200, ""));
    }
    LogReplay r = replay(Map.of("circuit-breaker", rule), slow.toString(), 1);
    // twenty calls have ended 150 ms after the twentieth came: by then 34 were let in
    assertThat(r.calls() - r.refused()).isEqualTo(34);
    r = replay(Map.of("circuit-breaker", rule), unknown.toString(), 1);
    assertThat(r.refused()).isZero();
    assertThat(r.silent()).anyMatch(s -> s.contains("durations"));
  }

  @Test
  void whatTheServicesOwnLimitRefusesIsNoFailureToTheBreaker() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 1000; i++) {
      log.append(json(i, "/a", 503, ""));
    }
    Map<String, String> rules =
        Map.of("rate-limit", "{\"qps\": 0}", "circuit-breaker", "{\"open_seconds\": 100}");
    LogReplay r = replay(rules, log.toString(), 1);
    assertThat(r.refused()).isEqualTo(1000);
    assertThat(r.broken()).isZero();
  }

  @Test
  void aLineWithoutStatusIsNoEvidence() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      log.append("{\"time\": 1700000000.5, \"path\": \"/a\"}\n");
      log.append("10.0.0.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /a HTTP/1.1\" - 5\n");
    }
    LogReplay r = replay(Map.of("circuit-breaker", "{}"), log.toString(), 1);
    assertThat(r.untold()).isEqualTo(200);
    assertThat(r.silent()).anyMatch(s -> s.startsWith("200 lines tell no status"));
  }

  @Test
  void theShareOfEachArmIsToldWithoutAnyInstance() throws IOException {
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 10_000; i++) {
      log.append(json(i, "/a", 200, i % 10 == 0 ? ", \"headers\": {\"x-canary\": \"true\"}" : ""));
    }
    String rule =
        "routes:\n- match: \"header:X-Canary == 'true'\"\n  to: [{version: v3}]\n"
            + "default: [{version: v1, weight: 95}, {version: v2, weight: 5}]\n";
    LogReplay r = replay(Map.of("route", rule), log.toString(), 1);
    assertThat(r.asked()).isEqualTo(10_000);
    assertThat(r.arms().get("v3")).isEqualTo(1000);
    // 9000 draws at 5 %: six standard deviations
    assertThat(r.arms().get("v2")).isBetween(450L - 125, 450L + 125);
    assertThat(r.arms().get("v1") + r.arms().get("v2")).isEqualTo(9000);
  }

  private static String json(long millis, String path, int status, String more) {
    return "{\"time\": "
        + (DAY0 * 1000 + millis)
        + ", \"path\": \""
        + path
        + "\", \"status\": "
        + status
        + more
        + "}\n";
  }

  private static LogReplay replay(String limit, String log, double speed) throws IOException {
    return replay(Map.of("rate-limit", limit), log, speed);
  }

  private static LogReplay replay(Map<String, String> rules, String log, double speed)
      throws IOException {
    RuleBook[] book = new RuleBook[1];
    List<Change> changes = new ArrayList<>();
    rules.forEach(
        (kind, text) -> {
          String key = "/service/s/" + kind;
          byte[] value = text.getBytes(StandardCharsets.UTF_8);
          changes.add(new Change(key, new Entry(key, value, 1, 1, 0)));
        });
    new RuleFeed(b -> book[0] = b, Log.NONE).onBatch(new Batch(1, changes, false));
    LogReplay replay =
        new LogReplay(book[0], "s", RateLimitRule.Side.SERVER, speed, HealthChecks.DEFAULT);
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
