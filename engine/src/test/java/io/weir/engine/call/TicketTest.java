package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.instances.Instance;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TicketTest {
  private final List<String> told = new ArrayList<>();
  private final Ticket ticket = new Ticket();

  private class Told implements Ticket.Recorder {
    private final String name;

    Told(String name) {
      this.name = name;
    }

    @Override
    public void record(Ticket t, int outcome, Throwable thrown, long now) {
      told.add(name + " " + Outcome.describe(outcome) + " " + thrown + " " + now);
    }

    @Override
    public void abandon(Ticket t, long now) {
      told.add(name + " abandoned " + now);
    }
  }

  private Ticket.Slot slot(String name) {
    return (outcome, start, now) ->
        told.add(name + " " + Outcome.describe(outcome) + " " + start + " " + now);
  }

  private Ticket.Reservation bucket(String name) {
    return (cost, now) -> told.add(name + " " + cost + " " + now);
  }

  @BeforeEach
  void begin() {
    ticket.begin(5, new Told("gate"));
  }

  @Test
  void whoeverEndsItFirstWins() {
    ticket.permit(new Told("breaker"), 77);
    assertThat(ticket.breakerPermit()).isEqualTo(77);
    assertThat(ticket.breaker()).isNotNull();
    ticket.endHttp(200, 9);
    ticket.endHttp(500, 10);
    ticket.endGrpc(14, null, 11);
    ticket.endFailure(Failure.TIMEOUT, null, 12);
    ticket.abandon(13);
    assertThat(told).containsExactly("breaker HTTP 200 null 9", "gate HTTP 200 null 9");
  }

  @Test
  void itIsTimedWhenSomebodyGoesByHowLongItTakes() {
    assertThat(ticket.isTimed()).isFalse();
    ticket.permit(
        new Told("does not") {
          @Override
          public boolean times() {
            return false;
          }
        },
        1);
    assertThat(ticket.isTimed()).isFalse();
    ticket.permit(new Told("breaker"), 1);
    assertThat(ticket.isTimed()).isTrue();
    ticket.begin(5, null);
    assertThat(ticket.isTimed()).isFalse();
    ticket.holds(slot("place"));
    assertThat(ticket.isTimed()).isTrue();
    ticket.begin(5, null);
    ticket.measured(new LatencyRecorder(), 0);
    assertThat(ticket.isTimed()).isTrue();
  }

  @Test
  void everyWayToEndSaysWhatItKnows() {
    ticket.endGrpc(4, null, 6);
    ticket.begin(5, new Told("gate"));
    ticket.endGrpc(1, Failure.CANCELLED, new RuntimeException("x"), 7);
    ticket.begin(5, new Told("gate"));
    ticket.endFailure(Failure.CONNECT, new RuntimeException("y"), 8);
    assertThat(told)
        .containsExactly(
            "gate gRPC DEADLINE_EXCEEDED null 6",
            "gate gRPC CANCELLED, CANCELLED java.lang.RuntimeException: x 7",
            "gate CONNECT java.lang.RuntimeException: y 8");
  }

  @Test
  void anAbandonedCallGivesEverythingBackOnce() {
    ticket.permit(new Told("breaker"), 1);
    ticket.holds(slot("slot"));
    ticket.took(bucket("bucket"), 3);
    ticket.waitAtLeast(50);
    ticket.abandon(9);
    ticket.abandon(10);
    ticket.endHttp(200, 11);
    assertThat(told)
        .containsExactly(
            "slot unknown 5 9", "bucket 3 9", "breaker abandoned 9", "gate abandoned 9");
    assertThat(ticket.waitNanos()).isZero();
  }

  @Test
  void withoutBreakerAndGateItEndsAllTheSame() {
    ticket.begin(5, null);
    ticket.abandon(6);
    ticket.begin(5, null);
    ticket.endHttp(200, 7);
    assertThat(told).isEmpty();
  }

  @Test
  void theTokensOfAnyNumberOfRulesGoBackEachToItsOwn() {
    for (int i = 0; i < 9; i++) {
      ticket.took(bucket("b" + i), i + 1);
    }
    ticket.giveBackTokens(8);
    ticket.giveBackTokens(9);
    assertThat(told)
        .containsExactlyInAnyOrder(
            "b0 1 8", "b1 2 8", "b2 3 8", "b3 4 8", "b4 5 8", "b5 6 8", "b6 7 8", "b7 8 8",
            "b8 9 8");
  }

  @Test
  void thePlacesOfAnyNumberOfLimitsAreFreedOnce() {
    assertThat(ticket.holdsSlot()).isFalse();
    for (int i = 0; i < 9; i++) {
      ticket.holds(slot("s" + i));
    }
    assertThat(ticket.holdsSlot()).isTrue();
    ticket.endHttp(200, 8);
    ticket.abandon(9);
    ticket.giveBackTokens(9);
    told.remove("gate HTTP 200 null 8");
    assertThat(told)
        .containsExactlyInAnyOrder(
            "s0 HTTP 200 5 8",
            "s1 HTTP 200 5 8",
            "s2 HTTP 200 5 8",
            "s3 HTTP 200 5 8",
            "s4 HTTP 200 5 8",
            "s5 HTTP 200 5 8",
            "s6 HTTP 200 5 8",
            "s7 HTTP 200 5 8",
            "s8 HTTP 200 5 8");
    assertThat(ticket.holdsSlot()).isFalse();
  }

  @Test
  void thePlaceTakenLastCanBeLetGo() {
    ticket.holds(slot("a"));
    ticket.holds(slot("b"));
    ticket.holds(slot("c"));
    ticket.letGo(6);
    ticket.letGo(7);
    ticket.letGo(8);
    assertThat(told).containsExactly("c unknown 5 6", "b unknown 5 7", "a unknown 5 8");
    assertThat(ticket.holdsSlot()).isFalse();
    ticket.endHttp(200, 9);
    assertThat(told).hasSize(4);
  }

  @Test
  void aPacedCallIsTimedFromTheEndOfItsWait() {
    LatencyRecorder latency = new LatencyRecorder();
    ticket.measured(latency, CallTags.begun(false, "GET"));
    ticket.holds(slot("s"));
    ticket.started(1_000_000);
    assertThat(ticket.startNanos()).isEqualTo(1_000_000);
    ticket.endHttp(204, 3_000_000);
    assertThat(told).contains("s HTTP 204 1000000 3000000");
    latency.read(
        (kind, micros) -> {
          assertThat(CallTags.status(kind)).isEqualTo(204);
          assertThat(micros.getMaxValue()).isBetween(1990L, 2010L);
        });
    assertThat(latency.total().getTotalCount()).isOne();
  }

  @Test
  void theLongestWaitOfAllRulesCounts() {
    ticket.waitAtLeast(7);
    ticket.waitAtLeast(9);
    ticket.waitAtLeast(8);
    assertThat(ticket.waitNanos()).isEqualTo(9);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 0",
    "1, 1, 1",
    "999999, 1, 1",
    "1000000, 1, 1",
    "1000001, 1, 2",
    "999999999, 1, 1000",
    "1000000000, 1, 1000",
    "1000000001, 2, 1001",
    "5000000000, 5, 5000",
  })
  void theTimeToRetryIsRoundedUp(long nanos, long seconds, long millis) {
    assertThat(ticket.refuse(null, nanos)).isFalse();
    assertThat(ticket.retryAfterNanos()).isEqualTo(nanos);
    assertThat(ticket.retryAfterSeconds()).isEqualTo(seconds);
    assertThat(ticket.retryPushbackMillis()).isEqualTo(millis);
  }

  @Test
  void aTicketUsedAgainRemembersNothing() {
    Refusal refusal = Refusal.of(Refusal.Kind.ROUTE, "r", RefusalResponse.DEFAULT, null);
    Instance instance = new Instance("s", "h", 1, null, null, null, Map.of(), 100, null);
    assertThatThrownBy(ticket::refused).isInstanceOf(NullPointerException.class);
    ticket.refuse(refusal, 9);
    assertThat(ticket.refused()).isSameAs(refusal);
    ticket.waitAtLeast(9);
    ticket.routed(instance, "v1", 8, new String[] {"a", "b"});
    assertThat(ticket.arm()).isEqualTo("v1");
    assertThat(ticket.timeoutNanos()).isEqualTo(8);
    assertThat(ticket.headers()).containsExactly("a", "b");
    ticket.permit(new Told("old"), 3);
    ticket.took(bucket("old"), 1);
    ticket.took(bucket("old"), 1);
    ticket.holds(slot("old"));
    ticket.holds(slot("old"));
    ticket.measured(new LatencyRecorder(), 1);
    ticket.decision("d");
    ticket.endHttp(200, 9);
    told.clear();

    ticket.begin(6, null);
    assertThat(ticket.refusal()).isNull();
    assertThat(ticket.retryAfterNanos()).isZero();
    assertThat(ticket.waitNanos()).isZero();
    assertThat(ticket.instance()).isNull();
    assertThat(ticket.arm()).isNull();
    assertThat(ticket.timeoutNanos()).isZero();
    assertThat(ticket.headers()).isEmpty();
    assertThat(ticket.breaker()).isNull();
    assertThat(ticket.breakerPermit()).isZero();
    assertThat(ticket.decision()).isNull();
    assertThat(ticket.holdsSlot()).isFalse();
    assertThat(ticket.startNanos()).isEqualTo(6);
    ticket.giveBackTokens(7);
    ticket.endHttp(200, 8);
    assertThat(told).isEmpty();
  }

  @Test
  void aTicketBegunAnewWhileTheOldCallIsUnderWayHoldsNothingOfIt() {
    ticket.took(bucket("old"), 1);
    ticket.took(bucket("old"), 1);
    ticket.holds(slot("old"));
    ticket.holds(slot("old"));
    LatencyRecorder old = new LatencyRecorder();
    ticket.measured(old, 1);
    ticket.begin(6, null);
    ticket.endHttp(200, 7);
    assertThat(told).isEmpty();
    assertThat(old.total().getTotalCount()).isZero();
  }
}
