package io.weir.agent.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import org.junit.jupiter.api.Test;

/** What the status and the admin endpoint tell of how long calls take. */
class RecentLatenciesTest {
  private long now;
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> now));

  private void rules(long slowMillis) {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("shop")
                    .qps(1000)
                    .burst(1000)
                    .auto(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 10, 2000))
                    .build())
            .add(
                CircuitBreakerRule.builder()
                    .service("payment")
                    .id("a \"b\"")
                    .slowCallNanos(slowMillis * 1_000_000)
                    .build())
            .build());
  }

  private void call(String target, long millis) {
    CallLedger ledger = new CallLedger();
    if (target == null) {
      engine.inbound(new Plain(), "", ledger);
    } else {
      engine.outbound(engine.plan(target), new Plain(), "", ledger);
    }
    now += millis * 1_000_000;
    ledger.endHttp(200, now);
  }

  @Test
  void everyServiceWithItsRulesThatGoByTime() {
    engine.measuring().start();
    rules(200);
    call(null, 8);
    call("payment", 8);
    call("payment", 320);
    call("other", 16);
    assertThat(
            new RecentLatencies(engine, RecentLatencies.MOST)
                .get()
                .replaceAll("_us\":\\d+", "_us\":N"))
        .isEqualTo(
            "[{\"service\":\"shop\",\"side\":\"server\",\"calls\":1,\"p50_us\":N,\"p99_us\":N,"
                + "\"rules\":[{\"kind\":\"rate-limit\",\"rule\":\"default\",\"calls\":1,"
                + "\"p50_us\":N,\"p99_us\":N}]},"
                + "{\"service\":\"other\",\"side\":\"client\",\"calls\":1,\"p50_us\":N,\"p99_us\":N},"
                + "{\"service\":\"payment\",\"side\":\"client\",\"calls\":2,\"p50_us\":N,\"p99_us\":N,\"rules\":[{\"kind\":\"circuit-breaker\",\"rule\":\"a"
                + " \\\"b\\\"\",\"calls\":2,"
                + "\"p50_us\":N,\"p99_us\":N,\"slow_ms\":200,\"slow\":1}]}]");
  }

  @Test
  void nothingWhereNothingIsMeasured() {
    rules(200);
    call(null, 8);
    assertThat(new RecentLatencies(engine, RecentLatencies.MOST).get()).isEqualTo("[]");
  }

  private static final class Plain extends AttributeSource<String> {
    @Override
    public String header(String call, String name) {
      return null;
    }

    @Override
    public String path(String call) {
      return "/";
    }

    @Override
    public String method(String call) {
      return "GET";
    }

    @Override
    public String host(String call) {
      return "";
    }
  }
}
