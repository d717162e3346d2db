package io.weir.engine.limit;

import static io.weir.engine.limit.Station.MS;
import static io.weir.engine.limit.Station.S;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The closed loop against a model of a service, on a clock of its own. */
class RateControllerTest {
  private static final double TARGET = 400;

  private final List<Long> took = new ArrayList<>();
  private final List<Long> lastSecond = new ArrayList<>();
  private final List<Double> steps = new ArrayList<>();
  private RateLimiters limits;
  private Station station;
  private RateController tuner;

  /** So late in the next second capacity goes. */
  private long lateNanos;

  private int workersThen = 10;

  private RateLimiters.Running rule() {
    return limits.running().get(0);
  }

  /** Ten workers of 100 ms: a hundred calls a second, and a p99 of 400 ms wanted. */
  private void start(double qps) {
    RateLimitRule.Auto auto = new RateLimitRule.Auto(RateLimitRule.Metric.P99, TARGET, 5, 1000);
    limits = Calls.limits(0, RateLimitRule.builder().qps(qps).burst(5).auto(auto).build());
    station = new Station(limits, 10, Station.around(100 * MS), took::add);
    tuner = new RateController(auto);
  }

  private static double p99(List<Long> nanos) {
    List<Long> sorted = new ArrayList<>(nanos);
    Collections.sort(sorted);
    return sorted.get((int) Math.ceil(sorted.size() * 0.99) - 1) / 1e6;
  }

