package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Refusal;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OpeningTest {
  @Test
  void opensAtTheRatioItselfNotOnlyBeyondIt() {
    Rig r = new Rig(Rig.rule().build());
    r.good(8);
    r.bad(11);
    assertThat(r.state()).isEqualTo("closed");
    r.bad(1);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void aRatioOfOneTrips() {
    Rig r = new Rig(Rig.rule().failureRatio(1.0).build());
    r.bad(20);
    assertThat(r.state()).isEqualTo("open");
  }

  @ParameterizedTest
  @CsvSource({"0.07,100,7", "0.29,100,29", "0.57,100,57", "0.6,5,3", "0.1,10,1"})
  void aRatioMeansTheCallsItSays(double ratio, int calls, int failures) {
    Rig r = new Rig(Rig.rule().countWindow(calls).minCalls(calls).failureRatio(ratio).build());
    r.bad(failures);
    r.good(calls - failures - 1);
    assertThat(r.state()).isEqualTo("closed");
    r.good(1);
    assertThat(r.state()).as("the call that completes the minimum trips too").isEqualTo("open");

    Rig fewer = new Rig(Rig.rule().countWindow(calls).minCalls(calls).failureRatio(ratio).build());
    fewer.bad(failures - 1);
    fewer.good(calls - failures + 1);
    assertThat(fewer.state()).isEqualTo("closed");
  }

  @Test
  void fewerCallsThanTheMinimumNeverOpen() {
    Rig r = new Rig(Rig.rule().build());
    r.bad(19);
    assertThat(r.state()).isEqualTo("closed");
  }

  @Test
  void aMinimumBeyondTheWindowMeansAFullWindow() {
    Rig r = new Rig(Rig.rule().countWindow(10).minCalls(20).build());
    r.bad(10);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void theCountWindowForgetsWhatLeftIt() {
    Rig r = new Rig(Rig.rule().build());
    for (int i = 0; i < 10; i++) {
      r.good(11);
      r.bad(9);
    }
    assertThat(r.state()).isEqualTo("closed");
  }

  @Test
  void theTimeWindowSlides() {
    Rig r = new Rig(Rig.rule().timeWindow(10).minCalls(18).failureRatio(0.5).build());
    r.bad(9);
    r.pass(9.5);
    r.good(9); // 9 of 18
    assertThat(r.state()).isEqualTo("open");

    Rig later = new Rig(Rig.rule().timeWindow(10).minCalls(10).failureRatio(0.5).build());
    later.bad(9);
    later.pass(10);
    later.bad(9);
    assertThat(later.state()).as("the first nine are gone").isEqualTo("closed");
    later.bad(1);
    assertThat(later.state()).isEqualTo("open");
  }

  @Test
  void aClockThatStepsBackLosesNoOutcomes() {
    Rig r = new Rig(Rig.rule().timeWindow(10).minCalls(10).failureRatio(1).build());
    r.bad(5);
    r.pass(-3);
    r.bad(4);
    assertThat(r.state()).isEqualTo("closed");
    r.pass(3);
    r.bad(1);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void aClockThatStepsFarBackDoesNotStopTheWindow() {
    Rig r = new Rig(Rig.rule().timeWindow(10).minCalls(10).failureRatio(1).build());
    r.good(50);
    r.pass(-3600);
    r.bad(10);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void slowCallsOpenToo() {
    Rig r = new Rig(Rig.rule().slowCallNanos(Rig.SECOND).slowRatio(0.5).build());
    for (int i = 0; i < 20; i++) {
      var t = r.call();
      if (i >= 10) {
        r.pass(1);
      }
      t.endHttp(200, r.now);
    }
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void failuresInARowOpenAtOnce() {
    Rig r = new Rig(Rig.rule().consecutiveFailures(3).build());
    r.bad(2);
    r.good(1);
    r.bad(2);
    assertThat(r.state()).isEqualTo("closed");
    r.bad(1);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void aRefusedCallIsToldTheRestOfTheOpenTimeAndGetsTheRulesAnswer() {
    Rig r = new Rig(Rig.rule().id("r-1").build());
    r.open();
    r.pass(20.5);
    var t = r.refused();
    assertThat(t.retryAfterNanos()).isEqualTo((long) (39.5 * Rig.SECOND));
    assertThat(t.retryAfterSeconds()).isEqualTo(40);
    assertThat(t.refusal().kind()).isEqualTo(Refusal.Kind.BREAKER);
    assertThat(t.refusal().status()).isEqualTo(503);
    assertThat(t.refusal().ruleId()).isEqualTo("r-1");
    assertThat(r.refused().refusal()).as("built once").isSameAs(t.refusal());

    Rig own =
        new Rig(
            Rig.rule()
                .response(new RefusalResponse(599, Map.of("X-A", "b"), "gone", true))
                .build());
    own.open();
    assertThat(own.refused().refusal().status()).isEqualTo(599);
    assertThat(own.refused().refusal().body()).isEqualTo("gone");
    assertThat(own.refused().refusal().throwing()).isTrue();
  }

  @Test
  void theFirstRuleThatMatchesGoverns() {
    Rig r =
        new Rig(
            Rig.rule().id("pay").match(new PathIs("/pay")).build(), Rig.rule().id("rest").build());
    for (int i = 0; i < 20; i++) {
      r.call("/pay").endHttp(500, r.now);
    }
    assertThat(r.call("/pay")).isNull();
    assertThat(r.call("/list")).isNotNull();
    assertThat(r.breakers.all().get(0).state()).isEqualTo("open");
    assertThat(r.breakers.all().get(1).state()).isEqualTo("closed");
  }

  @Test
  void shadowRefusesNobodyAndCountsWhatItWouldHave() {
    Rig r = new Rig(Rig.rule().shadow(true).build());
    r.open();
    for (int i = 0; i < 5; i++) {
      assertThat(r.call()).isNotNull();
    }
    assertThat(r.breaker().refusedCount()).isEqualTo(5);
    r.pass(60);
    r.good(3);
    assertThat(r.state()).isEqualTo("closed");
  }

  @Test
  void anOperatorsHandOverridesEverythingUntilItIsTakenAway() {
    Rig r = new Rig(Rig.rule().force(CircuitBreakerRule.Force.CLOSED).build());
    r.bad(100);
    assertThat(r.state()).isEqualTo("forced-closed");
    r.rules(Rig.rule().force(CircuitBreakerRule.Force.OPEN).build());
    r.pass(1000);
    r.refused();
    assertThat(r.state()).isEqualTo("forced-open");
    r.rules(Rig.rule().build());
    assertThat(r.state()).isEqualTo("closed");
    assertThat(r.call()).isNotNull();
  }

  /** A match on the path. */
  record PathIs(String path) implements io.weir.engine.match.MatchExpression {
    @Override
    public <C> boolean test(io.weir.engine.call.AttributeSource<C> source, C call) {
      return path.equals(source.path(call));
    }
  }
}
