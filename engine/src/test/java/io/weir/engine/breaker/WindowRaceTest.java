package io.weir.engine.breaker;

import static io.weir.engine.breaker.SlidingWindow.FAILED;
import static io.weir.engine.breaker.SlidingWindow.SLOW;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** Many threads on one window: totals stay exactly what is in the window. */
class WindowRaceTest {
  private static final int THREADS = 4;
  private final ExecutorService pool = Executors.newFixedThreadPool(THREADS);

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private interface Body {
    void run(int thread, Random random) throws Exception;
  }

  private void race(long seed, Body body) throws Exception {
    CyclicBarrier together = new CyclicBarrier(THREADS);
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      int me = i;
      all.add(
          pool.submit(
              () -> {
                together.await();
                body.run(me, new Random(seed * 31 + me));
                return null;
              }));
    }
    for (Future<?> f : all) {
      f.get();
    }
  }

  @RepeatedTest(20)
  void theCountWindowNeverLosesOrInventsAnOutcome(RepetitionInfo info) throws Exception {
    int size = new int[] {1, 7, 20, 32, 100}[info.getCurrentRepetition() % 5];
    CountBasedWindow w = new CountBasedWindow(size);
    race(
        info.getCurrentRepetition(),
        (me, random) -> {
          for (int i = 0; i < 20_000; i++) {
            w.record(random.nextInt(8), 0, (c, f, s) -> false);
          }
        });
    // whatever is in the ring now is replaced by known outcomes; a drift of the totals would stay
    for (int i = 0; i < size; i++) {
      w.record(FAILED, 0, (c, f, s) -> false);
    }
    assertThat(w.failures(0)).isEqualTo(size);
    assertThat(w.slow(0)).isZero();
    for (int i = 0; i < size; i++) {
      w.record(SLOW, 0, (c, f, s) -> false);
    }
    assertThat(w.failures(0)).isZero();
    assertThat(w.slow(0)).isEqualTo(size);
  }

  @Test
  void everyPositionHasThePlaceItsRemainderSays() {
    Random random = new Random(7);
    for (int size : new int[] {1, 2, 3, 7, 20, 31, 32, 33, 1000, 65_535, 65_536, 1_000_000}) {
      CountBasedWindow w = new CountBasedWindow(size);
      for (int i = 0; i < 100_000; i++) {
        long at = i < 100 ? i : i < 200 ? Integer.MAX_VALUE - i : random.nextLong() >>> 1;
        assertThat(w.index(at)).isEqualTo((int) (at & Integer.MAX_VALUE) % size);
      }
    }
  }

  @RepeatedTest(10)
  void theTimeWindowCountsEveryOutcomeOfASecondThatManyThreadsOpenAtOnce() throws Exception {
    TimeBasedWindow w = new TimeBasedWindow(10, 0);
    for (int second = 0; second < 50; second++) {
      long now = second * 1_000_000_000L;
      race(
          second,
          (me, random) -> {
            for (int i = 0; i < 100; i++) {
              w.record(
                  (i % 2 == 0 ? FAILED : 0) | (i % 4 == 0 ? SLOW : 0), now, (c, f, s) -> false);
            }
          });
      int slots = Math.min(second + 1, 10);
      assertThat(w.calls(now)).isEqualTo(slots * THREADS * 100L);
      assertThat(w.failures(now)).isEqualTo(slots * THREADS * 50L);
      assertThat(w.slow(now)).isEqualTo(slots * THREADS * 25L);
    }
  }

  @RepeatedTest(10)
  void theTotalOfATimeWindowNeverFallsWhileItsSlotsAreReplaced() throws Exception {
    TimeBasedWindow w = new TimeBasedWindow(2, 0);
    race(
        1,
        (me, random) -> {
          long before = 0;
          for (int i = 0; i < 20_000; i++) {
            if (me == 0) {
              long total = w.total();
              assertThat(total).isGreaterThanOrEqualTo(before);
              before = total;
            } else {
              w.record(0, i * 20_000_000L, (c, f, s) -> false);
            }
          }
        });
  }

  @RepeatedTest(20)
  void aThresholdThatIsReachedByConcurrentCallsIsSeenByOneOfThem(RepetitionInfo info)
      throws Exception {
    for (int round = 0; round < 200; round++) {
      CountBasedWindow w = new CountBasedWindow(THREADS * 5);
      AtomicInteger seen = new AtomicInteger();
      race(
          round,
          (me, random) -> {
            for (int i = 0; i < 5; i++) {
              if (w.record(FAILED, 0, (c, f, s) -> c >= THREADS * 5 && f >= THREADS * 5)) {
                seen.incrementAndGet();
              }
            }
          });
      assertThat(seen.get()).isPositive();
    }
  }

  @Test
  void ofManyThreadsThatTripExactlyOneOpens() throws Exception {
    for (int round = 0; round < 200; round++) {
      CircuitBreakerRule rule = Rig.rule().countWindow(10).minCalls(10).build();
      Rig r = new Rig(rule);
      race(
          round,
          (me, random) -> {
            for (int i = 0; i < 20; i++) {
              var t = r.call();
              if (t != null) {
                t.endHttp(500, r.now);
              }
            }
          });
      assertThat(r.state()).isEqualTo("open");
      assertThat(r.breaker().openedCount()).isEqualTo(1);
    }
  }

  @Test
  void anEditUnderLoadNeverBreaksTheWindow() throws Exception {
    double never = 2;
    Rig r = new Rig(Rig.rule().failureRatio(never).build());
    race(
        1,
        (me, random) -> {
          if (me == 0) {
            for (int i = 0; i < 2000; i++) {
              r.rules(Rig.rule().countWindow(1 + random.nextInt(64)).failureRatio(never).build());
            }
          } else {
            for (int i = 0; i < 20_000; i++) {
              r.call().endHttp(random.nextBoolean() ? 200 : 500, r.now);
            }
          }
        });
    r.rules(Rig.rule().countWindow(32).minCalls(32).failureRatio(1).build());
    r.good(32);
    assertThat(r.breaker().period().window.failures(r.now)).isZero();
    r.bad(32);
    assertThat(r.state()).isEqualTo("open");
  }
}