  /** Runs so many seconds, one step each; every call's time, in order. */
  private List<Long> seconds(int n) {
    List<Long> all = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      took.clear();
      long refused = station.refused;
      long admitted = station.admitted;
      station.run(lateNanos);
      station.workers = workersThen;
      station.run(S - lateNanos);
      all.addAll(took);
      if (took.size() >= 20) {
        boolean used = station.refused > refused;
        List<Long> two = new ArrayList<>(lastSecond);
        two.addAll(took);
        double next =
            tuner.next(rule().qps(), p99(two), station.admitted - admitted, took.size(), used);
        if (next != rule().qps()) {
          steps.add(next);
          rule().retune(next, station.now);
        }
      }
      lastSecond.clear();
      lastSecond.addAll(took);
    }
    return all;
  }

  /** Changes of direction among steps that were worth a tenth. */
  private static int swings(List<Double> qps) {
    int swings = 0;
    double turn = qps.get(0);
    int direction = 0;
    double extreme = turn;
    for (double q : qps) {
      if (direction >= 0 && q > extreme || direction <= 0 && q < extreme) {
        if (direction == 0 && Math.abs(q / extreme - 1) < 0.1) {
          continue;
        }
        direction = direction == 0 ? (q > extreme ? 1 : -1) : direction;
        extreme = q;
      } else if (direction != 0 && Math.abs(q / extreme - 1) >= 0.1) {
        swings++;
        direction = -direction;
        extreme = q;
      }
    }
    return swings;
  }

  @Tag("no-mutation")
  @Test
  void twiceTheLoadIsHeldAtTheTarget() {
    start(200);
    station.offered = 50;
    seconds(10);
    station.offered = 200;
    seconds(30);
    List<Long> held = seconds(30);
    assertThat(p99(held)).isBetween(0.8 * TARGET, 1.2 * TARGET);
    assertThat(held.size() / 30.0).isGreaterThan(95);
    assertThat(swings(steps)).isLessThanOrEqualTo(2);
  }

  @Tag("no-mutation")
  @Test
  void halfTheCapacityGoneIsHeldToo() {
    start(100);
    station.offered = 200;
    seconds(40);
    steps.clear();
    workersThen = 5;
    seconds(30);
    List<Long> held = seconds(30);
    assertThat(p99(held)).isBetween(0.8 * TARGET, 1.2 * TARGET);
    assertThat(swings(steps)).isLessThanOrEqualTo(2);
    steps.clear();
    workersThen = 10;
    seconds(40);
    held = seconds(30);
    assertThat(p99(held)).isBetween(0.8 * TARGET, 1.2 * TARGET);
    assertThat(held.size() / 30.0).isGreaterThan(95);
    assertThat(swings(steps)).isLessThanOrEqualTo(2);
  }

  /** Steps come once a second, losses at any instant. */
  @Test
  void itDoesNotMatterWhenInASecondCapacityGoes() {
    for (int millis = 0; millis < 1000; millis += 50) {
      start(100);
      lastSecond.clear();
      station.offered = 200;
      workersThen = 10;
      seconds(40);
      steps.clear();
      lateNanos = millis * MS;
      workersThen = 5;
      seconds(20);
      List<Long> held = seconds(20);
      assertThat(p99(held)).as("after %d ms", millis).isBetween(0.8 * TARGET, 1.2 * TARGET);
      assertThat(swings(steps)).as("after %d ms: %s", millis, steps).isLessThanOrEqualTo(1);
    }
  }

  /** On a machine that stands still now and then, fewer come than the rate would let in. */
  @Test
  void callsThatDoNotComeDoNotLowerTheRate() {
    RateLimitRule.Auto auto = new RateLimitRule.Auto(RateLimitRule.Metric.P99, TARGET, 5, 1000);
    RateController t = new RateController(auto);
    double qps = 50;
    for (int i = 0; i < 50; i++) {
      qps = t.next(qps, 270, 26, 26, true);
      assertThat(qps).isGreaterThanOrEqualTo(50);
    }
  }

  /** An even share of the calls that come above a hundred a second fails. */
  private static double errors(double qps) {
    return Math.max(0, (qps - 100) / qps);
  }

  @Test
  void anErrorRatioIsCreptUpToAndNotRunInto() {
    RateLimitRule.Auto auto =
        new RateLimitRule.Auto(RateLimitRule.Metric.ERROR_RATIO, 0.02, 5, 1000);
    RateController t = new RateController(auto);
    double qps = 1000;
    for (int i = 0; i < 60; i++) {
      qps = t.next(qps, errors(qps), qps, Math.min(qps, 100), true);
    }
    for (int i = 0; i < 300; i++) {
      qps = t.next(qps, errors(qps), qps, Math.min(qps, 100), true);
      assertThat(qps).as("step %d", i).isBetween(90.0, 110.0);
    }
  }

  @Test
  void cpuIsHeldWithinATenth() {
    RateLimitRule.Auto auto = new RateLimitRule.Auto(RateLimitRule.Metric.CPU, 0.7, 5, 1000);
    RateController t = new RateController(auto);
    double qps = 20;
    for (int i = 0; i < 200; i++) {
      qps = t.next(qps, Math.min(1, qps / 300), qps, qps, true);
    }
    assertThat(qps / 300).isBetween(0.63, 0.77);
    double settled = qps;
    for (int i = 0; i < 100; i++) {
      qps = t.next(qps, Math.min(1, qps / 300), qps, qps, true);
    }
    assertThat(qps).isEqualTo(settled);
    for (int i = 0; i < 30; i++) {
      qps = t.next(qps, Math.min(1, qps / 100), qps, qps, true);
    }
    assertThat(qps / 100).isBetween(0.63, 0.77);
  }

  @Test
  void theBoundsHoldWhateverIsMeasured() {
    RateLimitRule.Auto auto = new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 50, 60);
    RateController t = new RateController(auto);
    double qps = 55;
    java.util.Random r = new java.util.Random(5);
    for (int i = 0; i < 10_000; i++) {
      qps = t.next(qps, Math.exp(r.nextDouble() * 12), 55, r.nextInt(500), r.nextBoolean());
      assertThat(qps).isBetween(50.0, 60.0);
    }
  }

  private static RateController p99Of400() {
    return new RateController(new RateLimitRule.Auto(RateLimitRule.Metric.P99, TARGET, 5, 1000));
  }

  @Test
  void belowHalfOfTheTargetAUsedRateGrowsByOnePercentAndThenFaster() {
    RateController t = p99Of400();
    assertThat(t.next(100, 199, 100, 100, true)).isCloseTo(101, within(1e-9));
    assertThat(t.next(100, 199, 100, 100, true)).isCloseTo(101.5, within(1e-9));
    for (int i = 0; i < 20; i++) {
      t.next(100, 199, 100, 100, true);
    }
    assertThat(t.next(100, 199, 100, 100, true)).as("at most ten").isCloseTo(110, within(1e-9));
    // at half there may be a queue: growing starts over
    t.next(100, 200, 100, 100, true);
    assertThat(t.next(100, 199, 100, 100, true)).isCloseTo(101, within(1e-9));
  }

  @Test
  void aRateThatKeepsNobodyAwayStays() {
    RateController t = p99Of400();
    assertThat(t.next(100, 10, 50, 50, false)).isEqualTo(100);
    assertThat(t.next(100, 399, 50, 50, false)).isEqualTo(100);
    assertThat(t.next(100, 500, 100, 100, false))
        .as("slow though not used")
        .isCloseTo(98, within(1e-9));
  }

  @Test
  void withAQueueTheRateIsWhatIsCompletedAndACorrection() {
    assertThat(p99Of400().next(100, 300, 100, 100, true)).isCloseTo(102, within(1e-9));
    assertThat(p99Of400().next(100, 600, 100, 100, true)).isCloseTo(96, within(1e-9));
    assertThat(p99Of400().next(100, 600, 100, 80, true)).isCloseTo(76.8, within(1e-9));
    // fewer come out than go in: the queue grows, though all is well yet
    assertThat(p99Of400().next(100, 300, 60, 50, true)).isCloseTo(51, within(1e-9));
    assertThat(p99Of400().next(100, 300, 50.5, 50, true)).as("as many come out").isEqualTo(100);
    // by five percent at most
    RateController slow =
        new RateController(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 4000, 5, 1000));
    assertThat(slow.next(100, 5900, 100, 100, true)).isCloseTo(95, within(1e-9));
    slow = new RateController(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 4000, 5, 1000));
    assertThat(slow.next(100, 2100, 100, 100, true)).isCloseTo(105, within(1e-9));
  }

  @Test
  void withinATenthOfTheTargetNothingMoves() {
    assertThat(p99Of400().next(100, 361, 100, 100, true)).isEqualTo(100);
    assertThat(p99Of400().next(100, 439, 100, 100, true)).isEqualTo(100);
    assertThat(p99Of400().next(100, 445, 100, 98, true)).isCloseTo(97.118, within(1e-9));
  }

  @Test
  void whatIsCompletedIsSmoothed() {
    RateController t = p99Of400();
    assertThat(t.next(100, 410, 100, 100, true)).isEqualTo(100);
    assertThat(t.next(100, 410, 100, 50, true)).isCloseTo(90, within(1e-9));
    assertThat(t.next(90, 410, 100, 50, true)).isCloseTo(82, within(1e-9));
  }

  @Test
  void farAboveTheTargetTheQueueIsDrainedAndThenTheRateReturns() {
    RateController t = p99Of400();
    assertThat(t.next(100, 601, 100, 80, true)).isCloseTo(56, within(1e-9));
    // that second may have been part good, part bad: the next one is believed
    assertThat(t.next(56, 3000, 56, 60, true)).isCloseTo(42, within(1e-9));
    // calls that were let in before are still coming out: four steps in all
    for (int i = 0; i < 3; i++) {
      assertThat(t.next(42, 3000, 42, 50, true)).isEqualTo(42);
    }
    assertThat(t.next(42, 2900, 42, 50, true)).as("it falls").isEqualTo(42);
    assertThat(t.next(42, 600, 42, 50, true)).isCloseTo(58.2, within(1e-9));
    // and is trusted for ten steps, the one back among them
    for (int i = 0; i < 10; i++) {
      assertThat(t.next(100, 199, 100, 100, true)).isCloseTo(101, within(1e-9));
    }
    assertThat(t.next(100, 199, 100, 100, true)).isCloseTo(101.5, within(1e-9));
  }

  @Test
  void aDrainThatDoesNotHelpIsDoneAgain() {
    RateController t = p99Of400();
    t.next(100, 601, 100, 80, true);
    for (int i = 0; i < 4; i++) {
      t.next(56, 601, 56, 50, true);
    }
    assertThat(t.next(56, 601, 56, 50, true)).isCloseTo(35, within(1e-9));
    // less comes out than was thought, and more than goes in: that is the capacity
    for (int i = 0; i < 4; i++) {
      t.next(35, 700, 35, 40, true);
    }
    assertThat(t.next(35, 500, 35, 30, true)).isCloseTo(38.8, within(1e-9));
  }

  @Test
  void tooManyErrorsCutInProportionAndAtMostByHalf() {
    RateLimitRule.Auto auto =
        new RateLimitRule.Auto(RateLimitRule.Metric.ERROR_RATIO, 0.02, 5, 1000);
    RateController t = new RateController(auto);
    assertThat(t.next(100, 0.022, 100, 100, true)).as("within a tenth").isEqualTo(100);
    assertThat(t.next(100, 0.118, 100, 100, true)).isCloseTo(90, within(1e-9));
    assertThat(t.next(90, 0.5, 100, 100, true)).as("a step to settle").isEqualTo(90);
    assertThat(t.next(90, 0.9, 100, 100, true)).isCloseTo(45, within(1e-9));
    assertThat(
            new RateController(new RateLimitRule.Auto(RateLimitRule.Metric.CPU, 0.6, 5, 1000))
                .next(100, 0.8, 100, 100, true))
        .isCloseTo(75, within(1e-9));
  }

  @Test
  void growthDoublesAfterTenGoodStepsAndIsHalvedByABadOne() {
    RateController t =
        new RateController(new RateLimitRule.Auto(RateLimitRule.Metric.CPU, 0.5, 5, 1000));
    for (int i = 0; i < 9; i++) {
      assertThat(t.next(100, 0.1, 100, 100, true)).isCloseTo(101, within(1e-9));
    }
    assertThat(t.next(100, 0.1, 100, 100, true)).isCloseTo(102, within(1e-9));
    assertThat(t.next(100, 0.1, 100, 100, false)).as("not used").isEqualTo(100);
    assertThat(t.next(100, 0.45, 100, 100, true)).as("within a tenth").isEqualTo(100);
    for (int i = 0; i < 10; i++) {
      t.next(100, 0.1, 100, 100, true);
    }
    assertThat(t.next(100, 0.1, 100, 100, true)).isCloseTo(104, within(1e-9));
    t.next(100, 0.6, 100, 100, true);
    t.next(100, 0.6, 100, 100, true);
    assertThat(t.next(100, 0.1, 100, 100, true)).isCloseTo(102, within(1e-9));
    for (int i = 0; i < 100; i++) {
      t.next(100, 0.1, 100, 100, true);
    }
    assertThat(t.next(100, 0.1, 100, 100, true)).as("at most a tenth").isCloseTo(110, within(1e-9));
  }

  @Test
  void aChangeOfLessThanOnePercentIsNotMadeUnlessItReachesABound() {
    assertThat(p99Of400().next(100, 410, 100, 99.1, true)).isEqualTo(100);
    assertThat(p99Of400().next(100, 410, 100, 99, true)).isCloseTo(99, within(1e-9));
    RateLimitRule.Auto auto = new RateLimitRule.Auto(RateLimitRule.Metric.P99, TARGET, 99.5, 100.5);
    assertThat(new RateController(auto).next(100, 100, 100, 100, true)).isEqualTo(100.5);
    assertThat(new RateController(auto).next(100, 410, 100, 90, true)).isEqualTo(99.5);
  }

  @Test
  void anEditedTargetAndItsBoundsHoldFromThenOn() {
    RateController t = p99Of400();
    t.edited(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 5, 50));
    assertThat(t.next(45, 410, 45, 45, true)).isCloseTo(31.5, within(1e-9));
    t.edited(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 4000, 40, 50));
    assertThat(t.next(30, 410, 30, 30, true)).isEqualTo(40);
  }
}
