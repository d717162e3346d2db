package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.RateLimitRule;
import org.junit.jupiter.api.Test;

/** The law of the adaptive limit, window by window; what comes of it is {@link AdaptiveTest}'s. */
class GradientLimitTest {
  private static final long MS = 1_000_000L;
  private static final long S = 1_000_000_000L;
  private static final RateLimitRule.Adaptive RULE = new RateLimitRule.Adaptive(2, 20, 1.5);

  private GradientLimit gradient = new GradientLimit(RULE, 100, null, 0);

  private int window(long p50, int peak, long now) {
    return gradient.next(p50, 100, 0, peak, now);
  }

  /** Its first probe done: calls take 20 ms, which was last beyond doubt at 0. */
  private void learn() {
    assertThat(window(20 * MS, 20, 0)).isEqualTo(6);
    assertThat(window(20 * MS, 6, 0)).isEqualTo(20);
  }

  @Test
  void itStartsWhereTheRuleSaysWithinTheBounds() {
    assertThat(gradient.limit()).isEqualTo(20);
    assertThat(gradient.baseline()).isZero();
    assertThat(new GradientLimit(RULE, 10, null, 0).limit()).isEqualTo(10);
    assertThat(new GradientLimit(RULE, 1, null, 0).limit()).as("min above max").isEqualTo(1);
    assertThat(new GradientLimit(new RateLimitRule.Adaptive(30, 20, 1.5), 100, null, 0).limit())
        .isEqualTo(30);
  }

  @Test
  void aLimitIsUsedFromFourFifthsOn() {
    assertThat(window(20 * MS, 15, 0)).as("no probe, no growth").isEqualTo(20);
    assertThat(gradient.baseline()).isEqualTo(20 * MS);
    assertThat(window(20 * MS, 16, 0)).as("a probe").isEqualTo(6);
  }

  @Test
  void whileNobodyWaitsItDoublesAndASquareRootMore() {
    learn();
    assertThat(window(20 * MS, 20, 0)).isEqualTo(44); // 2 * 20 + sqrt(20)
    assertThat(window(22 * MS, 44, 0)).as("a tenth slower is nobody waiting").isEqualTo(95);
    assertThat(window(20 * MS, 95, 0)).as("the rule's bound").isEqualTo(100);
  }

  @Test
  void itFollowsTheRatioOfBaselineAndMedian() {
    learn();
    assertThat(window(23 * MS, 20, 0)).isEqualTo(30); // 20 * 1.5 * 20/23 + sqrt(20)
    assertThat(window(40 * MS, 30, 0)).isEqualTo(28); // 30.56 * 0.75 + sqrt(30.56)
    assertThat(window(1000 * MS, 28, 0)).as("at most halved").isEqualTo(19);
  }

  @Test
  void itGoesNoLowerThanTheRuleSays() {
    learn();
    for (int i = 0; i < 50; i++) {
      window(1000 * MS, 100, 0);
    }
    assertThat(gradient.limit()).isBetween(2, 4);
    for (int i = 0; i < 50; i++) {
      gradient.next(20 * MS, 10, 10, 100, 0);
    }
    assertThat(gradient.limit()).isEqualTo(2);
  }

  @Test
  void whatNobodyUsesNeitherGrowsNorFallsBelowTwiceWhatIsUsed() {
    learn();
    assertThat(window(20 * MS, 5, 0)).isEqualTo(20);
    assertThat(window(60 * MS, 7, 0)).as("20 * 0.5, but 7 are used").isEqualTo(14);
    assertThat(window(60 * MS, 2, 0)).isEqualTo(7);
  }

  @Test
  void aTenthOverloadedStopsGrowthAndHalfOfThemShrinksIt() {
    learn();
    assertThat(gradient.next(20 * MS, 100, 10, 20, 0)).isEqualTo(20);
    assertThat(gradient.next(20 * MS, 100, 99, 20, 0)).isEqualTo(20);
    assertThat(gradient.next(20 * MS, 100, 100, 20, 0)).isEqualTo(14);
    assertThat(gradient.next(20 * MS, 0, 30, 1, 0)).isEqualTo(9);
    assertThat(gradient.next(20 * MS, 100, 9, 9, 0)).as("grows again").isEqualTo(22);
  }

  @Test
  void overloadEndsAProbe() {
    assertThat(window(20 * MS, 20, 0)).isEqualTo(6);
    assertThat(gradient.next(20 * MS, 10, 10, 6, 0)).isEqualTo(14);
  }

