package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/**
 * Every schedule within bounds. Short by default; {@code -Dweir.fleet.explore=long} for bounds that
 * take minutes.
 */
class FleetExplorerTest {
  private static final boolean LONG = "long".equals(System.getProperty("weir.fleet.explore"));

  private static FleetExplorer.Bounds bounds(
      int instances,
      int quorum,
      int epochs,
      int crashes,
      int expiries,
      int losses,
      int cuts,
      int forces) {
    FleetExplorer.Bounds b = new FleetExplorer.Bounds();
    b.instances = instances;
    b.quorum = quorum;
    b.epochs = epochs;
    b.crashes = crashes;
    b.expiries = expiries;
    b.losses = losses;
    b.cuts = cuts;
    b.forces = forces;
    b.lag = 1;
    b.prompt = true;
    b.maxStates = 20_000_000;
    return b;
  }

  private static void explore(FleetExplorer.Bounds b) {
    FleetExplorer e = new FleetExplorer(b);
    long start = System.nanoTime();
    e.explore();
    System.out.printf(
        "fleet explorer: %s: %d states, %d transitions, 0 violations, %.1f s%n",
        b, e.states(), e.transitions(), (System.nanoTime() - start) / 1e9);
    assertThat(e.states()).isGreaterThan(10);
  }

  // ---- the protocol holds

  @Test
  void noScheduleOfTwoBreaksALaw() {
    explore(bounds(2, 1, 1, 0, 0, 0, 0, 0));
    explore(bounds(2, 2, 0, 0, 1, 0, 0, 0));
    if (LONG) {
      explore(bounds(2, 1, 2, 0, 0, 0, 0, 0));
      explore(bounds(2, 2, 1, 0, 0, 0, 0, 0));
      explore(bounds(2, 1, 1, 1, 0, 0, 0, 0));
      explore(bounds(2, 1, 1, 0, 1, 0, 0, 0));
      explore(bounds(2, 1, 1, 0, 0, 1, 0, 0));
      explore(bounds(2, 1, 1, 0, 0, 0, 1, 0));
      explore(bounds(2, 1, 1, 0, 0, 0, 0, 1));
    }
  }

  @Test
  void noScheduleOfThreeBreaksALaw() {
    explore(bounds(3, 1, 0, 0, 0, 0, 0, 0));
    if (LONG) {
      explore(bounds(3, 2, 0, 0, 0, 0, 0, 0));
    }
  }

  // ---- the explorer notices when it does not

  @Test
  void blindPutsAreCaught() {
    FleetExplorer.Bounds b = bounds(2, 1, 1, 0, 0, 0, 0, 0);
    b.sabotage = Sabotage::blind;
    assertThatThrownBy(() -> new FleetExplorer(b).explore()).isInstanceOf(Laws.Broken.class);
  }

  @Test
  void aProbeKeyWithoutALeaseIsCaught() {
    FleetExplorer.Bounds b = bounds(2, 1, 1, 1, 0, 0, 0, 0);
    b.sabotage = Sabotage::probeWithoutLease;
    assertThatThrownBy(() -> new FleetExplorer(b).explore())
        .isInstanceOf(Laws.Broken.class)
        .hasMessageContaining("lease");
  }

  @Test
  void evidenceThatIsNotClearedPerEpochIsCaught() {
    FleetExplorer.Bounds b = bounds(2, 1, 2, 0, 0, 0, 0, 0);
    b.keepsOldEvidence = true;
    assertThatThrownBy(() -> new FleetExplorer(b).explore())
        .isInstanceOf(Laws.Broken.class)
        .hasMessageContaining("younger than the last close");
  }
}
