package io.weir.engine.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.call.Refusal;
import io.weir.engine.call.RefusalResponse;
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

class CallLedgerTest {
  private final List<String> told = new ArrayList<>();
  private final CallLedger ledger = new CallLedger();

  private class Told implements CallLedger.Recorder {
    private final String name;

    Told(String name) {
      this.name = name;
    }

    @Override
    public void record(CallLedger t, int outcome, Throwable thrown, long now) {
      told.add(name + " " + Outcome.describe(outcome) + " " + thrown + " " + now);
    }

    @Override
    public void abandon(CallLedger t, long now) {
      told.add(name + " abandoned " + now);
    }
  }

  private CallLedger.Slot slot(String name) {
    return (outcome, start, now) ->
        told.add(name + " " + Outcome.describe(outcome) + " " + start + " " + now);
  }

  private CallLedger.Reservation bucket(String name) {
    return (cost, now) -> told.add(name + " " + cost + " " + now);
  }

  @BeforeEach
  void begin() {
    ledger.begin(5, new Told("gate"));
  }

  @Test
  void whoeverEndsItFirstWins() {
    ledger.permit(new Told("breaker"), 77);
    assertThat(ledger.breakerPermit()).isEqualTo(77);
    assertThat(ledger.breaker()).isNotNull();
    ledger.endHttp(200, 9);
    ledger.endHttp(500, 10);
    ledger.endGrpc(14, null, 11);
    ledger.endFailure(Failure.TIMEOUT, null, 12);
    ledger.abandon(13);
    assertThat(told).containsExactly("breaker HTTP 200 null 9", "gate HTTP 200 null 9");
  }

  @Test
  void itIsTimedWhenSomebodyGoesByHowLongItTakes() {
    assertThat(ledger.isTimed()).isFalse();
    ledger.permit(
        new Told("does not") {
          @Override
          public boolean needsDuration() {
            return false;
          }
        },
        1);
    assertThat(ledger.isTimed()).isFalse();
    ledger.permit(new Told("breaker"), 1);
    assertThat(ledger.isTimed()).isTrue();
    ledger.begin(5, null);
    assertThat(ledger.isTimed()).isFalse();
    ledger.holds(slot("place"));
    assertThat(ledger.isTimed()).isTrue();
    ledger.begin(5, null);
    ledger.measured(new LatencyRecorder(), 0);
    assertThat(ledger.isTimed()).isTrue();
  }

  @Test
  void everyWayToEndSaysWhatItKnows() {
    ledger.endGrpc(4, null, 6);
    ledger.begin(5, new Told("gate"));
    ledger.endGrpc(1, Failure.CANCELLED, new RuntimeException("x"), 7);
    ledger.begin(5, new Told("gate"));
    ledger.endFailure(Failure.CONNECT, new RuntimeException("y"), 8);
    assertThat(told)
        .containsExactly(
            "gate gRPC DEADLINE_EXCEEDED null 6",
            "gate gRPC CANCELLED, CANCELLED java.lang.RuntimeException: x 7",
            "gate CONNECT java.lang.RuntimeException: y 8");
  }

  @Test
  void anAbandonedCallGivesEverythingBackOnce() {
    ledger.permit(new Told("breaker"), 1);
    ledger.holds(slot("slot"));
    ledger.took(bucket("bucket"), 3);
    ledger.waitAtLeast(50);
    ledger.abandon(9);
    ledger.abandon(10);
    ledger.endHttp(200, 11);
    assertThat(told)
        .containsExactly(
            "slot unknown 5 9", "bucket 3 9", "breaker abandoned 9", "gate abandoned 9");
    assertThat(ledger.waitNanos()).isZero();
  }

  @Test
  void withoutBreakerAndGateItEndsAllTheSame() {
    ledger.begin(5, null);
    ledger.abandon(6);
    ledger.begin(5, null);
    ledger.endHttp(200, 7);
    assertThat(told).isEmpty();
  }

  @Test
  void theTokensOfAnyNumberOfRulesGoBackEachToItsOwn() {
    for (int i = 0; i < 9; i++) {
      ledger.took(bucket("b" + i), i + 1);
    }
    ledger.giveBackTokens(8);
    ledger.giveBackTokens(9);
    assertThat(told)
        .containsExactlyInAnyOrder(
            "b0 1 8", "b1 2 8", "b2 3 8", "b3 4 8", "b4 5 8", "b5 6 8", "b6 7 8", "b7 8 8",
            "b8 9 8");
  }

