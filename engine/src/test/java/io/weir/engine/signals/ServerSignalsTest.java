package io.weir.engine.signals;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerSignalsTest {
  private static final long MS = 1_000_000L;
  private static final long S = 1000 * MS;

  private long now = -5 * S;
  private final ServerSignals signals = new ServerSignals("shop", now);
  private final CallLedger ledger = new CallLedger();

  private CallLedger call(long took) {
    ledger.begin(now, signals);
    now += took;
    return ledger;
  }

  @Test
  void outcomesAreJudgedAsTheCallersBreakersJudgeThem() {
    call(MS).endHttp(200, now);
    call(MS).endHttp(404, now);
    call(MS).endHttp(500, now);
    call(MS).endHttp(503, now);
    call(MS).endGrpc(0, null, now);
    call(MS).endGrpc(5, null, now); // NOT_FOUND
    call(MS).endGrpc(13, null, now); // INTERNAL
    call(MS).endGrpc(4, Failure.TIMEOUT, null, now);
    call(MS).endGrpc(1, Failure.CANCELLED, null, now);
    call(MS).endFailure(Failure.CANCELLED, null, now);
    call(MS).abandon(now);
    assertThat(signals.total()).hasToString("4 ok, 4 errors, 2 ignored, 0 slow");
    assertThat(signals.total().errorRatio()).isEqualTo(0.5);
    assertThat(signals.total().meanNanos()).isEqualTo(MS);
  }

  @Test
  void theServicesOwnBreakerRuleSaysWhatIsAnErrorAndWhatIsSlow() {
    signals.judgeBy(
        List.of(
            CircuitBreakerRule.builder()
                .service("shop")
                .record(List.of("404"), List.of(), List.of())
                .ignore(List.of("503"), List.of(), List.of())
                .slowCallNanos(20 * MS)
                .build()));
    call(MS).endHttp(404, now);
    call(MS).endHttp(503, now);
    call(20 * MS).endHttp(200, now);
    call(19 * MS).endHttp(200, now);
    assertThat(signals.total()).hasToString("2 ok, 1 errors, 1 ignored, 1 slow");
    signals.judgeBy(List.of());
    call(999 * MS).endHttp(404, now);
    call(S).endHttp(200, now);
    assertThat(signals.total()).hasToString("4 ok, 1 errors, 1 ignored, 2 slow");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aWindowHoldsWhatEndedInItWhateverTheGapsBetweenCalls(long seed) {
    Random random = new Random(seed);
    List<long[]> ended = new ArrayList<>();
    long origin = now;
    for (int i = 0; i < 3000; i++) {
      now += (long) (random.nextInt(20) == 0 ? random.nextDouble() * 90 * S : 300 * MS);
      boolean good = random.nextBoolean();
      call(0).endHttp(good ? 200 : 500, now);
      ended.add(new long[] {(now - origin) / S, good ? 0 : 1});
      int seconds = 1 + random.nextInt(ServerSignals.SECONDS);
      long later = now + random.nextInt(3) * 700 * MS;
      long from = (later - origin) / S - seconds + 1;
      ServedCalls r = signals.last(seconds, later);
      assertThat(r.calls())
          .as("seed %d, call %d, %d s", seed, i, seconds)
          .isEqualTo(ended.stream().filter(e -> e[0] >= from).count());
      assertThat(r.errors)
          .isEqualTo(ended.stream().filter(e -> e[0] >= from).mapToLong(e -> e[1]).sum());
    }
  }

  @Test
  void aWindowThatIsNotKeptIsRefused() {
    assertThatThrownBy(() -> signals.last(64, now)).hasMessageContaining("1 to 63");
    assertThatThrownBy(() -> signals.last(0, now)).isInstanceOf(IllegalArgumentException.class);
    assertThat(signals.last(63, now).calls()).isZero();
  }

  @Tag("no-mutation")
  @Test
  void noOutcomeIsLostBetweenThreads() throws Exception {
    int threads = 8;
    int calls = 20_000;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    List<Future<?>> done = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int me = t;
      done.add(
          pool.submit(
              () -> {
                CallLedger mine = new CallLedger();
                for (int i = 0; i < calls; i++) {
                  long at = now + i * MS; // twenty seconds, so marks are written meanwhile
                  mine.begin(at, signals);
                  mine.endHttp(me % 2 == 0 ? 200 : 500, at + MS);
                }
              }));
    }
    for (Future<?> f : done) {
      f.get();
    }
    pool.shutdown();
    ServedCalls all = signals.total();
    assertThat(all.ok).isEqualTo(threads / 2 * calls);
    assertThat(all.errors).isEqualTo(threads / 2 * calls);
    assertThat(all.nanos).isEqualTo((long) threads * calls * MS);
    assertThat(signals.last(63, now + calls * MS).calls()).isEqualTo(all.calls());
  }

  @Tag("no-mutation")
  @Test
  void countingAllocatesNothing() {
    int calls = 50_000;
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    long bytes = 0;
    for (int round = 0; round < 2; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < calls; i++) {
        call(MS).endHttp(i % 7 == 0 ? 500 : 200, now);
      }
      bytes = threads.getThreadAllocatedBytes(id) - before;
    }
    assertThat(bytes).as("%d bytes in %d calls", bytes, calls).isLessThan(calls / 10);
  }

  @Test
  void aWindowIsTheRunningSecondAndTheWholeOnesBeforeIt() {
    long origin = now;
    for (int i = 0; i < 200; i++) {
      now = origin + i * S + S / 2;
      call(0).endHttp(i % 2 == 0 ? 200 : 500, now);
    }
    for (int seconds = 1; seconds <= ServerSignals.SECONDS; seconds++) {
      assertThat(signals.last(seconds, now).calls()).isEqualTo(seconds);
      assertThat(signals.last(seconds, now).errors).isEqualTo((seconds + 1) / 2);
    }
    assertThat(signals.last(1, now + S / 2 - 1).calls()).isEqualTo(1);
    assertThat(signals.last(1, now + S / 2).calls()).as("the next second").isZero();
    assertThat(signals.last(2, now + S / 2).calls()).isEqualTo(1);
    assertThat(signals.last(63, now + 63 * S).calls()).isZero();
    assertThat(signals.last(63, now + 62 * S).calls()).isEqualTo(1);
  }

  @Test
  void whatAWindowHoldsIsCountedWhole() {
    call(2 * S).endHttp(500, now);
    now += 10 * S;
    call(3 * S).endHttp(200, now);
    call(0).endFailure(Failure.CANCELLED, null, now);
    ServedCalls r = signals.last(5, now);
    assertThat(r).hasToString("1 ok, 0 errors, 1 ignored, 1 slow");
    assertThat(r.nanos).isEqualTo(3 * S);
    assertThat(r.meanNanos()).isEqualTo(3 * S);
    assertThat(r.errorRatio()).isZero();
    ServedCalls none = signals.last(5, now + 60 * S);
    assertThat(none.meanNanos()).isZero();
    assertThat(none.errorRatio()).isZero();
    assertThat(signals.total()).hasToString("1 ok, 1 errors, 1 ignored, 2 slow");
    assertThat(signals).hasToString("shop 1 ok, 1 errors, 1 ignored, 2 slow");
  }

  @Test
  void aClockThatWentBackMakesNoCallLongerThanNothing() {
    call(0);
    ledger.endHttp(200, now - S);
    assertThat(signals.total().nanos).isZero();
    assertThat(signals.total().ok).isEqualTo(1);
  }

  @Test
  void whatCannotBeJudgedIsAnError() {
    Throwable odd = new Throwable();
    signals.judgeBy(
        List.of(
            CircuitBreakerRule.builder()
                .ignore(List.of(), java.util.Collections.singletonList(null), List.of())
                .build()));
    call(MS).endFailure(Failure.EXCEPTION, odd, now);
    assertThat(signals.total().errors).isEqualTo(1);
  }
}
