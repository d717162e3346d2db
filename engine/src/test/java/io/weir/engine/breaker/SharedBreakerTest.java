package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A breaker in the roles the fleet gives it. */
class SharedBreakerTest {
  private final List<String> told = new ArrayList<>();
  private final Rig r = new Rig(Rig.rule().build());

  @BeforeEach
  void link() {
    r.breaker()
        .link(
            new FleetLink() {
              @Override
              public void tripped(
                  CircuitBreaker b, long epoch, long calls, long failures, long age) {
                told.add("tripped in " + epoch + ": " + failures + "/" + calls);
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
                told.add((good ? "good under " : "bad under ") + fence);
              }
            });
    r.breaker().imposeClosed(4, r.now);
  }

  @Test
  void itOpensForItselfAtOnceAndTellsUnderWhichEpochItGatheredItsEvidence() {
    r.bad(20);
    r.refused();
    assertThat(told).containsExactly("tripped in 4: 20/20");
  }

  @Test
  void aClosingByTheFleetStartsWithAnEmptyWindow() {
    r.bad(19);
    r.breaker().imposeClosed(6, r.now);
    r.bad(19);
    assertThat(r.state()).isEqualTo("closed");
    r.bad(1);
    assertThat(told).containsExactly("tripped in 6: 20/20");
  }

  @Test
  void aSharedOpenTimeIsEndedByTheFleetOnly() {
    r.breaker().imposeOpen(5, 0, r.now + 60 * Rig.SECOND, true, r.now);
    r.pass(61);
    r.refused();
    assertThat(told).containsExactly("wanted");
    assertThat(r.state()).isEqualTo("open");
    r.breaker().imposeWaiting(5, 0, r.now);
    r.refused();
    assertThat(r.state()).isEqualTo("half-open");
  }

  @Test
  void theProberReportsItsThirdGoodProbeAndWaitsForTheFleetToClose() {
    r.breaker().imposeProber(5, 0, 77, r.now);
    r.good(3);
    assertThat(told).endsWith("good under 77");
    r.refused();
    assertThat(r.state()).isEqualTo("half-open");
    r.breaker().imposeClosed(6, r.now);
    assertThat(r.call()).isNotNull();
  }

  @Test
  void aBadProbeOpensAtOnceAndIsReported() {
    r.breaker().imposeProber(5, 0, 77, r.now);
    r.bad(1);
    assertThat(told).endsWith("bad under 77");
    r.refused();
  }

  @Test
  void resultsOfAnEarlierRoleSayNothingAboutALaterOne() {
    r.breaker().imposeProber(5, 0, 77, r.now);
    CallLedger stale = r.call();
    r.breaker().imposeWaiting(5, 0, r.now);
    r.breaker().imposeProber(5, 0, 78, r.now);
    stale.endHttp(503, r.now);
    assertThat(r.state()).isEqualTo("half-open");
    r.good(3);
    assertThat(told).endsWith("good under 78").doesNotContain("bad under 77", "bad under 78");
  }

  @Test
  void onItsOwnItProbesForItself() {
    r.breaker().imposeOpen(5, 0, r.now + Rig.SECOND, false, r.now);
    r.pass(1);
    r.good(3);
    assertThat(r.state()).isEqualTo("closed");
    assertThat(told).containsExactly("recovered");
  }

  @Test
  void whatOpenedBeforeAnyEpochWasKnownStaysOpenWhenTheFleetIsClosed() {
    Rig early = new Rig(Rig.rule().build());
    early.open();
    early.breaker().imposeClosed(8, early.now);
    early.refused();
  }

  @Test
  void theFleetsHandOverridesAndLeavesNothingBehind() {
    r.breaker().force(Force.OPEN);
    r.refused();
    r.breaker().force(Force.NONE);
    assertThat(r.call()).isNotNull();
    r.breaker().force(Force.OPEN);
    r.breaker().link(null);
    assertThat(r.state()).isEqualTo("closed");
  }
}
