package io.weir.engine.limit;

import static io.weir.engine.limit.Calls.admitted;
import static io.weir.engine.limit.Calls.admittedOf;
import static io.weir.engine.limit.Calls.by;
import static io.weir.engine.limit.Calls.call;
import static io.weir.engine.limit.Calls.limits;
import static io.weir.engine.limit.Calls.rule;
import static io.weir.engine.limit.Calls.swap;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What users of other limiters ran into; the numbers are those of the list of pitfalls. */
class PitfallsTest {
  private static final long S = 1_000_000_000L;

  @Nested
  class P01 {
    @Test
    void noTwoWaitersGetOneSlot() throws Exception {
      int threads = 4;
      int each = 500;
      RateLimiters l = limits(0, rule(1000, 1).maxWaitNanos(3600 * S).build());
      CyclicBarrier together = new CyclicBarrier(threads);
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      List<Future<List<Long>>> all = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        all.add(
            pool.submit(
                () -> {
                  List<Long> waits = new ArrayList<>();
                  together.await();
                  for (int j = 0; j < each; j++) {
                    waits.add(call(l, 0).waitNanos());
                  }
                  return waits;
                }));
      }
      List<Long> waits = new ArrayList<>();
      for (Future<List<Long>> f : all) {
        waits.addAll(f.get());
      }
      pool.shutdown();
      waits.sort(null);
      for (int i = 0; i < waits.size(); i++) {
        assertThat(waits.get(i)).isBetween(i * S / 1000, i * S / 1000 + 2);
      }
    }
  }

  @Nested
  class P02 {
    @ParameterizedTest
    @ValueSource(doubles = {0.9, 0.5, 0.001, 1e-6})
    void ratesBelowOnePerSecondWork(double qps) {
      RateLimiters l = limits(0, rule(qps, 1).build());
      assertThat(admittedOf(3, l, 0)).isEqualTo(1);
      long period = (long) Math.ceil(S / qps);
      assertThat(call(l, 0).retryAfterNanos())
          .isBetween(period - 2 - period / 1_000_000_000, period + 2);
      for (int i = 1; i < 20; i++) {
        assertThat(admitted(l, i * period - period / 100)).isFalse();
        assertThat(admittedOf(3, l, i * period + 2)).isEqualTo(1);
      }
    }
  }

  @Nested
  class P03 {
    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -5_000_000_000L, -1, Long.MAX_VALUE - 500_000_000L})
    void anyReadingOfTheClockWillDo(long start) {
      RateLimiters l = limits(start, rule(10, 5).build());
      assertThat(admittedOf(10, l, start)).isEqualTo(5);
      for (int i = 1; i <= 100; i++) {
        assertThat(admittedOf(10, l, start + i * S / 10)).isEqualTo(1);
      }
    }
  }

  @Nested
  class P04 {
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void noWindowHoldsMoreThanBurstAndRate(long seed) {
      Random random = new Random(seed);
      double qps = Math.exp(random.nextDouble() * 14);
      long burst = 1 + random.nextInt(50);
      long wait = random.nextBoolean() ? 0 : (long) (random.nextInt(20) * S / qps);
      RateLimiters l = limits(0, rule(qps, burst).maxWaitNanos(wait).build());
      List<Long> times = new ArrayList<>();
      long now = 0;
      for (int i = 0; i < 4_000; i++) {
        now += random.nextInt(20) == 0 ? (long) (100 * S / qps) : (long) (S / qps / 3);
        CallLedger t = call(l, now);
        if (t.refusal() == null) {
          times.add(now + t.waitNanos());
        }
      }
      for (int i = 0; i < times.size(); i++) {
        assertThat(i == 0 || times.get(i) >= times.get(i - 1)).as("in order").isTrue();
        for (int j = i; j < Math.min(times.size(), i + 200); j++) {
          double minted = (times.get(j) - times.get(i)) * qps / S;
          assertThat(j - i + 1.0)
              .as("seed %d, calls %d to %d", seed, i, j)
              .isLessThanOrEqualTo(burst + minted + 0.01);
        }
      }
    }

    @Test
    void aWaitKnownToBeTooLongIsRefusedAtOnce() {
      RateLimiters l = limits(0, rule(1, 1).maxWaitNanos(S / 2).build());
      assertThat(admitted(l, 0)).isTrue();
      CallLedger t = call(l, 0);
      assertThat(t.refusal()).isNotNull();
      assertThat(t.waitNanos()).isZero();
    }

    @Test
    void aCancelledWaiterLosesNobodysPermit() {
      RateLimiters l = limits(0, rule(1, 1).maxWaitNanos(10 * S).build());
      Deque<CallLedger> waiting = new ArrayDeque<>();
      for (int i = 0; i < 11; i++) {
        waiting.add(call(l, 0));
      }
      assertThat(admitted(l, 0)).isFalse();
      for (int i = 0; i < 5; i++) {
        waiting.removeLast().abandon(0);
      }
      // cancelled twice is cancelled once
      CallLedger again = waiting.removeLast();
      again.abandon(0);
      again.abandon(0);
      assertThat(admittedOf(20, l, 0)).isEqualTo(6);
    }
  }

  @Nested
  class P05 {
    @Test
    void theFirstCallMayNotCostMoreThanTheBurst() {
      assertThat(admitted(limits(0, rule(5, 5).cost(5000).build()), 1000 * S)).isFalse();
      assertThat(admitted(limits(0, rule(5, 5).cost(5).build()), 0)).isTrue();
      assertThat(admitted(limits(0, rule(5, 5).cost(6).build()), 1000 * S)).isFalse();
      // unless the rule lets it wait for the rest
      RateLimiters paced = limits(0, rule(5, 5).cost(6).maxWaitNanos(S).build());
      assertThat(call(paced, 0).waitNanos()).isBetween(S / 5, S / 5 + 2);
    }

    @Test
    void periodsBelowAMicrosecondAreStillLimited() {
      RateLimiters l = limits(0, rule(7e6, 1).build());
      assertThat(admitted(l, 0)).isTrue();
      assertThat(admitted(l, 100)).isFalse();
      assertThat(admitted(l, 144)).isTrue();
      assertThat(admitted(l, 144)).isFalse();
    }
  }

  @Nested
  class P06 {
    @ParameterizedTest
    @ValueSource(doubles = {0.003, 0.7, 1.1, 3, 9.9, 1_000 / 3.0, 54_321.1, 6_999_999})
    void whoWaitsAsLongAsToldIsAdmitted(double qps) {
      Random random = new Random(1);
      RateLimiters l = limits(-7, rule(qps, 3).build());
      long now = 0;
      for (int i = 0; i < 2_000; i++) {
        now += random.nextInt(1_000_000_000);
        CallLedger t = call(l, now);
        if (t.refusal() != null) {
          now += t.retryAfterNanos();
          assertThat(admitted(l, now)).isTrue();
        }
      }
    }

    @Test
    void aRefundIsTheCostExactly() {
      RateLimiters l = limits(0, rule(1, 100).cost(7).build());
      List<CallLedger> taken = new ArrayList<>();
      for (int i = 0; i < 14; i++) {
        taken.add(call(l, 0));
      }
      assertThat(admitted(l, 0)).isFalse();
      for (CallLedger t : taken) {
        t.abandon(0);
      }
      assertThat(admittedOf(20, l, 0)).isEqualTo(14);
    }

    @Test
    void aRefundNeverFillsBeyondTheBurst() {
      RateLimiters l = limits(0, rule(1, 3).build());
      CallLedger t = call(l, 0);
      t.abandon(50 * S);
      assertThat(admittedOf(20, l, 50 * S)).isEqualTo(3);
    }

    @Test
    void aLowerBurstIsInForceAtOnce() {
      RateLimiters one = limits(0, rule(1000, 1000).build());
      RateLimiters two = swap(one, S, rule(1000, 10).build());
      assertThat(admittedOf(100, two, S)).isEqualTo(10);
      assertThat(admittedOf(100, two, 2 * S)).isEqualTo(10);
    }

    @Test
    void zeroDeniesAllAndARateAfterwardsAdmitsAgain() {
      RateLimiters one = limits(0, rule(0, 10).maxWaitNanos(S).build());
      assertThat(admittedOf(100, one, S)).isZero();
      RateLimiters two = swap(one, S, rule(1, 10).build());
      assertThat(admittedOf(100, two, S)).isZero();
      assertThat(admittedOf(100, two, 4 * S)).isEqualTo(3);
      RateLimiters three = swap(two, 4 * S, rule(0, 10).build());
      assertThat(admittedOf(100, three, 400 * S)).isZero();
    }
  }

  @Nested
  class P07 {
    @Test
    void aClockThatStandsMintsNothing() {
      RateLimiters l = limits(0, rule(1000, 5).build());
      assertThat(admittedOf(1_000_000, l, S)).isEqualTo(5);
    }

    @Test
    void aStepBackOnlyDelaysAndByNoMoreThanTheStep() {
      RateLimiters l = limits(0, rule(10, 5).build());
      assertThat(admittedOf(10, l, 100 * S)).isEqualTo(5);
      assertThat(admittedOf(10, l, 97 * S)).isZero();
      assertThat(call(l, 97 * S).retryAfterNanos()).isBetween(3 * S, 3 * S + S / 5);
      assertThat(admittedOf(10, l, 100 * S)).isZero();
      assertThat(admittedOf(10, l, 101 * S)).isEqualTo(5);
      // back before the rule was loaded
      assertThat(admittedOf(10, l, -S)).isZero();
      assertThat(admittedOf(10, l, 102 * S)).isEqualTo(5);
    }

    @Test
    void aStepBackDrainsNoFullBucket() {
      RateLimiters l = limits(0, rule(1, 5).build());
      assertThat(admitted(l, 100 * S)).isTrue();
      assertThat(admittedOf(10, l, 100 * S - 1)).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(longs = {3600 * S, Long.MAX_VALUE / 2, Long.MAX_VALUE})
    void aJumpForwardMintsOneBurst(long jump) {
      RateLimiters l = limits(0, rule(10, 5).build());
      assertThat(admittedOf(10, l, 0)).isEqualTo(5);
      assertThat(admittedOf(10, l, jump)).isEqualTo(5);
    }
  }

  @Nested
  class P08 {
    @Test
    void nothingDependsOnATimerOrOnBeingAskedRegularly() {
      RateLimiters l = limits(0, rule(100, 50).build());
      assertThat(admittedOf(100, l, 0)).isEqualTo(50);
      assertThat(admittedOf(100, l, S / 4)).isEqualTo(25);
      assertThat(admittedOf(100, l, S / 4 + S / 2)).isEqualTo(50);
    }
  }

  @Nested
  class P09 {
    @Test
    void refusedKeyedCallsDrainNoGlobalBucket() {
      RateLimiters l =
          limits(0, rule(1, 100).id("all").build(), rule(1, 1).id("k").by(by("path")).build());
      assertThat(admittedOf(10_000, l, 0, "path", "/hot")).isEqualTo(1);
      int others = 0;
      for (int i = 0; i < 200; i++) {
        others += admitted(l, 0, "path", "/" + i) ? 1 : 0;
      }
      assertThat(others).isEqualTo(99);
    }

    @Test
    void aFullGlobalBucketHidesNoKeyedRule() {
      RateLimiters l =
          limits(
              0, rule(1e6, 1_000_000).id("all").build(), rule(1, 2).id("k").by(by("path")).build());
      assertThat(admittedOf(10, l, 0, "path", "/a")).isEqualTo(2);
      assertThat(call(l, 0, "path", "/a").refusal().ruleId()).isEqualTo("k");
    }
  }

  @Nested
  class P10 {
    @Test
    void madeUpKeysAreNoBypass() {
      int maxKeys = 50;
      long burst = 10;
      RateLimiters l = limits(0, rule(1, burst).by(by("header:k")).maxKeys(maxKeys).build());
      int n = 0;
      for (int i = 0; i < 100_000; i++) {
        n += admitted(l, 0, "header:k", "made-up-" + i) ? 1 : 0;
      }
      // every key is new: the first fifty have a bucket each, of which one call was made, and the
      // rest share one
      assertThat(n).isEqualTo(maxKeys + (int) burst);
    }

    @Test
    void aDrainedKeyGetsNoFreshBucketByChurn() {
      RateLimiters l = limits(0, rule(1, 10).by(by("header:k")).maxKeys(50).build());
      assertThat(admittedOf(20, l, 0, "header:k", "victim")).isEqualTo(10);
      for (int i = 0; i < 10_000; i++) {
        admitted(l, i * 100_000, "header:k", "churn-" + i);
      }
      assertThat(admittedOf(20, l, S, "header:k", "victim")).isEqualTo(1);
    }

    @Test
    void fullBucketsMakeRoomForNewKeys() {
      RateLimiters l = limits(0, rule(1, 10).by(by("header:k")).maxKeys(50).build());
      for (int round = 0; round < 20; round++) {
        long now = round * 20 * S;
        for (int k = 0; k < 50; k++) {
          assertThat(admittedOf(20, l, now, "header:k", round + "-" + k)).isEqualTo(10);
        }
      }
      l.read((rule, hits, exceeded, keys, overflowed) -> assertThat(overflowed).isZero());
    }
  }

  @Nested
  class P11 {
    @Test
    void beyondTheBoundOnKeysEveryCallIsStillChecked() {
      int maxKeys = 1_000;
      RateLimitRule.Builder r = rule(1, 3).by(by("path")).maxKeys(maxKeys);
      RateLimiters l = limits(0, r.build());
      int n = 0;
      for (int i = 0; i < 100_000; i++) {
        n += admitted(l, 0, "path", "/orders/" + i) ? 1 : 0;
      }
      assertThat(n).isEqualTo(maxKeys + 3);
      l.read(
          (rule, hits, exceeded, keys, overflowed) -> {
            assertThat(keys).isEqualTo(maxKeys);
            assertThat(overflowed).isEqualTo(100_000 - maxKeys);
          });
      // a lower bound is in force at once for new keys
      RateLimiters less = swap(l, 0, r.maxKeys(10).build());
      assertThat(admittedOf(5, less, 0, "path", "/another")).isZero();
      assertThat(admittedOf(5, less, 0, "path", "/orders/1")).isEqualTo(2);
    }
  }

  @Nested
  class P12 {
    @Test
    void headersDescribeTheRuleThatRefusedAndItsTime() {
      RateLimiters l =
          limits(
              0,
              rule(1 / 3600.0, 1).id("hourly").match(new Calls.Method("POST")).build(),
              rule(2, 1).id("quick").build());
      assertThat(admitted(l, 0, "method", "GET")).isTrue();
      CallLedger quick = call(l, 0, "method", "GET");
      List<String> headers = new ArrayList<>();
      quick.refusal().headers(quick, (n, v) -> headers.add(n + ": " + v));
      assertThat(headers)
          .containsExactly(
              "X-Weir-Rejected: quick",
              "Retry-After: 1",
              "RateLimit-Policy: \"quick\";q=1;w=1",
              "RateLimit: \"quick\";r=0;t=1");
      assertThat(admitted(l, S, "method", "POST")).isTrue();
      CallLedger hourly = call(l, S, "method", "POST");
      assertThat(hourly.refusal().ruleId()).isEqualTo("hourly");
      assertThat(hourly.retryAfterSeconds()).isBetween(3600L, 3604L);
    }
  }
}
