package io.weir.engine.breaker;

import static io.weir.engine.breaker.Rig.SECOND;
import static io.weir.engine.breaker.Rig.rule;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.measure.CallTags;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a breaker tells: its counts, its state, and to the fleet what it saw. */
class CircuitBreakerTest {
  private final List<String> told = new ArrayList<>();
  private final FleetLink link =
      new FleetLink() {
        @Override
        public void tripped(CircuitBreaker b, long epoch, long calls, long failures, long age) {
          told.add("tripped " + epoch + " " + calls + " " + failures + " " + age);
        }

        @Override
        public void recovered(CircuitBreaker b) {
          told.add("recovered");
        }

        @Override
        public void wanted(CircuitBreaker b) {
          told.add("wanted");
        }

        @Override
        public void probing(CircuitBreaker b, int outstanding) {
          told.add("probing " + outstanding);
        }

        @Override
        public void probed(CircuitBreaker b, long fence, boolean good) {
          told.add("probed " + fence + " " + good);
        }
      };

  private Rig linked(CircuitBreakerRule.Builder rule) {
    Rig r = new Rig(rule.build());
    r.breaker().link(link);
    return r;
  }

  @Test
  void everyOutcomeIsCountedOnce() {
    Rig r = new Rig(rule().build());
    CircuitBreaker b = r.breaker();
    CallLedger late = r.call();
    CallLedger cancelled = r.call();
    r.good(3);
    cancelled.endFailure(io.weir.engine.outcome.Failure.CANCELLED, null, r.now);
    r.bad(17);
    r.refused();
    r.refused();
    late.endHttp(503, r.now);
    assertThat(b.failedCount()).isEqualTo(18);
    assertThat(b.ignoredCount()).isEqualTo(1);
    assertThat(b.refusedCount()).isEqualTo(2);
    assertThat(b.lateCount()).isEqualTo(1);
    assertThat(b.openedCount()).isEqualTo(1);
    r.pass(60);
    r.bad(1);
    assertThat(b.openedCount()).isEqualTo(2);
    assertThat(b.target()).isEqualTo("order");
    assertThat(b.id()).isEqualTo("default");
    assertThat(b).hasToString("order/default open");
  }

  @Test
  void measurersSeeTheStateInForce() {
    Rig r = new Rig(rule().build());
    CircuitBreaker b = r.breaker();
    assertThat(b.circuit()).isEqualTo(CallTags.CLOSED);
    assertThat(r.call().breaker().circuit()).isEqualTo(CallTags.CLOSED);
    r.open();
    assertThat(b.circuit()).isEqualTo(CallTags.OPEN);
    b.force(CircuitBreakerRule.Force.CLOSED);
    assertThat(b.circuit()).isEqualTo(CallTags.CLOSED);
    assertThat(b.state()).isEqualTo("forced-closed");
    b.force(CircuitBreakerRule.Force.NONE);
    r.pass(60);
    assertThat(r.call().breaker().circuit()).isEqualTo(CallTags.HALF_OPEN);
    r.rules(rule().force(CircuitBreakerRule.Force.OPEN).build());
    b.force(CircuitBreakerRule.Force.CLOSED);
    assertThat(b.circuit()).as("the rule's own goes before").isEqualTo(CallTags.OPEN);
    assertThat(b.state()).isEqualTo("forced-open");
    r.refused();
  }

  @Test
  void onlyWhileItIsOpenIsThereATimeToRetry() {
    Rig r = new Rig(rule().probeSuccesses(1).build());
    assertThat(r.breaker().retryAfter(r.now)).isZero();
    r.open();
    assertThat(r.breaker().retryAfter(r.now)).isEqualTo(60 * SECOND);
    assertThat(r.breaker().retryAfter(r.now + 61 * SECOND)).isZero();
    r.pass(60);
    assertThat(r.call()).isNotNull();
    assertThat(r.refused().retryAfterNanos()).as("half-open").isZero();
  }

  @Test
  void theFleetIsToldWhatTheWindowHeldAndHowOldItMayBe() {
    Rig r = linked(rule());
    r.breaker().imposeClosed(4, r.now);
    r.good(8);
    r.pass(2);
    r.bad(12);
    assertThat(told).containsExactly("tripped 4 20 12 2000000000");

    told.clear();
    Rig t = linked(rule().timeWindow(10).minCalls(5));
    t.pass(30);
    t.bad(5);
    assertThat(told).as("no older than the window").containsExactly("tripped -1 5 5 10000000000");

    told.clear();
    Rig young = linked(rule().timeWindow(10).minCalls(5));
    young.pass(3);
    young.bad(5);
    assertThat(told).containsExactly("tripped -1 5 5 3000000000");
  }

  @Test
  void slowCallsAreEvidenceLikeFailures() {
    Rig r = linked(rule().countWindow(10).minCalls(10).slowCallNanos(5).slowRatio(0.5));
    r.bad(1);
    for (int i = 0; i < 9; i++) {
      CallLedger t = r.call();
      r.now += i < 4 ? 4 : 5;
      t.endHttp(200, r.now);
    }
    assertThat(r.state()).isEqualTo("open");
    assertThat(told).hasSize(1).first().asString().startsWith("tripped -1 10 5 ");
  }

