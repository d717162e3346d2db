package io.weir.engine.instances;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class InstanceTest {
  private static Instance instance(String... canary) {
    return new Instance(
        "pay",
        "10.0.0.7",
        8080,
        "v1",
        "eu",
        "eu-a",
        canary.length == 0 ? Map.of("k", "v") : Map.of(Instance.CANARY, canary[0]),
        7,
        "http");
  }

  @Test
  void itSaysWhatWasRegistered() {
    Instance i = instance();
    assertThat(i.service()).isEqualTo("pay");
    assertThat(i.host()).isEqualTo("10.0.0.7");
    assertThat(i.port()).isEqualTo(8080);
    assertThat(i.version()).isEqualTo("v1");
    assertThat(i.region()).isEqualTo("eu");
    assertThat(i.zone()).isEqualTo("eu-a");
    assertThat(i.labels()).isEqualTo(Map.of("k", "v"));
    assertThat(i.weight()).isEqualTo(7);
    assertThat(i.protocol()).isEqualTo("http");
    assertThat(i).hasToString("10.0.0.7:8080");
  }

  @Test
  void theCanaryLabelIsTheColourUnlessItSaysFalse() {
    assertThat(instance().colour()).isNull();
    assertThat(instance("").colour()).isNull();
    assertThat(instance("false").colour()).isNull();
    assertThat(instance("true").colour()).isEqualTo("true");
    assertThat(instance("blue").colour()).isEqualTo("blue");
  }

  @Test
  void callsUnderWayAreCountedAndSomebodyIsToldHowTheyEnd() {
    Instance i = instance();
    List<String> told = new ArrayList<>();
    i.callStarted();
    i.callStarted();
    i.callStarted();
    i.callEnded(Outcome.http(500), 3);
    i.report((outcome, now) -> told.add(Outcome.describe(outcome) + " " + now));
    assertThat(i.outcomes()).isNotNull();
    i.callEnded(Outcome.grpc(14, Failure.CONNECT), 5);
    i.callEnded();
    assertThat(i.inFlight()).isZero();
    assertThat(told).containsExactly("gRPC UNAVAILABLE, CONNECT 5");
    i.report(null);
    assertThat(i.outcomes()).isNull();
  }

  @Test
  void anEjectionEndsAtItsTimeOrBefore() {
    Instance i = instance();
    Ejections ejections = new Ejections();
    i.join(ejections);
    assertThat(i.ejected(0)).isFalse();
    i.eject(Long.MIN_VALUE + 10);
    assertThat(i.ejectedUntil()).isEqualTo(Long.MIN_VALUE + 10);
    assertThat(i.ejected(Long.MAX_VALUE)).as("the clock wraps between").isTrue();
    assertThat(i.ejected(Long.MIN_VALUE + 9)).isTrue();
    assertThat(i.ejected(Long.MIN_VALUE + 10)).isFalse();
    i.restore();
    assertThat(i.ejected(Long.MAX_VALUE)).isFalse();
    assertThat(ejections.changes()).isEqualTo(2);
  }

  @Test
  void whatRunsGoesOnWhenTheRegistrationChanges() {
    Instance before = instance();
    Instance after = instance("blue");
    Ejections ejections = new Ejections();
    before.join(ejections);
    before.callStarted();
    before.eject(100);
    after.continues(before);
    assertThat(after.inFlight()).isOne();
    assertThat(after.ejected(99)).isTrue();
    before.callEnded();
    after.restore();
    assertThat(after.inFlight()).isZero();
    assertThat(ejections.changes()).isEqualTo(2);
  }

  @Test
  void choicesAreCountedByWhy() {
    Instance i = instance();
    i.chosen(SelectionCounters.Reason.ROUTE);
    SelectionCounters counts = new SelectionCounters("v1", "eu");
    i.countIn(counts);
    i.chosen(SelectionCounters.Reason.ROUTE);
    i.chosen(SelectionCounters.Reason.FALLBACK);
    i.chosen(SelectionCounters.Reason.FALLBACK);
    assertThat(counts.chosen(SelectionCounters.Reason.ROUTE)).isEqualTo(1);
    assertThat(counts.chosen(SelectionCounters.Reason.FALLBACK)).isEqualTo(2);
    assertThat(counts.chosen(SelectionCounters.Reason.ANY)).isZero();
    assertThat(counts.version()).isEqualTo("v1");
    assertThat(counts.region()).isEqualTo("eu");
  }

  @Test
  void registrationsAreTheSameWhenEveryFieldIs() {
    Map<String, String> none = Map.of();
    Instance a = new Instance("s", "h", 1, "v", "r", "z", none, 100, "http");
    assertThat(a.describes(new Instance("s", "h", 1, "v", "r", "z", none, 100, "http"))).isTrue();
    assertThat(a.describes(new Instance("s", "i", 1, "v", "r", "z", none, 100, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 2, "v", "r", "z", none, 100, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, null, "r", "z", none, 100, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, "v", "q", "z", none, 100, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, "v", "r", "y", none, 100, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, "v", "r", "z", Map.of("a", "b"), 100, "http")))
        .isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, "v", "r", "z", none, 99, "http"))).isFalse();
    assertThat(a.describes(new Instance("s", "h", 1, "v", "r", "z", none, 100, "grpc"))).isFalse();
  }

  @Test
  void whatAnArmChoseIsCountedByArmAndByReasonAndAnUnknownArmIsNoError() {
    Instance i = instance();
    SelectionCounters counts = new SelectionCounters("v1", null);
    i.countIn(counts);
    i.mayBeChosenBy(2);
    i.chosen(SelectionCounters.Reason.ROUTE, 2);
    i.mayBeChosenBy(0);
    i.chosen(SelectionCounters.Reason.ROUTE, 2);
    i.chosen(SelectionCounters.Reason.DEFAULT, 0);
    assertThat(counts.chosenBy(2)).isEqualTo(2);
    assertThat(counts.chosenBy(0)).isEqualTo(1);
    // a router that is no longer in force knows arms that these counts do not
    i.chosen(SelectionCounters.Reason.ROUTE, 1);
    i.chosen(SelectionCounters.Reason.ROUTE, 1000);
    assertThat(counts.chosenBy(1) + counts.chosenBy(1000)).isZero();
    assertThat(counts.chosen(SelectionCounters.Reason.ROUTE)).isEqualTo(4);
    assertThat(counts.chosen(SelectionCounters.Reason.DEFAULT)).isEqualTo(1);
  }

  @Test
  void whatIsCountedAtTheInstanceItselfIsNeverLost() {
    SelectionCounters counts = new SelectionCounters("v1", null);
    Instance before = instance();
    before.countIn(counts);
    before.mayBeChosenBy(0);
    before.chosen(SelectionCounters.Reason.DEFAULT, 0);
    // another registration of the same address, counted elsewhere
    SelectionCounters others = new SelectionCounters("v2", null);
    Instance after = instance();
    after.continues(before);
    after.countIn(others);
    after.mayBeChosenBy(0);
    after.chosen(SelectionCounters.Reason.DEFAULT, 0);
    before.chosen(SelectionCounters.Reason.DEFAULT, 0);
    assertThat(counts.chosenBy(0)).isEqualTo(2);
    assertThat(others.chosenBy(0)).isEqualTo(1);
    // gone, and calls that had been on their way all the same
    before.chosen(SelectionCounters.Reason.DEFAULT, 0);
    before.retire();
    assertThat(counts.chosenBy(0)).isEqualTo(3);
    before.chosen(SelectionCounters.Reason.DEFAULT, 0);
    before.chosen(SelectionCounters.Reason.FALLBACK);
    assertThat(counts.chosenBy(0)).isEqualTo(4);
    assertThat(counts.chosen(SelectionCounters.Reason.FALLBACK)).isEqualTo(1);
    // chosen for the first time when it was gone already
    Instance late = instance();
    late.countIn(counts);
    late.retire();
    late.chosen(SelectionCounters.Reason.ANY);
    assertThat(counts.chosen(SelectionCounters.Reason.ANY)).isEqualTo(1);
  }

  @Test
  void choicesOfManyThreadsWhileTheyAreReadAndTheInstanceGoesAreCountedOnceEach() throws Exception {
    SelectionCounters counts = new SelectionCounters("v1", null);
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      long expected = 0;
      long read = 0;
      for (int round = 0; round < 200; round++) {
        Instance i = instance();
        i.countIn(counts);
        i.mayBeChosenBy(0);
        i.mayBeChosenBy(1);
        List<Future<?>> callers = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
          int own = t;
          callers.add(
              pool.submit(
                  () -> {
                    for (int n = 0; n < 500; n++) {
                      i.chosen(SelectionCounters.Reason.ROUTE, own);
                    }
                  }));
        }
        for (int n = 0; n < 20; n++) {
          long now = counts.chosen(SelectionCounters.Reason.ROUTE);
          assertThat(now).isGreaterThanOrEqualTo(read);
          read = now;
        }
        i.retire();
        for (Future<?> c : callers) {
          c.get();
        }
        expected += 1000;
        assertThat(counts.chosen(SelectionCounters.Reason.ROUTE)).isEqualTo(expected);
      }
      assertThat(counts.chosenBy(0)).isEqualTo(expected / 2);
      assertThat(counts.chosenBy(1)).isEqualTo(expected / 2);
    } finally {
      pool.shutdownNow();
    }
  }
}