  @Test
  void thePlacesOfAnyNumberOfLimitsAreFreedOnce() {
    assertThat(ledger.holdsSlot()).isFalse();
    for (int i = 0; i < 9; i++) {
      ledger.holds(slot("s" + i));
    }
    assertThat(ledger.holdsSlot()).isTrue();
    ledger.endHttp(200, 8);
    ledger.abandon(9);
    ledger.giveBackTokens(9);
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
    assertThat(ledger.holdsSlot()).isFalse();
  }

  @Test
  void thePlaceTakenLastCanBeLetGo() {
    ledger.holds(slot("a"));
    ledger.holds(slot("b"));
    ledger.holds(slot("c"));
    ledger.letGo(6);
    ledger.letGo(7);
    ledger.letGo(8);
    assertThat(told).containsExactly("c unknown 5 6", "b unknown 5 7", "a unknown 5 8");
    assertThat(ledger.holdsSlot()).isFalse();
    ledger.endHttp(200, 9);
    assertThat(told).hasSize(4);
  }

  @Test
  void aPacedCallIsTimedFromTheEndOfItsWait() {
    LatencyRecorder latency = new LatencyRecorder();
    ledger.measured(latency, CallTags.begun(false, "GET"));
    ledger.holds(slot("s"));
    ledger.started(1_000_000);
    assertThat(ledger.startNanos()).isEqualTo(1_000_000);
    ledger.endHttp(204, 3_000_000);
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
    ledger.waitAtLeast(7);
    ledger.waitAtLeast(9);
    ledger.waitAtLeast(8);
    assertThat(ledger.waitNanos()).isEqualTo(9);
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
    assertThat(ledger.refuse(null, nanos)).isFalse();
    assertThat(ledger.retryAfterNanos()).isEqualTo(nanos);
    assertThat(ledger.retryAfterSeconds()).isEqualTo(seconds);
    assertThat(ledger.retryPushbackMillis()).isEqualTo(millis);
  }

  @Test
  void aLedgerUsedAgainRemembersNothing() {
    Refusal refusal = Refusal.of(Refusal.Kind.ROUTE, "r", RefusalResponse.DEFAULT, null);
    Instance instance = new Instance("s", "h", 1, null, null, null, Map.of(), 100, null);
    assertThatThrownBy(ledger::refused).isInstanceOf(NullPointerException.class);
    ledger.refuse(refusal, 9);
    assertThat(ledger.refused()).isSameAs(refusal);
    ledger.waitAtLeast(9);
    ledger.routed(instance, "v1", 8, new String[] {"a", "b"});
    assertThat(ledger.arm()).isEqualTo("v1");
    assertThat(ledger.timeoutNanos()).isEqualTo(8);
    assertThat(ledger.headers()).containsExactly("a", "b");
    ledger.permit(new Told("old"), 3);
    ledger.took(bucket("old"), 1);
    ledger.took(bucket("old"), 1);
    ledger.holds(slot("old"));
    ledger.holds(slot("old"));
    ledger.measured(new LatencyRecorder(), 1);
    ledger.named("d");
    ledger.endHttp(200, 9);
    told.clear();

    ledger.begin(6, null);
    assertThat(ledger.refusal()).isNull();
    assertThat(ledger.retryAfterNanos()).isZero();
    assertThat(ledger.waitNanos()).isZero();
    assertThat(ledger.instance()).isNull();
    assertThat(ledger.arm()).isNull();
    assertThat(ledger.timeoutNanos()).isZero();
    assertThat(ledger.headers()).isEmpty();
    assertThat(ledger.breaker()).isNull();
    assertThat(ledger.breakerPermit()).isZero();
    assertThat(ledger.id()).isNull();
    assertThat(ledger.holdsSlot()).isFalse();
    assertThat(ledger.startNanos()).isEqualTo(6);
    ledger.giveBackTokens(7);
    ledger.endHttp(200, 8);
    assertThat(told).isEmpty();
  }

  @Test
  void aLedgerBegunAnewWhileTheOldCallIsUnderWayHoldsNothingOfIt() {
    ledger.took(bucket("old"), 1);
    ledger.took(bucket("old"), 1);
    ledger.holds(slot("old"));
    ledger.holds(slot("old"));
    LatencyRecorder old = new LatencyRecorder();
    ledger.measured(old, 1);
    ledger.begin(6, null);
    ledger.endHttp(200, 7);
    assertThat(told).isEmpty();
    assertThat(old.total().getTotalCount()).isZero();
  }
}