  @Test
  void anInstanceOnItsOwnTellsThatItsProbeWasBadAndThatItRecovered() {
    Rig r = linked(rule());
    r.bad(20);
    told.clear();
    r.pass(60);
    CallLedger probe = r.call();
    r.pass(1);
    probe.endHttp(503, r.now);
    assertThat(told).containsExactly("tripped -1 1 1 1000000000");
    told.clear();
    r.pass(200);
    r.good(3);
    assertThat(told).containsExactly("recovered");
    r.breaker().link(null);
    r.bad(20);
    assertThat(told).as("nobody is linked").containsExactly("recovered");
  }

  @Test
  void aProberTellsHowManyProbesAreOut() {
    Rig r = linked(rule());
    r.breaker().imposeProber(5, 1, 77, r.now);
    assertThat(r.breaker().epoch()).isEqualTo(5);
    CallLedger a = r.call();
    CallLedger b = r.call();
    a.endHttp(200, r.now);
    b.endHttp(200, r.now);
    CallLedger c = r.call();
    c.endHttp(503, r.now);
    assertThat(told)
        .containsExactly(
            "probing 1", "probing 2", "probing 1", "probing 0", "probing 1", "probed 77 false");
    // its attempt is the fleet's: the second in a row lasts four times as long, give or take
    assertThat(r.breaker().retryAfter(r.now)).isBetween(216 * SECOND, 264 * SECOND);
    assertThat(r.breaker().openedCount()).isEqualTo(1);
  }

  @Test
  void whoWaitsForAnotherInstancesProbesTellsThatItHasTraffic() {
    Rig r = linked(rule());
    r.breaker().imposeWaiting(5, 0, r.now);
    r.refused();
    assertThat(told).containsExactly("wanted");
    r.breaker().imposeOpen(6, 0, r.now + SECOND, true, r.now);
    r.refused();
    assertThat(told).as("not before the time is over").hasSize(1);
    r.pass(1);
    r.refused();
    assertThat(told).containsExactly("wanted", "wanted");
    assertThat(r.breaker().openedCount()).as("it did not pass before").isZero();
    r.breaker().imposeClosed(7, r.now);
    r.breaker().imposeOpen(8, 0, r.now + SECOND, true, r.now);
    assertThat(r.breaker().openedCount()).isEqualTo(1);
  }

  @Test
  void afterAClosingByTheFleetTrafficRisesOnlyWhereItHadStopped() {
    Rig r = new Rig(rule().rampNanos(10 * SECOND).build());
    r.breaker().imposeClosed(1, r.now);
    r.good(100); // never was open: no ramp
    r.breaker().imposeOpen(1, 0, r.now, true, r.now);
    r.breaker().imposeClosed(2, r.now);
    int passed = 0;
    for (int i = 0; i < 1000; i++) {
      CallLedger t = r.call();
      if (t != null) {
        passed++;
        t.endHttp(200, r.now);
      }
    }
    assertThat(passed).as("a tenth").isBetween(50, 150);
    r.pass(5);
    passed = 0;
    for (int i = 0; i < 1000; i++) {
      passed += r.call() == null ? 0 : 1;
    }
    assertThat(passed).as("more than half").isBetween(480, 620);
    r.pass(5);
    r.good(100);
  }

  @Test
  void aMatchThatGovernsNothingLetsEverythingPass() {
    Rig r =
        new Rig(
            rule()
                .match(new OpeningTest.PathIs("/pay"))
                .force(CircuitBreakerRule.Force.OPEN)
                .build());
    assertThat(r.call("/other")).isNotNull();
    assertThat(r.call("/pay")).isNull();
    assertThat(CircuitBreakers.build("order", null, List.of(), 0)).isNull();
  }

  @Test
  void aFirstOpenTimeIsTheRulesAndALaterOneDoublesUpToItsMaximum() {
    CircuitBreaker b = new CircuitBreaker("t", rule().build(), () -> 0.5, 0);
    CircuitBreakerRule r = rule().openNanos(100).maxOpenNanos(1000).build();
    assertThat(b.openNanos(r, 0)).isEqualTo(100);
    assertThat(b.openNanos(r, 1)).isEqualTo(200);
    assertThat(b.openNanos(r, 3)).isEqualTo(800);
    assertThat(b.openNanos(r, 4)).isEqualTo(1000);
    assertThat(b.openNanos(r, 5000)).isEqualTo(1000);
    CircuitBreakerRule shortest = rule().openNanos(100).maxOpenNanos(10).build();
    assertThat(b.openNanos(shortest, 3)).as("a maximum below the first").isEqualTo(100);
    assertThat(new CircuitBreaker("t", r, () -> 0, 0).openNanos(r, 1)).isEqualTo(180);
    assertThat(new CircuitBreaker("t", r, () -> 1, 0).openNanos(r, 1)).isEqualTo(220);
    assertThat(new CircuitBreaker("t", r, () -> 1, 0).openNanos(r, 4))
        .as("jitter included")
        .isEqualTo(1000);
  }

  @Test
  void aSlowProbeIsSlowFromTheTimeTheRuleSays() {
    Rig r = new Rig(rule().slowCallNanos(10).probeSuccesses(1).build());
    r.open();
    r.pass(60);
    CallLedger quick = r.call();
    quick.endHttp(200, r.now + 9);
    assertThat(r.state()).isEqualTo("closed");
    r.open();
    r.pass(60);
    CallLedger slow = r.call();
    slow.endHttp(200, r.now + 10);
    assertThat(r.state()).isEqualTo("open");
  }
}
