package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.fleet.FleetSimulation.Cost;
import java.util.ArrayList;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random schedules against the laws. Short by default; {@code -Dweir.fleet.runs=20000
 * -Dweir.fleet.seed=1} for a long run, {@code -Dweir.fleet.runs=1 -Dweir.fleet.seed=N} to see one
 * again.
 */
class FleetSimulationTest {
  private static final int RUNS = Integer.getInteger("weir.fleet.runs", 300);
  private static final long SEED = Long.getLong("weir.fleet.seed", 1);

  @Test
  void noScheduleOfCrashesPausesCutsAndOutagesBreaksALaw() {
    long seconds = 0;
    long openings = 0;
    long commits = 0;
    long takeOvers = 0;
    long probes = 0;
    long objections = 0;
    long alone = 0;
    for (long seed = SEED; seed < SEED + RUNS; seed++) {
      FleetSimulation s = run(seed, new FleetSimulation.Faults());
      seconds += s.seconds();
      openings += s.openings;
      commits += s.commits;
      takeOvers += s.takeOvers;
      probes += s.probesLetIn;
      objections += s.objections;
      alone += s.openedAlone;
    }
    System.out.printf(
        "fleet simulation: %d schedules from seed %d, %d virtual hours, %d openings, %d of them"
            + " by one witness nobody contradicted, %d objections, %d take-overs, %d probes, %d"
            + " commits, 0 violations%n",
        RUNS, SEED, seconds / 3600, openings, alone, objections, takeOvers, probes, commits);
    assertThat(openings).isGreaterThan(RUNS);
    if (RUNS >= 100) {
      assertThat(alone).isPositive();
      assertThat(objections).isPositive();
    }
  }

  @Test
  void withoutFaultsAnOpenPeriodCostsAtMostTwoWritesPerInstanceAndThree() {
    for (long seed = SEED; seed < SEED + Math.max(20, RUNS / 10); seed++) {
      FleetSimulation.Faults none = new FleetSimulation.Faults();
      none.any = false;
      FleetSimulation s = run(seed, none);
      assertThat(s.mostCommitsInAPeriod).as("seed " + seed).isLessThanOrEqualTo(2 * s.size() + 3);
    }
  }

  /**
   * Every target fails all the time, for every instance. {@code -Dweir.fleet.burden="200 50"} for
   * that many targets and instances.
   */
  @ParameterizedTest
  @CsvSource({"60, 300, false", "60, 60, true", "5, 5, false"})
  void aFleetWhoseTargetsAllFailCostsEtcdFewWrites(int open, int maxOpen, boolean probesAreGood) {
    String[] size = System.getProperty("weir.fleet.burden", "20 5").split(" ");
    int targets = Integer.parseInt(size[0]);
    int instances = Integer.parseInt(size[1]);
    int seconds = Math.max(30, open * 5);
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.any = false;
    f.burden = new FleetSimulation.Burden(instances, seconds, open, maxOpen, probesAreGood);
    Cost[] each = new Cost[seconds + 1];
    Arrays.setAll(each, i -> new Cost());
    Cost all = new Cost();
    int openings = 0;
    int most = 0;
    for (int t = 0; t < targets; t++) {
      FleetSimulation s = run(SEED + t, f);
      for (int i = 0; i < s.costs.size(); i++) {
        each[i].add(s.costs.get(i));
        all.add(s.costs.get(i));
      }
      openings += s.openings;
      most = Math.max(most, s.mostCommitsInAPeriod);
    }
    int peak = Arrays.stream(each).mapToInt(Cost::entries).max().orElseThrow();
    double mean = all.entries() / (double) seconds;
    System.out.printf(
        "fleet burden: %d targets x %d instances, open %d to %d s, probes %s, %d s: a second %.1f"
            + " transactions applied (%.1f keys), %.1f refused, %.1f lease grants, %.1f"
            + " revocations: %.1f log entries, at most %d in one second; %.2f transactions per"
            + " opening, at most %d applied in an open period (bound %d)%n",
        targets,
        instances,
        open,
        maxOpen,
        probesAreGood ? "good" : "bad",
        seconds,
        all.applied / (double) seconds,
        all.writes / (double) seconds,
        all.refused / (double) seconds,
        all.grants / (double) seconds,
        all.revocations / (double) seconds,
        mean,
        peak,
        (all.applied + all.refused) / (double) openings,
        most,
        2 * instances + 3);
    assertThat(most).as("applied in an open period").isLessThanOrEqualTo(2 * instances + 3);
    assertThat(mean).isLessThan(700);
  }

  @Test
  void blindPutsAreCaught() {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.sabotage = Sabotage::blind;
    assertThat(caught(f)).isPositive();
  }

  @Test
  void aProbeKeyWithoutALeaseIsCaught() {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.sabotage = Sabotage::probeWithoutLease;
    assertThat(caught(f)).isPositive();
  }

  @Test
  void evidenceThatIsNotClearedPerEpochIsCaught() {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.machine = Sabotage.Machine.GULLIBLE;
    assertThat(caught(f)).isPositive();
  }

