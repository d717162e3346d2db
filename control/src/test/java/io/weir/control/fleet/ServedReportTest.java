package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a service tells of itself while its callers doubt it, and how seldom. */
class ServedReportTest {
  private static final long S = 1_000_000_000L;
  private static final AttributeSource<String> ANY =
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
          return "";
        }
      };

  private final FakeLoop loop = new FakeLoop();
  private final Engine engine = new Engine(EngineOptions.of("pay", loop::now));
  private final List<String> told = new ArrayList<>();
  private final ServedReport served = new ServedReport(engine, loop, this::tell);
  private long revision;

  private void tell() {
    told.add(served.json().replaceAll(",\"at\":\\d{13}", ""));
  }

  private void put(String key, String value) {
    byte[] text = value.getBytes(StandardCharsets.UTF_8);
    revision++;
    change(new Change(key, new Entry(key, text, revision, revision, 1)));
  }

  private void change(Change c) {
    loop.execute(() -> served.onBatch(new Batch(revision, List.of(c), false)));
    loop.advance(0);
  }

  private void delete(String key) {
    revision++;
    change(new Change(key, null));
  }

  private void serve(int calls, int status) {
    engine.watch();
    for (int i = 0; i < calls; i++) {
      CallLedger t = new CallLedger();
      assertThat(engine.inbound(ANY, "/", t)).isTrue();
      t.endHttp(status, loop.now());
    }
  }

  @Test
  void nothingIsToldWhileNobodyDoubtsIt() {
    serve(5, 500);
    put("/circuit-breaker/payroll/votes/a", "{\"e\":0,\"calls\":20,\"failures\":14}");
    put("/circuit-breaker/pay/votes/late", "{\"e\":3,\"calls\":20,\"failures\":14}");
    put("/circuit-breaker/pay/state", "{\"state\":\"open\"}");
    put("/circuit-breaker/pay/votes", "{\"e\":0}");
    put("/circuit-breaker/pay", "x");
    loop.advance(60 * S);
    assertThat(served.json()).isEmpty();
    assertThat(told).isEmpty();
  }

  @Test
  void aVoteHasItTellAtOnceAndTheVotesEndTakesThatBack() {
    loop.advance(30 * S);
    serve(99, 200);
    serve(1, 500);
    put("/circuit-breaker/pay/votes/a", "{\"e\":0,\"calls\":20,\"failures\":14}");
    assertThat(told).containsExactly("{\"calls\":100,\"errors\":1,\"seconds\":10}");
    loop.advance(20 * S);
    told.clear();
    loop.advance(60 * S);
    assertThat(told).as("nobody calls: the figures stay").isEmpty();
    serve(7, 200);
    loop.advance(10 * S);
    assertThat(told).hasSize(1).last().asString().contains("\"calls\":7");
    loop.advance(20 * S);
    delete("/circuit-breaker/pay/votes/a");
    assertThat(told.get(told.size() - 1)).isEmpty();
    assertThat(served.json()).isEmpty();
  }

  @Test
  void anOpenBreakerOfOneOfItsRulesIsADoubtUntilItIsClosed() {
    put("/circuit-breaker/pay@strict/epoch", epoch(1, "open"));
    assertThat(told).containsExactly("{\"calls\":0,\"errors\":0,\"seconds\":10}");
    put("/circuit-breaker/pay@strict/epoch", epoch(1, "half-open"));
    loop.advance(20 * S);
    put("/circuit-breaker/pay@strict/epoch", epoch(2, "closed"));
    assertThat(told).hasSize(2).last().isEqualTo("");
  }

  @Test
  void votesThatComeAndGoAreToldEveryTenSecondsAtMost() {
    for (int i = 0; i < 600; i++) {
      serve(3, 200);
      put("/circuit-breaker/pay/votes/a", "{\"e\":0,\"calls\":20,\"failures\":14}");
      loop.advance(S / 20);
      delete("/circuit-breaker/pay/votes/a");
      loop.advance(S / 20);
    }
    assertThat(told.size()).as("in a minute").isBetween(1, 7);
    loop.advance(10 * S);
    assertThat(served.json()).as("in the end it says what is").isEmpty();
  }

  private static String epoch(int e, String phase) {
    return "{\"e\":" + e + ",\"phase\":\"" + phase + "\",\"attempt\":0,\"by\":\"a\",\"openMs\":1}";
  }
}
