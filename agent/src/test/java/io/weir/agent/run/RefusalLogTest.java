package io.weir.agent.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.feed.RuleFeed;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.testing.FakeLoop;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.ledger.CallLedger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** That a rule refuses is told in the log, seldom, and not by the calls. */
class RefusalLogTest {
  private static final AttributeSource<String> SOURCE =
      new AttributeSource<>() {
        @Override
        public String header(String call, String name) {
          return null;
        }

        @Override
        public String path(String call) {
          return call;
        }

        @Override
        public String method(String call) {
          return "GET";
        }

        @Override
        public String host(String call) {
          return null;
        }
      };

  private final FakeLoop loop = new FakeLoop();
  private final Engine engine = new Engine(EngineOptions.of("shop", loop::now));
  private final RuleFeed feed = new RuleFeed(engine::apply, Log.NONE);
  private final List<String> lines = new ArrayList<>();
  private int revision;

  @BeforeEach
  void start() {
    Log log =
        new Log() {
          @Override
          public void info(String line) {
            lines.add(line);
          }

          @Override
          public void warn(String line) {
            lines.add(line);
          }
        };
    new RefusalLog(engine, loop, log).start();
  }

  @Test
  void theFirstRefusalOfARuleInAMinuteIsOneLine() {
    rule("/service/shop/rate-limit/tight", "{qps: 0, match: \"path == '/a'\"}");
    rule("/service/pay/circuit-breaker", "force: open");
    second();
    assertThat(lines).isEmpty();
    for (int i = 0; i < 30; i++) {
      calls(4);
      second();
    }
    assertThat(lines)
        .containsExactlyInAnyOrder(
            "weir: rate limit \"tight\" refused 4 calls to this service (shop); told again after a"
                + " minute at the earliest",
            "weir: circuit breaker \"default\" refused 4 calls to pay; told again after a minute at"
                + " the earliest");
    lines.clear();
    for (int i = 0; i < 31; i++) {
      calls(4);
      second();
    }
    assertThat(lines)
        .containsExactlyInAnyOrder(
            "weir: rate limit \"tight\" refused 240 calls to this service (shop) since it was told"
                + " last, 60 s ago",
            "weir: circuit breaker \"default\" refused 240 calls to pay since it was told last, 60"
                + " s ago");
    lines.clear();
    loop.advance(3 * RefusalLog.QUIET_NANOS);
    assertThat(lines).as("nothing is refused").isEmpty();
    calls(1);
    second();
    assertThat(lines).as("what came in between is told late").hasSize(2);
  }

  @Test
  void aRuleInShadowModeRefusesNobodyAlsoNotInHindsight() {
    rule("/service/shop/rate-limit", "{qps: 0, mode: shadow}");
    rule("/service/pay/circuit-breaker", "{force: open, mode: shadow}");
    calls(50);
    second();
    rule("/service/shop/rate-limit", "{qps: 0}");
    second();
    assertThat(lines).isEmpty();
    calls(1);
    second();
    assertThat(lines).hasSize(1);
    assertThat(lines.get(0)).contains("refused 1 call to this service (shop)");
  }

  @Test
  void thousandsOfRulesAreNotThousandsOfLines() {
    for (int i = 0; i < 500; i++) {
      rule("/service/s" + i + "/circuit-breaker", "force: open");
    }
    for (int i = 0; i < 500; i++) {
      call("s" + i);
    }
    second();
    assertThat(lines).hasSize(RefusalLog.MOST_LINES + 1);
    assertThat(lines).contains("weir: 480 more rules refuse calls");
  }

  private void second() {
    loop.advance(RefusalLog.LOOK_NANOS);
  }

  private void calls(int n) {
    for (int i = 0; i < n; i++) {
      engine.inbound(SOURCE, "/a", new CallLedger());
      call("pay");
    }
  }

  private void call(String service) {
    engine.outbound(engine.plan(service), SOURCE, "/a", new CallLedger());
  }

  private void rule(String key, String text) {
    Entry e = new Entry(key, text.getBytes(StandardCharsets.UTF_8), 0, ++revision, 0);
    feed.onBatch(new Batch(revision, Collections.singletonList(new Change(key, e)), false));
  }
}