  @Test
  void itProbesEveryHalfMinuteWhileItIsUsed() {
    learn();
    assertThat(window(40 * MS, 20, 30 * S - 1)).isEqualTo(19);
    assertThat(window(20 * MS, 2, 30 * S)).as("not used").isEqualTo(19);
    assertThat(window(20 * MS, 19, 30 * S)).isEqualTo(6);
    assertThat(window(20 * MS, 6, 31 * S)).isEqualTo(19);
    assertThat(window(40 * MS, 19, 61 * S - 1)).as("half a minute after that").isEqualTo(19);
    assertThat(window(40 * MS, 19, 61 * S)).isEqualTo(6);
  }

  @Test
  void aDoubtfulBaselineIsProbedAfterFiveSeconds() {
    learn();
    assertThat(window(61 * MS, 20, 5 * S - 1)).as("too early").isEqualTo(14);
    assertThat(window(60 * MS, 14, 5 * S)).as("not slow enough").isEqualTo(11);
    assertThat(window(61 * MS, 11, 5 * S)).isEqualTo(3);
  }

  @Test
  void callsThatAreSlowThoughNobodyUsesTheLimitAreProbedToo() {
    learn();
    assertThat(window(30 * MS, 2, 6 * S)).as("room is one").isEqualTo(20);
    assertThat(window(31 * MS, 2, 6 * S)).isEqualTo(6);
  }

  @Test
  void atTheLowerBoundItDoubtsTheBaselineSooner() {
    gradient = new GradientLimit(new RateLimitRule.Adaptive(20, 20, 1.5), 100, null, 0);
    learn();
    assertThat(window(31 * MS, 20, 6 * S)).as("probes far below the bound").isEqualTo(6);
  }

  @Test
  void aProbeThatSeesSomethingElseGoesDeeperUntilThatChangesNothing() {
    learn();
    assertThat(window(100 * MS, 20, 6 * S)).isEqualTo(6);
    assertThat(window(90 * MS, 6, 6 * S)).isEqualTo(2);
    assertThat(window(71 * MS, 2, 6 * S)).as("less than four fifths: deeper").isEqualTo(1);
    assertThat(window(70 * MS, 1, 7 * S)).isEqualTo(20);
    assertThat(gradient.baseline()).isEqualTo(70 * MS);
  }

  @Test
  void aProbeThatChangesNothingIsTheNewBaseline() {
    learn();
    assertThat(window(100 * MS, 20, 6 * S)).isEqualTo(6);
    assertThat(window(90 * MS, 6, 6 * S)).isEqualTo(2);
    assertThat(window(72 * MS, 2, 6 * S)).isEqualTo(20);
    assertThat(gradient.baseline()).isEqualTo(72 * MS);
    assertThat(window(109 * MS, 20, 11 * S - 1)).as("measured anew: not in doubt").isPositive();
  }

  @Test
  void atOneCallAtOnceThereIsNothingDeeper() {
    gradient = new GradientLimit(new RateLimitRule.Adaptive(1, 3, 1.5), 100, null, 0);
    assertThat(window(20 * MS, 3, 0)).isEqualTo(1);
    assertThat(window(90 * MS, 1, 0)).isEqualTo(3);
    assertThat(gradient.baseline()).isEqualTo(90 * MS);
  }

  @Test
  void withinATenthTheBaselineIsKnownAgain() {
    learn();
    assertThat(window(100 * MS, 20, 6 * S)).isEqualTo(6);
    assertThat(window(22 * MS, 6, 6 * S)).isEqualTo(20);
    assertThat(gradient.baseline()).isEqualTo(22 * MS);
    assertThat(window(200 * MS, 20, 12 * S)).isEqualTo(6);
    assertThat(window(25 * MS, 6, 12 * S)).as("more than a tenth off").isEqualTo(2);
  }

  @Test
  void theBaselineFollowsQuickerCallsByAQuarter() {
    learn();
    window(16 * MS, 2, 0);
    assertThat(gradient.baseline()).isEqualTo(19 * MS);
    window(19 * MS, 2, 0);
    window(30 * MS, 2, 0);
    assertThat(gradient.baseline()).isEqualTo(19 * MS);
  }

  @Test
  void anEditKeepsWhatWasLearnt() {
    learn();
    window(20 * MS, 20, 0);
    GradientLimit edited =
        new GradientLimit(new RateLimitRule.Adaptive(2, 10, 1.5), 40, gradient, 9 * S);
    assertThat(edited.limit()).isEqualTo(40);
    assertThat(edited.baseline()).isEqualTo(20 * MS);
    // and when: no probe is due at once
    assertThat(edited.next(20 * MS, 100, 0, 40, 9 * S)).isEqualTo(40);
  }

  @Test
  void callsThatTakeNoTimeAreNoDivisionByZero() {
    assertThat(window(0, 2, 0)).isBetween(2, 20);
  }
}
