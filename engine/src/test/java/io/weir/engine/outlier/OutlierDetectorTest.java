package io.weir.engine.outlier;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class OutlierDetectorTest {
  private static final long SECOND = 1_000_000_000L;
  private long now = -7 * SECOND;
  private List<Instance> all;
  private OutlierDetector outliers;

  private void instances(int n, int percent) {
    all = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      all.add(new Instance("order", "127.0.0.1", 8000 + i, null, null, null, Map.of(), 100, null));
    }
    outliers = OutlierDetector.build(null, all, percent, now, () -> 0.5);
  }

  private void calls(int instance, int status, int times) {
    for (int i = 0; i < times; i++) {
      all.get(instance).callStarted();
      all.get(instance).callEnded(Outcome.http(status), now);
    }
  }

  private boolean out(int instance) {
    return all.get(instance).ejected(now);
  }

  private void interval() {
    now += 10 * SECOND;
    calls(0, 404, 1); // some call ends
  }

  @Test
  void fiveGatewayErrorsInARowEject() {
    instances(10, 10);
    calls(3, 503, 4);
    calls(3, 500, 1); // no gateway error: the row is broken
    calls(3, 503, 4);
    assertThat(out(3)).isFalse();
    calls(3, 502, 1);
    assertThat(out(3)).isTrue();
  }

  @Test
  void connectFailuresAndTimeoutsAreGatewayErrorsAndTheCallersCancelIsNothing() {
    instances(10, 10);
    for (int i = 0; i < 10; i++) {
      all.get(1).callEnded(Outcome.grpc(1), now);
    }
    assertThat(out(1)).isFalse();
    for (int i = 0; i < 5; i++) {
      all.get(1).callEnded(Outcome.failed(Failure.CONNECT), now);
    }
    assertThat(out(1)).isTrue();
  }

  @Test
  void aShareOfFailuresEjectsOnceThereAreEnoughCalls() {
    instances(10, 10);
    calls(4, 500, 17);
    calls(4, 200, 2);
    interval();
    assertThat(out(4)).as("19 calls are not enough").isFalse();
    calls(4, 500, 17);
    calls(4, 200, 3);
    interval();
    assertThat(out(4)).as("85 % of 20").isTrue();
  }

  @Test
  void aSuccessRateFarBelowThePeersEjects() {
    instances(10, 50);
    for (int i = 0; i < 10; i++) {
      calls(i, 200, i == 7 ? 70 : 99);
      calls(i, 500, i == 7 ? 30 : 1);
    }
    interval();
    for (int i = 0; i < 10; i++) {
      assertThat(out(i)).isEqualTo(i == 7);
    }
  }

  @Test
  void instancesThatNeverSucceedAreCandidatesEvenWhenTheThresholdIsNegative() {
    instances(6, 100);
    for (int i = 0; i < 6; i++) {
      calls(i, i < 3 ? 200 : 500, 100); // mean 0.5, sigma 0.5: 0.5 - 0.95 < 0
    }
    interval();
    assertThat(outliers.ejected(now)).isEqualTo(3);
  }

  @Test
  void neverMoreThanTheShareIsOutThoughAlwaysOneMayBe() {
    instances(20, 10);
    for (int i = 0; i < 20; i++) {
      calls(i, 503, 20);
    }
    assertThat(outliers.ejected(now)).isEqualTo(2);
    instances(3, 10);
    for (int i = 0; i < 3; i++) {
      calls(i, 503, 20);
    }
    assertThat(outliers.ejected(now)).isEqualTo(1);
  }

  @Test
  void theTimeOutGrowsWithEachEjectionUpToItsCapAndDecaysWhenHealthy() {
    instances(10, 10);
    for (int time = 1; time <= 12; time++) {
      calls(2, 503, 5);
      assertThat(all.get(2).ejectedUntil() - now).isEqualTo(Math.min(300, 30 * time) * SECOND);
      now = all.get(2).ejectedUntil();
      assertThat(out(2)).isFalse();
    }
    for (int good = 0; good < 9; good++) {
      calls(2, 200, 1);
      interval();
    }
    calls(2, 503, 5);
    assertThat(all.get(2).ejectedUntil() - now).isLessThanOrEqualTo(90 * SECOND);
  }

  @Test
  void whatIsUnderWayWhenAnInstanceIsEjectedDoesNotProlongIt() {
    instances(10, 10);
    calls(2, 503, 5);
    long until = all.get(2).ejectedUntil();
    now += SECOND;
    calls(2, 503, 50);
    assertThat(all.get(2).ejectedUntil()).isEqualTo(until);
  }

  @Test
  void anEjectionOutlivesAChangeOfTheInstancesAndEndsWithTheRule() {
    instances(10, 10);
    calls(2, 503, 5);
    Instance again =
        new Instance("order", "127.0.0.1", 8002, "v2", null, null, Map.of(), 100, null);
    again.continues(all.get(2));
    all.set(2, again);
    OutlierDetector next = OutlierDetector.build(outliers, all, 10, now, () -> 0.5);
    assertThat(next.ejected(now)).isEqualTo(1);
    assertThat(out(2)).isTrue();
    assertThat(OutlierDetector.build(next, all, 0, now, () -> 0.5)).isNull();
    assertThat(out(2)).as("out although its rule is gone").isFalse();
    calls(3, 503, 50);
    assertThat(out(3)).isFalse();
  }

  @Test
  void aLowerShareLetsInstancesReturnAtOnce() {
    instances(10, 50);
    for (int i = 0; i < 4; i++) {
      calls(i, 503, 5);
    }
    assertThat(outliers.ejected(now)).isEqualTo(4);
    outliers = OutlierDetector.build(outliers, all, 20, now, () -> 0.5);
    assertThat(outliers.ejected(now)).isEqualTo(2);
  }

  @Tag("no-mutation")
  @Test
  void manyThreadsNeverEjectMoreThanTheShare() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      for (int round = 0; round < 100; round++) {
        instances(20, 10);
        CyclicBarrier together = new CyclicBarrier(4);
        List<Future<?>> f = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
          int me = t;
          f.add(
              pool.submit(
                  () -> {
                    together.await();
                    for (int i = 0; i < 20; i++) {
                      calls((i + me * 5) % 20, 503, 5);
                    }
                    return null;
                  }));
        }
        for (Future<?> one : f) {
          one.get();
        }
        assertThat(outliers.ejected(now)).isBetween(1, 2);
      }
    } finally {
      pool.shutdownNow();
    }
  }
}
