package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Blue/green is one put: it shows at once, and no call sees half of it. */
class SwitchTest {
  private static RuleBook book(long revision, String version, List<Instance> instances) {
    RuleBook.Builder book = new RuleBook.Builder().revision(revision);
    instances.forEach(book::instance);
    RouteRule.Route route =
        new RouteRule.Route(
            MatchExpression.ALWAYS,
            null,
            List.of(arm(version, 1)),
            null,
            RouteRule.Fallback.NONE,
            Map.of("X-Version", version),
            0);
    return book.add(RouteRule.builder().id("r").service("payment").routes(List.of(route)).build())
        .build();
  }

  @Tag("no-mutation")
  @Test
  void underLoadNoCallSeesAMixAndNoneFails() throws Exception {
    Service s = new Service().with(3, "blue").with(3, "green");
    Engine engine = new Engine(EngineOptions.of("cart", Ticker.SYSTEM));
    engine.apply(book(1, "blue", s.instances));
    AtomicBoolean stop = new AtomicBoolean();
    CountDownLatch warm = new CountDownLatch(2);
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      List<Future<long[]>> callers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        callers.add(pool.submit(() -> call(engine, stop, warm)));
      }
      warm.await();
      for (int revision = 2; revision < 3000; revision++) {
        engine.apply(book(revision, revision % 2 == 0 ? "green" : "blue", s.instances));
      }
      engine.apply(book(3000, "green", s.instances));
      CallLedger after = new CallLedger();
      engine.outbound(engine.plan("payment"), Request.SOURCE, Request.of(), after);
      assertThat(after.instance().version()).isEqualTo("green");
      after.endHttp(200, engine.now());
      stop.set(true);
      long blue = 0;
      for (Future<long[]> f : callers) {
        blue += f.get()[0];
      }
      assertThat(blue).isGreaterThanOrEqualTo(2000);
    } finally {
      stop.set(true);
      pool.shutdownNow();
    }
    assertThat(s.instances).allMatch(i -> i.inFlight() == 0);
  }

  private static long[] call(Engine engine, AtomicBoolean stop, CountDownLatch warm) {
    long[] count = new long[2];
    CallLedger t = new CallLedger();
    while (!stop.get()) {
      if (!engine.outbound(engine.plan("payment"), Request.SOURCE, Request.of(), t)) {
        throw new AssertionError("refused");
      }
      String version = t.instance().version();
      if (!version.equals(t.arm()) || !version.equals(t.headers()[1])) {
        throw new AssertionError(version + " of arm " + t.arm() + ", " + t.headers()[1]);
      }
      count[version.equals("blue") ? 0 : 1]++;
      t.endHttp(200, engine.now());
      if (count[0] == 1000 && count[1] == 0) {
        warm.countDown();
      }
    }
    return count;
  }
}
