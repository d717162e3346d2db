package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import org.junit.jupiter.api.Test;

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
    for (long seed = SEED; seed < SEED + RUNS; seed++) {
      FleetSimulation s = run(seed, new FleetSimulation.Faults());
      seconds += s.seconds();
      openings += s.openings;
      commits += s.commits;
      takeOvers += s.takeOvers;
      probes += s.probesLetIn;
    }
    System.out.printf(
        "fleet simulation: %d schedules from seed %d, %d virtual hours, %d openings, %d take-overs,"
            + " %d probes, %d commits, 0 violations%n",
        RUNS, SEED, seconds / 3600, openings, takeOvers, probes, commits);
    assertThat(openings).isGreaterThan(RUNS);
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
    f.keepsOldEvidence = true;
    assertThat(caught(f)).isPositive();
  }

  private static int caught(FleetSimulation.Faults faults) {
    int caught = 0;
    for (long seed = SEED; seed < SEED + 60; seed++) {
      try {
        new FleetSimulation(seed, faults).run();
      } catch (Laws.Broken b) {
        caught++;
      }
    }
    return caught;
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