  @Test
  void anOpeningThatDoesNotCompareObjectionsIsCaught() {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.sabotage = Sabotage::heedless;
    assertThat(caughtWithin(3000, f)).isPositive();
  }

  @ParameterizedTest
  @EnumSource(
      value = Sabotage.Machine.class,
      names = {"KNOW_ALL", "DOUBLE", "NEIGHBOURLY"})
  void aMachineThatInventsWitnessesOrObjectionsIsCaught(Sabotage.Machine machine) {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.machine = machine;
    assertThat(caught(f)).isPositive();
  }

  // ---- what opens what for whom

  private static FleetSimulation play(FleetSimulation.Scene scene, long seed) {
    FleetSimulation.Faults f = new FleetSimulation.Faults();
    f.any = false;
    f.scene = scene;
    return run(seed, f);
  }

  @Test
  void oneSickCallerAmongManyClosesNothingButItself() {
    for (int seed = 0; seed < 20; seed++) {
      FleetSimulation s = play(new FleetSimulation.Scene(2 + seed % 7, 20, 1), seed);
      assertThat(s.openHere).hasSize(1);
      assertThat(s.openings).isZero();
      assertThat(s.objections).isBetween(1, 2);
    }
  }

  @Test
  void aZoneThatIsCutOffClosesNothingThatTheOtherSeesWell() {
    for (int seed = 0; seed < 20; seed++) {
      FleetSimulation s = play(new FleetSimulation.Scene(6, 20, 3 + seed % 3, 6, true, 0), seed);
      assertThat(s.openHere).hasSize(3 + seed % 3);
      assertThat(s.openings).isZero();
    }
  }

  @Test
  void aDeadTargetIsOpenedByOneWitnessWhomNobodyContradicts() {
    for (int seed = 0; seed < 20; seed++) {
      // the others have calls, but fewer than it takes to object
      FleetSimulation s = play(new FleetSimulation.Scene(1, 5, 1), seed);
      assertThat(s.openings).isEqualTo(1);
      assertThat(s.openedAlone).isEqualTo(1);
    }
  }

  @Test
  void twoWitnessesOpenADeadTargetAtOnceAndTwoOnOneHostAfterASecond() {
    for (int seed = 0; seed < 20; seed++) {
      FleetSimulation apart = play(new FleetSimulation.Scene(3, 50, 3), seed);
      assertThat(apart.openings).isEqualTo(1);
      assertThat(apart.openedAlone).isZero();
      FleetSimulation together = play(new FleetSimulation.Scene(3, 50, 3, 1, false, 0), seed);
      assertThat(together.openings).isEqualTo(1);
      assertThat(together.openedAlone).isEqualTo(1);
    }
  }

  /** Prints the table of docs/breaker.md. */
  @ParameterizedTest
  @CsvSource({"5, 1", "50, 1", "5000, 1", "5, 3", "50, 3", "5000, 3"})
  void allRefuseADeadTargetAtMostASecondAfterTheFirst(int perSecond, int callers) {
    double one = 0;
    double all = 0;
    int runs = perSecond > 1000 ? 2 : 20;
    for (int seed = 1; seed <= runs; seed++) {
      FleetSimulation s =
          play(new FleetSimulation.Scene(callers, perSecond, callers, callers, false, 2), seed);
      assertThat(s.allRefuse).as("seed " + seed).isPositive();
      assertThat(s.allRefuse - s.firstRefuses).isLessThan(1_100_000_000L);
      one += s.firstRefuses / 1e9 / runs;
      all += s.allRefuse / 1e9 / runs;
    }
    System.out.printf(
        "dead target, %d calls/s at each of %d callers, 2 idle instances: the first refuses after"
            + " %.2f s, all after %.2f s%n",
        perSecond, callers, one, all);
  }

  private static int caught(FleetSimulation.Faults faults) {
    int caught = 0;
    for (long seed = SEED; seed < SEED + 60; seed++) {
      caught += isCaught(seed, faults) ? 1 : 0;
    }
    return caught;
  }

  /** For what only a rare schedule shows: the first seed that does, or 0. */
  private static long caughtWithin(int runs, FleetSimulation.Faults faults) {
    for (long seed = SEED; seed < SEED + runs; seed++) {
      if (isCaught(seed, faults)) {
        return seed;
      }
    }
    return 0;
  }

  private static boolean isCaught(long seed, FleetSimulation.Faults faults) {
    try {
      new FleetSimulation(seed, faults).run();
      return false;
    } catch (Laws.Broken b) {
      return true;
    }
  }

  private static FleetSimulation run(long seed, FleetSimulation.Faults faults) {
    FleetSimulation s = new FleetSimulation(seed, faults);
    try {
      s.run();
    } catch (Throwable t) {
      StringBuilder all = new StringBuilder("seed " + seed + ": " + t);
      for (String line : new ArrayList<>(s.trace())) {
        all.append("\n  ").append(line);
      }
      throw new AssertionError(all.toString(), t);
    }
    return s;
  }
}
