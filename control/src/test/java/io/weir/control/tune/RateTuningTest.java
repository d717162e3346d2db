package io.weir.control.tune;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.loop.Log;
import io.weir.control.testing.FakeLoop;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RateLimitRule.Metric;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The closed loop in a real engine, on a clock of its own. */
class RateTuningTest {
  private static final long S = 1_000_000_000L;

  private final FakeLoop loop = new FakeLoop();
  private final Engine engine = new Engine(EngineOptions.of("shop", loop::now));
  private final List<String> log = new ArrayList<>();
  private double cpu = -1;
  private int cpuFails;
  private int told;
  private final RateTuning tuning =
      new RateTuning(
          engine,
          () -> {
            if (cpuFails-- > 0) {
              throw new OutOfMemoryError("planted");
            }
            return cpu;
          },
          new Log() {
            @Override
            public void info(String line) {
              log.add(line);
            }

            @Override
            public void warn(String line) {
              log.add("WARN " + line);
            }
          });

  private void rule(RateLimitRule.Builder rule) {
    engine.apply(new RuleBook.Builder().add(rule.service("shop").build()).build());
    tuning.rulesChanged();
  }

  private RateLimitRule.Builder auto(Metric metric, double target) {
    return RateLimitRule.builder()
        .qps(100)
        .burst(10)
        .auto(new RateLimitRule.Auto(metric, target, 10, 200))
        .fingerprint(metric + " " + target);
  }

  private RateLimiters.Running running() {
    return engine.snapshot().planOf("shop").server().running().get(0);
  }

  /** So many calls in every second, evenly, which take so long and end with that status. */
  private void traffic(int seconds, int perSecond, long tookNanos, int status) {
    for (int i = 0; i < seconds * perSecond; i++) {
      loop.advance(S / perSecond);
      CallLedger ledger = new CallLedger();
      if (engine.inbound(new Plain(), "", ledger)) {
        ledger.endHttp(status, ledger.startNanos() + tookNanos);
      }
    }
  }

  private void start() {
    tuning.start(loop, () -> told++);
    loop.advance(0);
  }

  @Test
  void aStepThatThrowsIsNotTheLast() {
    loop.survives();
    start();
    cpuFails = 3;
    rule(auto(Metric.CPU, 0.5));
    cpu = 0.9;
    traffic(20, 90, 50_000_000L, 200);
    assertThat(loop.thrown()).hasSize(3);
    assertThat(running().qps()).as("it is tuned after all").isLessThan(100);
  }

  @Test
  void slowCallsLowerTheRateAndEveryStepIsTold() {
    start();
    rule(auto(Metric.P99, 100));
    traffic(20, 90, 50_000_000L, 200);
    assertThat(running().qps()).isGreaterThan(90);
    log.clear();
    traffic(60, 90, 400_000_000L, 200);
    assertThat(running().qps()).isEqualTo(10);
    assertThat(log.get(0))
        .matches(
            "weir: auto: shop rate limit \"default\" qps [0-9.]+ -> [0-9.]+: p99 40\\d\\.\\d,"
                + " target 100");
    assertThat(tuning.toJson())
        .startsWith("[{\"service\":\"shop\",\"side\":\"server\",\"rule\":\"default\",\"qps\":10,")
        .contains("\"min_qps\":10,\"max_qps\":200,\"metric\":\"p99\",\"target\":100,");
    String last = log.get(log.size() - 1);
    assertThat(tuning.toJson())
        .as(last)
        .contains(
            last.replaceAll(
                ".* qps (\\S+) -> (\\S+): p99 (\\S+), .*",
                "\"measured\":$3,\"from\":$1,\"to\":$2,"));
    assertThat(told).isBetween(1, 17);
  }

  @Test
  void aRuleGoesByItsOwnCallsAlone() {
    start();
    rule(auto(Metric.P99, 100).match(MatchParser.parse("path == '/'")));
    for (int i = 0; i < 30 * 90; i++) {
      loop.advance(S / 90);
      call("/", 50_000_000L, 200);
      call("/report", 5_000_000_000L, 500);
    }
    assertThat(running().qps()).as("others are slow and fail").isGreaterThanOrEqualTo(90);
    rule(auto(Metric.ERROR_RATIO, 0.05).match(MatchParser.parse("path == '/'")));
    for (int i = 0; i < 30 * 90; i++) {
      loop.advance(S / 90);
      call("/", 50_000_000L, 200);
      call("/report", 5_000_000_000L, 500);
    }
    assertThat(running().qps()).isGreaterThanOrEqualTo(90);
    traffic(30, 90, 50_000_000L, 500);
    assertThat(running().qps()).as("its own do count").isLessThan(50);
  }

