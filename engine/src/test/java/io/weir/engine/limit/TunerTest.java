package io.weir.engine.limit;

import static io.weir.engine.limit.Station.MS;
import static io.weir.engine.limit.Station.S;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.LimitRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The closed loop against a model of a service, on a clock of its own. */
class TunerTest {
  private static final double TARGET = 400;

  private final List<Long> took = new ArrayList<>();
  private final List<Long> lastSecond = new ArrayList<>();
  private final List<Double> steps = new ArrayList<>();
  private Limits limits;
  private Station station;
  private Tuner tuner;

  private Limits.Running rule() {
    return limits.running().get(0);
  }

  /** Ten workers of 100 ms: a hundred calls a second, and a p99 of 400 ms wanted. */
  private void start(double qps) {
    LimitRule.Auto auto = new LimitRule.Auto(LimitRule.Metric.P99, TARGET, 5, 1000);
    limits = Calls.limits(0, LimitRule.builder().qps(qps).burst(5).auto(auto).build());
    station = new Station(limits, 10, Station.around(100 * MS), took::add);
    tuner = new Tuner(auto);
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
      station.run(S);
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

  @Test
  void halfTheCapacityGoneIsHeldToo() {
    start(100);
    station.offered = 200;
    seconds(40);
    steps.clear();
    station.workers = 5;
    seconds(30);
    List<Long> held = seconds(30);
    assertThat(p99(held)).isBetween(0.8 * TARGET, 1.2 * TARGET);
    assertThat(swings(steps)).isLessThanOrEqualTo(2);
    steps.clear();
    station.workers = 10;
    seconds(40);
    held = seconds(30);
    assertThat(p99(held)).isBetween(0.8 * TARGET, 1.2 * TARGET);
    assertThat(held.size() / 30.0).isGreaterThan(95);
    assertThat(swings(steps)).isLessThanOrEqualTo(2);
  }

  /** On a machine that stands still now and then, fewer come than the rate would let in. */
  @Test
  void callsThatDoNotComeDoNotLowerTheRate() {
    LimitRule.Auto auto = new LimitRule.Auto(LimitRule.Metric.P99, TARGET, 5, 1000);
    Tuner t = new Tuner(auto);
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
    LimitRule.Auto auto = new LimitRule.Auto(LimitRule.Metric.ERROR_RATIO, 0.02, 5, 1000);
    Tuner t = new Tuner(auto);
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
    LimitRule.Auto auto = new LimitRule.Auto(LimitRule.Metric.CPU, 0.7, 5, 1000);
    Tuner t = new Tuner(auto);
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
    LimitRule.Auto auto = new LimitRule.Auto(LimitRule.Metric.P99, 100, 50, 60);
    Tuner t = new Tuner(auto);
    double qps = 55;
    java.util.Random r = new java.util.Random(5);
    for (int i = 0; i < 10_000; i++) {
      qps = t.next(qps, Math.exp(r.nextDouble() * 12), 55, r.nextInt(500), r.nextBoolean());
      assertThat(qps).isBetween(50.0, 60.0);
    }
  }
}
