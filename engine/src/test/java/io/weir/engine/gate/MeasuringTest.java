package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.engine.call.Failure;
import io.weir.engine.call.Ticket;
import io.weir.engine.measure.Kind;
import io.weir.engine.measure.Latencies;
import io.weir.engine.measure.Latency;
import io.weir.engine.rules.BreakerRule;
import io.weir.engine.rules.LimitRule;
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
  private final Engine engine = new Engine("shop", () -> now);
  private final Ticket ticket = new Ticket();

  @Test
  void nothingIsMeasuredUntilSomebodyAsks() {
    assertThat(engine.latencies()).isNull();
    assertThat(engine.governsInbound()).isFalse();
    assertThat(engine.plan("payment")).isNull();
  }

  @Test
  void callsWithoutRulesAreMeasuredToo() {
    Latencies measured = engine.measure();
    assertThat(engine.measure()).isSameAs(measured);
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
    Latencies measured = engine.measure();
    engine.apply(
        new RuleBook.Builder()
            .add(LimitRule.builder().service("shop").qps(0.001).burst(2).build())
            .add(
                BreakerRule.builder()
                    .service("payment")
                    .countWindow(1)
                    .minCalls(1)
                    .openNanos(1_000_000_000L)
                    .build())
            .build());
    inbound(1, 200);
    inbound(1, 404);
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ticket)).isFalse();
    assertThat(kinds(measured.server()))
        .containsExactly(
            "GET 200 null null false", "GET 404 null null false", "GET 429 null null true");

    ServicePlan plan = engine.plan("payment");
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ticket)).isTrue();
    ticket.endFailure(Failure.TIMEOUT, null, now);
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ticket)).isFalse();
    now += 1001 * MILLI;
    assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ticket)).isTrue();
    ticket.endFailure(Failure.CANCELLED, null, now);
    assertThat(kinds(measured.target("payment")))
        .containsExactly(
            "GET 0 timeout closed false",
            "GET 503 503 open false",
            "GET 0 cancelled half-open false");
  }

  @Test
  void whatCallersMakeUpDoesNotExhaustMemory() {
    Latencies measured = engine.measure();
    for (int i = 0; i < 5000; i++) {
      ServicePlan p = engine.plan("host-" + i);
      if (p != null) {
        engine.outbound(p, Fixed.SOURCE, CALL, ticket);
        ticket.endHttp(200, now);
      }
      measured.target("other-" + i).record(Kind.ended(Kind.begun(false, "GET"), 200, -1, -1), 1);
      inbound(1, 100 + i);
      inbound(1, -5);
    }
    assertThat(measured.targets()).hasSizeLessThanOrEqualTo(Latencies.MAX_TARGETS + 1);
    assertThat(kinds(measured.server())).hasSizeLessThanOrEqualTo(13);
    assertThat(measured.server().total().getTotalCount()).as("none is lost").isEqualTo(10_000);
  }

  @Tag("no-mutation")
  @Test
  void measuringAllocatesNothingPerCall() {
    engine.measure();
    engine.apply(
        new RuleBook.Builder()
            .add(LimitRule.builder().service("shop").qps(1e6).burst(1000).build())
            .build());
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    ServicePlan plan = engine.plan("payment");
    long bytes = 0;
    int calls = 20_000;
    for (int round = 0; round < 3; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < calls; i++) {
        engine.inbound(Fixed.SOURCE, CALL, ticket);
        now += 1000;
        ticket.endHttp(200, now);
        engine.outbound(plan, Fixed.SOURCE, CALL, ticket);
        now += 2000;
        ticket.endGrpc(14, null, now);
      }
      bytes = threads.getThreadAllocatedBytes(id) - before;
    }
    assertThat(bytes).as("bytes in %d calls", calls).isLessThan(calls);
  }

  @Test
  void quantilesAreRightToOnePercent() {
    Latency l = engine.measure().server();
    for (int i = 1; i <= 10_000; i++) {
      l.record(Kind.ended(Kind.begun(true, null), -1, 0, -1), i * 100_000L);
    }
    Histogram h = l.total();
    assertThat(h.getValueAtPercentile(50)).isBetween(495_000L, 505_000L);
    assertThat(h.getValueAtPercentile(99)).isBetween(980_000L, 1_000_000L);
    l.record(Kind.ended(Kind.begun(true, null), -1, 0, -1), 3600_000 * MILLI);
    assertThat(l.total().getMaxValue())
        .as("an hour counts as a minute")
        .isBetween(59_000_000L, 60_500_000L);
  }

  private void inbound(long millis, int status) {
    assertThat(engine.inbound(Fixed.SOURCE, CALL, ticket)).isTrue();
    now += millis * MILLI;
    ticket.endHttp(Math.max(status, 0), now);
  }

  private void outbound(String target, long millis, int status) {
    assertThat(engine.outbound(engine.plan(target), Fixed.SOURCE, CALL, ticket)).isTrue();
    now += millis * MILLI;
    ticket.endHttp(status, now);
  }

  private static List<String> kinds(Latency l) {
    List<String> all = new ArrayList<>();
    l.read(
        (k, micros) ->
            all.add(
                Kind.method(k)
                    + " "
                    + Kind.status(k)
                    + " "
                    + Kind.error(k)
                    + " "
                    + Kind.circuit(k)
                    + " "
                    + Kind.exceeded(k)));
    return all;
  }
}