  @Test
  void streamsLeaveTheRateAlone() {
    start();
    rule(auto(Metric.P99, 100));
    for (int i = 0; i < 60 * 90; i++) {
      loop.advance(S / 90);
      CallLedger ledger = new CallLedger();
      if (engine.inbound(new Plain(), "/", ledger)) {
        long began = ledger.startNanos() + 20_000_000L;
        if (i % 3 == 0) {
          ledger.streams(false, began);
          ledger.endHttp(200, began + 60 * S);
        } else {
          ledger.endHttp(200, began);
        }
      }
    }
    assertThat(running().qps()).isGreaterThanOrEqualTo(90);
  }

  private void call(String path, long tookNanos, int status) {
    CallLedger ledger = new CallLedger();
    if (engine.inbound(new Plain(), path, ledger)) {
      ledger.endHttp(status, ledger.startNanos() + tookNanos);
    }
  }

  @Test
  void errorsLowerTheRateAndWellBeingRaisesItWhileItIsUsed() {
    start();
    rule(auto(Metric.ERROR_RATIO, 0.05));
    traffic(10, 90, 1_000_000L, 500);
    double low = running().qps();
    assertThat(low).isLessThan(50);
    traffic(10, 2, 1_000_000L, 200);
    assertThat(running().qps()).as("hardly used").isEqualTo(low);
    traffic(60, 150, 1_000_000L, 200);
    assertThat(running().qps()).isGreaterThan(100);
  }

  @Test
  void aBusyCpuLowersTheRateAndAnUnknownOneChangesNothing() {
    start();
    rule(auto(Metric.CPU, 0.5));
    traffic(10, 90, 1_000_000L, 200);
    assertThat(running().qps()).isEqualTo(100);
    cpu = 0.9;
    traffic(10, 90, 1_000_000L, 200);
    assertThat(running().qps()).isLessThan(50);
  }

  @Test
  void tooFewCallsDecideNothing() {
    start();
    rule(auto(Metric.P99, 100));
    traffic(20, 1, 900_000_000L, 200);
    assertThat(running().qps()).isEqualTo(100);
  }

  @Test
  void inShadowNothingIsTunedAndTheWishIsToldOnce() {
    start();
    rule(auto(Metric.P99, 100).shadow(true));
    traffic(20, 90, 400_000_000L, 200);
    assertThat(running().qps()).isEqualTo(100);
    assertThat(log).hasSize(1);
    assertThat(log.get(0)).contains("in shadow, would lower shop rate limit");
  }

  @Test
  void anEditKeepsTheTunedRateWithinTheNewBounds() {
    start();
    rule(auto(Metric.P99, 100));
    traffic(60, 90, 400_000_000L, 200);
    assertThat(running().qps()).isEqualTo(10);
    rule(auto(Metric.P99, 120).burst(20));
    assertThat(running().qps()).isEqualTo(10);
    rule(
        auto(Metric.P99, 120)
            .auto(new RateLimitRule.Auto(Metric.P99, 120, 30, 90))
            .qps(60)
            .fingerprint("bounds"));
    assertThat(running().qps()).isEqualTo(30);
    rule(RateLimitRule.builder().qps(70).fingerprint("fixed"));
    assertThat(running().qps()).isEqualTo(70);
  }

  @Test
  void withoutSuchARuleNothingRuns() {
    start();
    rule(RateLimitRule.builder().qps(5));
    traffic(5, 10, 1, 200);
    assertThat(engine.measuring().latencies()).isNull();
    rule(auto(Metric.P99, 100));
    traffic(3, 90, 1, 200);
    assertThat(tuning.toJson()).isNotEmpty();
    rule(RateLimitRule.builder().qps(5).fingerprint("x"));
    traffic(3, 10, 1, 200);
    assertThat(tuning.toJson()).isEmpty();
  }

  private static final class Plain extends AttributeSource<String> {
    @Override
    public String header(String call, String name) {
      return null;
    }

    @Override
    public String path(String call) {
      return call.isEmpty() ? "/" : call;
    }

    @Override
    public String method(String call) {
      return "GET";
    }

    @Override
    public String host(String call) {
      return null;
    }
  }
}
