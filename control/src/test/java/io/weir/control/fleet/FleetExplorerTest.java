package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

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
    return b;
  }

  private static void explore(FleetExplorer.Bounds b) {
    FleetExplorer e = new FleetExplorer(b);
    long start = System.nanoTime();
    e.explore();
    System.out.printf(
        "fleet explorer: %s: %d states, %d transitions, 0 violations, %.1f s%n",
        b, e.states(), e.transitions(), (System.nanoTime() - start) / 1e9);
    assertThat(e.states()).isGreaterThan(1000);
  }

  @Test
  void noScheduleOfTwoBreaksALaw() {
    explore(bounds(2, 1, 2, 0, 0, 0, 0, 0));
  }
}
