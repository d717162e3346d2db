package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.CircuitBreakerRule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who may contradict another instance: who has calls enough, lately, and sees them end well. */
class TargetHealthTest {
  /** Windows by which the same calls are seen. */
  enum Kind {
    COUNT,
    TIME,
    SHORT_TIME;

    CircuitBreakerRule.Builder rule() {
      CircuitBreakerRule.Builder b = Rig.rule().minCalls(20).failureRatio(0.6);
      return this == COUNT ? b.countWindow(50) : b.timeWindow(this == TIME ? 30 : 2);
    }
  }

  private Rig rig;
  private TargetHealth sight;

  private void begin(CircuitBreakerRule rule) {
    rig = new Rig(rule);
    sight = new TargetHealth(rig.breaker());
  }

  /** Calls at that rate; every so-many-eth of them, from the first on, is bad, 0: none. */
  private void traffic(double seconds, double perSecond, int badOneOf) {
    int calls = (int) Math.round(seconds * perSecond);
    for (int i = 0; i < calls; i++) {
      if (badOneOf > 0 && i % badOneOf == 0) {
        rig.bad(1);
      } else {
        rig.good(1);
      }
      rig.pass(1 / perSecond);
      sight.look(rig.now);
    }
  }

  private boolean well() {
    return sight.well(false, rig.now);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void whoHasCallsEnoughAndSeesThemEndWellSeesWell(Kind kind) {
    begin(kind.rule().build());
    assertThat(well()).isFalse();
    traffic(3, 5, 0);
    assertThat(well()).as("15 calls").isFalse();
    traffic(2, 5, 0);
    assertThat(well()).as("25 calls").isTrue();
    assertThat(sight.calls()).isEqualTo(25);
    assertThat(sight.failures()).isZero();
    traffic(60, 3, 5);
    assertThat(well()).as("one of five fails").isTrue();
    assertThat(sight.calls()).isBetween(26L, 31L);
    assertThat(sight.failures()).isBetween(5L, 7L);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void callsOlderThanTenSecondsSayNothing(Kind kind) {
    begin(kind.rule().build());
    traffic(10, 100, 0);
    assertThat(well()).isTrue();
    for (int i = 0; i < 12; i++) {
      rig.pass(1);
      sight.look(rig.now);
    }
    assertThat(well()).isFalse();
    assertThat(sight.calls()).isZero();
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void halfOfWhatOpensIsNoClearSight(Kind kind) {
    begin(kind.rule().build());
    traffic(10, 10, 3);
    assertThat(well()).as("a third fails, 60 % would open").isFalse();
  }

  @Test
  void aTargetThatDiedASecondAgoIsNotSeenWellHoweverGoodItWas() {
    begin(Kind.TIME.rule().build());
    traffic(9, 5, 0);
    assertThat(well()).isTrue();
    traffic(1, 5, 1);
    assertThat(well()).as("5 of 50 calls failed, but the last ones").isFalse();
  }

  @Test
  void whatComesAfterTheVoteCountsByItself() {
    begin(Kind.TIME.rule().build());
    traffic(10, 50, 0);
    sight.mark(rig.now);
    assertThat(well()).as("nothing has come yet").isTrue();
    rig.bad(1);
    assertThat(well()).isFalse();
    rig.good(4);
    assertThat(well()).as("one of five").isTrue();
  }

  @Test
  void trafficAboutTheLimitDoesNotFlap() {
    begin(Kind.COUNT.rule().build());
    traffic(10, 2.5, 0);
    assertThat(sight.well(false, rig.now)).isTrue();
    traffic(10, 1.5, 0);
    assertThat(sight.well(false, rig.now)).isFalse();
    assertThat(sight.well(true, rig.now)).isTrue();
    traffic(10, 0.5, 0);
    assertThat(sight.well(true, rig.now)).isFalse();
  }

  @Test
  void onlyCallsOfThePresentEraCount() {
    begin(Kind.COUNT.rule().build());
    rig.breaker().imposeClosed(7, rig.now);
    traffic(5, 50, 0);
    assertThat(well()).isTrue();
    assertThat(sight.epoch()).isEqualTo(7);
    rig.breaker().imposeOpen(8, 0, rig.now, true, rig.now);
    assertThat(well()).isFalse();
    assertThat(sight.epoch()).isEqualTo(-1);
    rig.breaker().imposeClosed(9, rig.now);
    assertThat(well()).isFalse();
    assertThat(sight.calls()).isZero();
    traffic(1, 50, 0);
    assertThat(well()).isTrue();
    assertThat(sight.epoch()).isEqualTo(9);
  }

  @Test
  void slowCallsAndFailuresInARowCountWhereTheRuleMinds() {
    begin(
        Kind.COUNT
            .rule()
            .slowCallNanos(Rig.SECOND / 100)
            .slowRatio(0.5)
            .consecutiveFailures(4)
            .build());
    traffic(5, 50, 0);
    assertThat(well()).isTrue();
    rig.bad(2);
    assertThat(well()).as("two of four in a row").isFalse();
    rig.good(100);
    assertThat(well()).isTrue();
    for (int i = 0; i < 15; i++) {
      CallLedger t = rig.call();
      rig.pass(0.02);
      t.endHttp(200, rig.now);
    }
    assertThat(well()).as("15 of 50 are slow, 25 would open").isFalse();
  }

  @Test
  void anEditedRuleLosesNoSight() {
    begin(Kind.COUNT.rule().build());
    traffic(10, 50, 0);
    rig.rules(Kind.COUNT.rule().countWindow(20).build());
    sight = new TargetHealth(rig.breaker());
    traffic(10, 50, 0);
    rig.rules(Kind.COUNT.rule().countWindow(100).build());
    assertThat(well()).as("counting begins anew").isFalse();
    traffic(2, 50, 0);
    assertThat(well()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void failuresBeforeTheFirstLookCount(Kind kind) {
    begin(kind.rule().build());
    rig.bad(9);
    rig.good(21);
    rig.pass(0.5);
    sight.look(rig.now);
    assertThat(sight.calls()).isEqualTo(30);
    assertThat(sight.failures()).isEqualTo(9);
    assertThat(well()).as("30 % of calls fail, which is half of what opens").isFalse();
  }
}
