package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.RuleLatency;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Fixed;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** How long calls take is known while somebody asks for it, and costs nothing while nobody does. */
class MeasuringTest {
  private static final long MILLI = 1_000_000;
  private static final Fixed CALL = new Fixed("prod", "u", "/");

  private long now = -7;
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> now));
  private final CallLedger ledger = new CallLedger();

  @Test
  void nothingIsMeasuredUntilSomebodyAsks() {
    assertThat(engine.measuring().latencies()).isNull();
    assertThat(engine.governsInbound()).isFalse();
    assertThat(engine.plan("payment")).isNull();
  }

  @Test
  void callsWithoutRulesAreMeasuredToo() {
    LatencyRecorders measured = engine.measuring().start();
    assertThat(engine.measuring().start()).isSameAs(measured);
    assertThat(engine.governsInbound()).isTrue();
    inbound(20, 200);
    outbound("payment", 30, 503);
    assertThat(kinds(measured.server())).containsExactly("GET 200 null null false");
    assertThat(kinds(measured.target("payment"))).containsExactly("GET 503 503 null false");
    assertThat(measured.server().total().getMaxValue()).isBetween(19_800L, 20_200L);
    assertThat(measured.target("payment").total().getMaxValue()).isBetween(29_700L, 30_300L);
  }

  @Test
  void everyWayACallEndsIsAKindOfItsOwn() {
    LatencyRecorders measured = engine.measuring().start();
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").qps(0.001).burst(2).build())
            .add(
                CircuitBreakerRule.builder()
                    .service("payment")
                    .countWindow(1)
                    .minCalls(1)
                    .openNanos(1_000_000_000L)
                    .build())
            .build());
    inbound(1, 200);
    inbound(1, 404);
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ledger)).isFalse();
    assertThat(kinds(measured.server()))
        .containsExactly(
            "GET 200 null null false", "GET 404 null null false", "GET 429 null null true");

    ServicePlan plan = engine.plan("payment");
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ledger)).isTrue();
    ledger.endFailure(Failure.TIMEOUT, null, now);
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ledger)).isFalse();
    now += 1001 * MILLI;
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ledger)).isTrue();
    ledger.endFailure(Failure.CANCELLED, null, now);
    assertThat(kinds(measured.target("payment")))
        .containsExactly(
            "GET 0 timeout closed false",
            "GET 503 503 open false",
            "GET 0 cancelled half-open false");
  }

  @Test
  void whatCallersMakeUpDoesNotExhaustMemory() {
    LatencyRecorders measured = engine.measuring().start();
    for (int i = 0; i < 5000; i++) {
      ServicePlan p = engine.plan("host-" + i);
      if (p != null) {
        engine.outbound(p, Fixed.SOURCE, CALL, ledger);
        ledger.endHttp(200, now);
      }
      measured
          .target("other-" + i)
          .record(CallTags.ended(CallTags.begun(false, "GET"), Outcome.http(200)), 1);
      inbound(1, 100 + i);
      inbound(1, -5);
    }
    assertThat(measured.targets()).hasSizeLessThanOrEqualTo(LatencyRecorders.MAX_TARGETS + 1);
    assertThat(kinds(measured.server())).hasSizeLessThanOrEqualTo(13);
    assertThat(measured.server().total().getTotalCount()).as("none is lost").isEqualTo(10_000);
  }

  /** Two limits with auto, one on one path, and a breaker; each with the calls it is about. */
  @Test
  void rulesThatGoByWhatTheirCallsTakeHaveALatencyOfTheirOwn() {
    engine.measuring().start();
    engine.apply(
        new RuleBook.Builder()
            .add(auto("all").build())
            .add(auto("elsewhere").match(path("/other")).build())
            .add(RateLimitRule.builder().service("shop").id("plain").qps(1e6).build())
            .add(auto("out").service("payment").side(RateLimitRule.Side.CLIENT).build())
            .add(slow("payment", 20).build())
            .add(slow("nobody-calls", 20).build())
            .add(CircuitBreakerRule.builder().service("stock").build())
            .build());
    inbound(10, 200);
    inbound(30, 500);
    outbound("payment", 10, 200);
    outbound("payment", 30, 200);
    outbound("payment", 40, 503);
    outbound("stock", 10, 200);
    assertThat(engine.outbound(engine.plan("payment"), Fixed.SOURCE, CALL, ledger)).isTrue();
    ledger.endFailure(Failure.CANCELLED, null, now);
    assertThat(timed())
        .containsExactlyInAnyOrder(
            "server rate-limit shop/all 2 0",
            "server rate-limit shop/elsewhere 0 0",
            "client rate-limit payment/out 3 0",
            "client circuit-breaker payment/default 3 2");
  }

  @Test
  void noRuleHasALatencyUntilSomebodyAsks() {
    engine.apply(
        new RuleBook.Builder().add(auto("all").build()).add(slow("payment", 20).build()).build());
    inbound(10, 200);
    outbound("payment", 10, 200);
    assertThat(timed()).isEmpty();
    engine.measuring().start();
    inbound(10, 200);
    outbound("payment", 10, 200);
    assertThat(timed())
        .containsExactlyInAnyOrder(
            "server rate-limit shop/all 1 0", "client circuit-breaker payment/default 1 0");
  }

  @Test
  void anEditKeepsARulesLatencyUnlessItNoLongerGoesByTime() {
    engine.measuring().start();
    engine.apply(
        new RuleBook.Builder().add(auto("all").build()).add(slow("payment", 20).build()).build());
    inbound(10, 200);
    outbound("payment", 10, 200);
    engine.apply(
        new RuleBook.Builder()
            .add(auto("all").burst(77).build())
            .add(slow("payment", 5).build())
            .build());
    inbound(10, 200);
    outbound("payment", 10, 200);
    assertThat(timed())
        .containsExactlyInAnyOrder(
            "server rate-limit shop/all 2 0", "client circuit-breaker payment/default 2 2");
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").id("all").qps(1e6).build())
            .add(slow("payment", 0).build())
            .build());
    inbound(10, 200);
    outbound("payment", 10, 200);
    assertThat(timed()).isEmpty();
  }

  @Test
  void soManyRulesHaveALatencyAndThoseThatGoMakeRoom() {
    engine.measuring().start();
    for (int generation = 0; generation < 3; generation++) {
      RuleBook.Builder rules = new RuleBook.Builder();
      for (int i = 0; i < 100; i++) {
        rules.add(slow("payment", 20).id("g" + generation + "-" + i).build());
      }
      for (int i = 0; i < 40; i++) {
        rules.add(auto("g" + generation + "-" + i).build());
      }
      engine.apply(rules.build());
      inbound(10, 200);
      outbound("payment", 10, 200);
      String id = "g" + generation + "-";
      assertThat(timed()).hasSize(LatencyRecorders.MAX_RULES).allMatch(r -> r.contains(id));
      assertThat(timed())
          .as("of one side, of one service, the first 32 limits")
          .filteredOn(r -> r.startsWith("server"))
          .hasSize(32)
          .allMatch(r -> r.endsWith(" 1 0"));
    }
  }

  @Test
  void aStreamTakesTheTimeUntilItsAnswerBegan() {
    LatencyRecorders measured = engine.measuring().start();
    engine.apply(
        new RuleBook.Builder().add(auto("all").build()).add(slow("payment", 20).build()).build());
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ledger)).isTrue();
    now += 10 * MILLI;
    ledger.streams(false, now);
    assertThat(timed()).as("told at once").contains("server rate-limit shop/all 1 0");
    now += 5_000 * MILLI;
    ledger.streams(false, now);
    ledger.endHttp(200, now);
    assertThat(timed()).contains("server rate-limit shop/all 1 0");
    assertThat(engine.measuring().ruleLatencies().get(0).latency.total().getMaxValue())
        .isLessThan(11_000);
    assertThat(measured.server().total().getMaxValue())
        .as("the service's own durations are whole")
        .isGreaterThan(4_900_000);

    assertThat(engine.outbound(engine.plan("payment"), Fixed.SOURCE, CALL, ledger)).isTrue();
    now += 10 * MILLI;
    ledger.streams(false, now);
    now += 5_000 * MILLI;
    ledger.endGrpc(0, null, now);
    assertThat(timed()).as("not slow").contains("client circuit-breaker payment/default 1 0");
  }

  @Test
  void aStreamOfWhichNobodyKnowsWhenItBeganIsLeftOut() {
    engine.measuring().start();
    engine.apply(new RuleBook.Builder().add(auto("all").build()).build());
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ledger)).isTrue();
    now += 5_000 * MILLI;
    ledger.endHttpStream(200, now);
    assertThat(timed()).containsExactly("server rate-limit shop/all 0 0");
    inbound(10, 200);
    assertThat(timed())
        .as("the next call of the same ledger")
        .containsExactly("server rate-limit shop/all 1 0");
  }

  private static RateLimitRule.Builder auto(String id) {
    return RateLimitRule.builder()
        .service("shop")
        .id(id)
        .qps(1e6)
        .burst(1000)
        .auto(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 1e5, 1e6));
  }

  private static CircuitBreakerRule.Builder slow(String target, long millis) {
    return CircuitBreakerRule.builder().service(target).slowCallNanos(millis * MILLI);
  }

  private static MatchExpression path(String path) {
    return new MatchExpression() {
      @Override
      public <C> boolean test(AttributeSource<C> source, C call) {
        return path.equals(source.path(call));
      }
    };
  }

  /** Side, kind, service, rule, calls, slow ones. */
  private List<String> timed() {
    List<String> all = new ArrayList<>();
    for (RuleLatency r : engine.measuring().ruleLatencies()) {
      Histogram h = r.latency.total();
      all.add(
          String.join(" ", r.side, r.kind, r.service + "/" + r.rule)
              + " "
              + h.getTotalCount()
              + " "
              + r.slow(h));
    }
    return all;
  }

  @Tag("no-mutation")
  @Test
  void measuringAllocatesNothingPerCall() {
    engine.measuring().start();
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").qps(1e6).burst(1000).build())
            .add(auto("one").build())
            .add(auto("two").build())
            .add(slow("payment", 20).failureRatio(1).build())
            .build());
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    ServicePlan plan = engine.plan("payment");
    long bytes = 0;
    int calls = 20_000;
    for (int round = 0; round < 3; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < calls; i++) {
        engine.inbound(Fixed.SOURCE, CALL, ledger);
        now += 1000;
        ledger.endHttp(200, now);
        engine.outbound(plan, Fixed.SOURCE, CALL, ledger);
        now += 2000;
        ledger.endGrpc(0, null, now);
      }
      bytes = threads.getThreadAllocatedBytes(id) - before;
    }
    assertThat(bytes).as("bytes in %d calls", calls).isLessThan(calls);
    assertThat(timed()).hasSize(3).allMatch(r -> r.endsWith(" " + 3 * calls + " 0"));
  }

  @Test
  void quantilesAreRightToOnePercent() {
    LatencyRecorder l = engine.measuring().start().server();
    for (int i = 1; i <= 10_000; i++) {
      l.record(CallTags.ended(CallTags.begun(true, null), Outcome.grpc(0)), i * 100_000L);
    }
    Histogram h = l.total();
    assertThat(h.getValueAtPercentile(50)).isBetween(495_000L, 505_000L);
    assertThat(h.getValueAtPercentile(99)).isBetween(980_000L, 1_000_000L);
    l.record(CallTags.ended(CallTags.begun(true, null), Outcome.grpc(0)), 3600_000 * MILLI);
    assertThat(l.total().getMaxValue())
        .as("an hour counts as a minute")
        .isBetween(59_000_000L, 60_500_000L);
  }

  private void inbound(long millis, int status) {
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ledger)).isTrue();
    now += millis * MILLI;
    ledger.endHttp(Math.max(status, 0), now);
  }

  private void outbound(String target, long millis, int status) {
    assertThat(engine.outbound(engine.plan(target), Fixed.SOURCE, CALL, ledger)).isTrue();
    now += millis * MILLI;
    ledger.endHttp(status, now);
  }

  private static List<String> kinds(LatencyRecorder l) {
    List<String> all = new ArrayList<>();
    l.read(
        (k, micros) ->
            all.add(
                CallTags.method(k)
                    + " "
                    + CallTags.status(k)
                    + " "
                    + CallTags.error(k)
                    + " "
                    + CallTags.circuit(k)
                    + " "
                    + CallTags.exceeded(k)));
    return all;
  }
}
