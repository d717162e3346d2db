package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.control.fleet.FleetExplorer.Bounds;
import io.weir.control.fleet.FleetExplorer.Fault;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every schedule within bounds. Short by default; {@code -Dweir.fleet.explore=long} for bounds that
 * take minutes, {@code -Dweir.fleet.explore="3 2 CRASH,PAUSE"} for three instances, a quorum of two
 * and those faults. A quorum of 0 is {@code auto}.
 */
class FleetExplorerTest {
  private static final String WHAT = System.getProperty("weir.fleet.explore", "short");

  /** What matters where no votes are cast. */
  private static final Fault[] ALL = {
    Fault.CRASH, Fault.PAUSE, Fault.CUT, Fault.LATE, Fault.LEASE, Fault.HAND
  };

  private static Bounds bounds(int instances, int quorum, Fault... faults) {
    Bounds b = new Bounds();
    b.instances = instances;
    b.quorum = quorum;
    b.troubles = faults.length == 0 ? 0 : 1;
    b.faults.addAll(Arrays.asList(faults));
    return b;
  }

  /** Two of them are one witness. */
  private static Bounds onOneHost(Bounds b) {
    b.onOneHost = 2;
    return b;
  }

  private static void explore(Bounds b) {
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
    if (Character.isDigit(WHAT.charAt(0))) {
      String[] words = WHAT.split(" ");
      Bounds b = bounds(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
      for (int i = 2; i < words.length; i++) {
        if (words[i].equals("slow")) {
          b.slowHearing = true;
        } else if (words[i].equals("neighbours")) {
          b.onOneHost = 2;
        } else if (Character.isDigit(words[i].charAt(0))) {
          b.troubles = Integer.parseInt(words[i]);
        } else {
          b.troubles = Math.max(1, b.troubles);
          for (String f : words[i].split(",")) {
            b.faults.add(Fault.valueOf(f));
          }
        }
      }
      explore(b);
      return;
    }
    explore(bounds(2, 1, ALL));
    explore(bounds(2, 2, Fault.RECOVERY));
    explore(bounds(2, 0, Fault.HAND, Fault.LATE, Fault.FLAP));
    explore(onOneHost(bounds(2, 0, Fault.FLAP)));
  }

  @Test
  void noScheduleOfThreeBreaksALaw() {
    if (Character.isDigit(WHAT.charAt(0))) {
      return;
    }
    explore(bounds(3, 1));
    explore(bounds(3, 2));
    explore(bounds(3, 2, Fault.HAND));
    explore(bounds(3, 0, Fault.FLAP));
    if (WHAT.equals("long")) {
      explore(bounds(3, 1, ALL));
      explore(bounds(3, 2, Fault.RECOVERY));
      explore(bounds(3, 2, Fault.CRASH));
      explore(bounds(3, 2, Fault.PAUSE));
      explore(bounds(3, 2, Fault.CUT));
      explore(bounds(3, 2, Fault.LATE));
      explore(bounds(3, 2, Fault.LEASE, Fault.VOTE, Fault.HAND));
      explore(
          bounds(
              2,
              2,
              Fault.CRASH,
              Fault.PAUSE,
              Fault.CUT,
              Fault.LATE,
              Fault.LEASE,
              Fault.VOTE,
              Fault.HAND));
      explore(bounds(2, 0, Fault.RECOVERY, Fault.FLAP));
      explore(bounds(2, 0, Fault.LEASE, Fault.VOTE));
      explore(bounds(2, 0, Fault.CRASH));
      explore(bounds(2, 0, Fault.PAUSE));
      explore(bounds(2, 0, Fault.CUT));
      explore(onOneHost(bounds(3, 0)));
      explore(bounds(3, 0, Fault.LATE));
      explore(bounds(3, 0, Fault.HAND));
      explore(bounds(3, 0, Fault.GONE));
      Bounds slow = bounds(3, 1);
      slow.slowHearing = true;
      explore(slow);
    }
  }

  // ---- the explorer notices when it does not

  private static void isCaught(Bounds b, String law) {
    assertThatThrownBy(() -> new FleetExplorer(b).explore())
        .isInstanceOf(Laws.Broken.class)
        .hasMessageContaining(law);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void blindPutsAreCaught(int instances) {
    Bounds b = bounds(instances, 1);
    b.sabotage = Sabotage::blind;
    isCaught(b, "");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void aProbeKeyWithoutALeaseIsCaught(int instances) {
    Bounds b = bounds(instances, 1, Fault.CRASH);
    b.sabotage = Sabotage::probeWithoutLease;
    isCaught(b, "lease");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void evidenceThatIsNotClearedPerEpochIsCaught(int instances) {
    Bounds b = bounds(instances, 1);
    b.machine = Sabotage.Machine.GULLIBLE;
    isCaught(b, "younger than the last close");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void anOpeningThatDoesNotCompareObjectionsIsCaught(int instances) {
    Bounds b = bounds(instances, 0);
    b.sabotage = Sabotage::heedless;
    isCaught(b, "nobody objects");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void anObjectionByAnInstanceWithoutTrafficIsCaught(int instances) {
    Bounds b = bounds(instances, 0);
    b.machine = Sabotage.Machine.KNOW_ALL;
    isCaught(b, "goes by calls of its own epoch");
    b = bounds(instances, 0, Fault.FLAP);
    b.machine = Sabotage.Machine.KNOW_ALL;
    isCaught(b, "goes by calls of its own epoch");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void anObjectionByWhatWasSeenInAnOldEpochIsCaught(int instances) {
    Bounds b = bounds(instances, 0);
    b.machine = Sabotage.Machine.FORGETFUL;
    isCaught(b, "goes by calls of its own epoch");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void anObjectionThatReachesTheNextEpochIsCaught(int instances) {
    Bounds b = bounds(instances, 0, Fault.LATE);
    b.sabotage = Sabotage::objectionToAnything;
    isCaught(b, "objections");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void aVoteOfItsOwnTakenForAnothersIsCaught(int instances) {
    Bounds b = bounds(instances, 0);
    b.machine = Sabotage.Machine.DOUBLE;
    isCaught(b, "nobody objects");
  }

  @Test
  void aNeighbourTakenForAnotherWitnessIsCaught() {
    Bounds b = onOneHost(bounds(3, 0));
    b.machine = Sabotage.Machine.NEIGHBOURLY;
    isCaught(b, "one witness alone has voted");
  }
}
