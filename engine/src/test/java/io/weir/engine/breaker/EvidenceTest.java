package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.LocalFailures;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When failures may open a breaker, and for whom. */
class EvidenceTest {
  private final List<Long> told = new ArrayList<>();

  private static CircuitBreakerRule.Builder rule() {
    return Rig.rule().minNanos(Rig.SECOND);
  }

  /** So many calls a second for so many seconds. */
  private static void flow(Rig r, int perSecond, double seconds, Consumer<CallLedger> end) {
    long from = r.now;
    for (int i = 0; i < perSecond * seconds; i++) {
      r.now = from + (long) (i * (double) Rig.SECOND / perSecond);
      CallLedger t = r.call();
      if (t == null) {
        return;
      }
      end.accept(t);
    }
    r.now = from + (long) (seconds * Rig.SECOND);
  }

  private static void good(Rig r, int perSecond, double seconds) {
    flow(r, perSecond, seconds, t -> t.endHttp(200, r.now));
  }

  private static void bad(Rig r, int perSecond, double seconds) {
    flow(r, perSecond, seconds, t -> t.endHttp(503, r.now));
  }

  /** A success of another thread may end the row between its last failure and the opening. */
  @Test
  void aRowThatASuccessHasEndedMeanwhileKeepsWhatItsFailuresWere() {
    CircuitBreakerRule rule = rule().consecutiveFailures(2).minNanos(0).build();
    BreakerRuleVersion version =
        new BreakerRuleVersion(rule, new Rig(rule).breaker(), new OutcomeClassifier(rule));
    for (int kind : new int[] {0, SlidingWindow.NOT_SHARED}) {
      StatePeriod closed = StatePeriod.closed(1, SlidingWindow.of(version.rule, 0), 0, false, 0);
      closed.countInRow(SlidingWindow.FAILED | kind, 1, version);
      long row = closed.countInRow(SlidingWindow.FAILED, 2, version);
      closed.countInRow(0, 3, version);
      assertThat(row).isNotZero();
      assertThat(StatePeriod.isFleetEvidence(row)).isEqualTo(kind == 0);
    }
  }

  @Test
  void fourteenBadAnswersOfOneUserWithin88MillisecondsOpenNothing() {
    Rig r = new Rig(rule().build());
    good(r, 1000, 3);
    for (int i = 0; i < 14; i++) {
      r.call().endHttp(500, r.now);
      r.now += 6_000_000;
    }
    assertThat(r.state()).isEqualTo("closed");
    good(r, 1000, 3);
    assertThat(r.state()).isEqualTo("closed");
    Rig letter = new Rig(Rig.rule().build());
    good(letter, 1000, 3);
    letter.bad(12);
    assertThat(letter.state()).as("min_seconds: 0").isEqualTo("open");
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 50, 200, 1000, 5000})
  void aDeadTargetOpensASecondAfterItsFirstFailure(int perSecond) {
    Rig r = new Rig(rule().build());
    good(r, perSecond, 2);
    long died = r.now;
    bad(r, perSecond, 3);
    assertThat(r.state()).isEqualTo("open");
    assertThat((r.breaker().period().since - died) / 1e9).isBetween(0.9999, 1.0501);
  }

  @Test
  void atFiveCallsASecondTheWindowFillsFirst() {
    Rig r = new Rig(rule().build());
    good(r, 5, 10);
    long died = r.now;
    bad(r, 5, 10);
    assertThat((r.breaker().period().since - died) / 1e9).isBetween(2.1, 2.3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBurstIntoAnIdleServiceOpensNothing(boolean count) {
    Rig r = new Rig((count ? rule().countWindow(20) : rule().timeWindow(10)).build());
    good(r, 1, 6);
    bad(r, 200, 0.5);
    assertThat(r.state()).isEqualTo("closed");
    r.pass(2);
    bad(r, 200, 0.001);
    assertThat(r.state()).as("it still fails two seconds later").isEqualTo("open");
  }

  @Test
  void goodCallsAfterABurstDoNotMakeItOlder() {
    Rig r = new Rig(rule().build());
    for (int i = 0; i < 12; i++) {
      r.call().endHttp(503, r.now);
    }
    good(r, 4, 2);
    assertThat(r.state()).as("12 of 20, all in one moment").isEqualTo("closed");
  }

  @Test
  void halfTheCallsFailingIsLessThanTheRatioHoweverLongItLasts() {
    Rig r = new Rig(rule().build());
    int[] n = {0};
    flow(r, 1000, 10, t -> t.endHttp(n[0]++ % 2 == 0 ? 503 : 200, r.now));
    assertThat(r.state()).isEqualTo("closed");
  }

  @Test
  void aFailureLongAgoIsNoBeginningOfABurst() {
    Rig r = new Rig(rule().timeWindow(10).minCalls(10).build());
    r.bad(1);
    r.pass(60);
    bad(r, 100, 0.2);
    assertThat(r.state()).isEqualTo("closed");
  }

  @Test
  void failuresInARowSpanTimeToo() {
    Rig r = new Rig(rule().consecutiveFailures(3).minCalls(10_000).countWindow(10_000).build());
    r.bad(50);
    assertThat(r.state()).isEqualTo("closed");
    r.pass(0.9);
    r.bad(1);
    assertThat(r.state()).isEqualTo("closed");
    r.pass(0.2);
    r.bad(1);
    assertThat(r.state()).isEqualTo("open");
    Rig broken = new Rig(rule().consecutiveFailures(3).minCalls(9).countWindow(9).build());
    broken.bad(2);
    broken.good(1);
    broken.pass(5);
    broken.bad(3);
    assertThat(broken.state()).as("the row began just now").isEqualTo("closed");
  }

  @Test
  void slowCallsSpanTimeToo() {
    Rig r = new Rig(rule().slowCallNanos(1_000_000).slowRatio(0.5).build());
    flow(
        r,
        200,
        0.2,
        t -> {
          r.now += 1_000_000;
          t.endHttp(200, r.now);
        });
    assertThat(r.state()).isEqualTo("closed");
    flow(
        r,
        200,
        1.2,
        t -> {
          r.now += 1_000_000;
          t.endHttp(200, r.now);
        });
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void aClockThatStepsBackOnlyDelays() {
    Rig r = new Rig(rule().build());
    bad(r, 100, 0.5);
    r.pass(-3600);
    bad(r, 100, 2);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void anEditOfMinSecondsCountsFromTheNextFailure() {
    Rig r = new Rig(rule().build());
    bad(r, 100, 0.5);
    r.rules(Rig.rule().minNanos(0).build());
    bad(r, 100, 0.01);
    assertThat(r.state()).isEqualTo("open");
  }

  // ---- what the fleet believes

  private Rig linked(CircuitBreakerRule rule) {
    Rig r = new Rig(rule);
    r.breaker()
        .link(
            new FleetLink() {
              @Override
              public void tripped(
                  CircuitBreaker b, long epoch, long calls, long failures, long age) {
                told.add(failures);
              }

              @Override
              public void recovered(CircuitBreaker breaker) {}

              @Override
              public void wanted(CircuitBreaker breaker) {}

              @Override
              public void probing(CircuitBreaker breaker, int outstanding) {}

              @Override
              public void probed(CircuitBreaker breaker, long fence, boolean good) {}
            });
    return r;
  }

  private void opens(CircuitBreakerRule rule, boolean convinces, Consumer<CallLedger> end) {
    told.clear();
    Rig r = linked(rule);
    long from = r.now;
    for (int i = 0; i < 300 && r.state().equals("closed"); i++) {
      r.now = from + i * 10_000_000L;
      end.accept(r.call());
    }
    assertThat(r.state()).as("for this instance").isEqualTo("open");
    assertThat(told.isEmpty()).as("told the fleet").isEqualTo(!convinces);
    if (!convinces) {
      r.pass(61);
      CallLedger probe = r.call();
      end.accept(probe);
      assertThat(told).as("a bad probe does not convince either").isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 501, 505, 599})
  void plainErrorsOpenForThisInstanceOnly(int status) {
    opens(rule().fleet(true).build(), false, t -> t.endHttp(status, t.startNanos()));
  }

  @ParameterizedTest
  @ValueSource(ints = {502, 503, 504})
  void gatewayErrorsAreEvidenceForTheFleet(int status) {
    opens(rule().fleet(true).build(), true, t -> t.endHttp(status, t.startNanos()));
  }

  @Test
  void whatARuleNamesIsEvidenceForTheFleet() {
    CircuitBreakerRule named =
        rule()
            .fleet(true)
            .record(List.of("5xx"), List.of(), List.of("INTERNAL"))
            .named(true, true)
            .build();
    opens(named, true, t -> t.endHttp(500, t.startNanos()));
    opens(named, true, t -> t.endGrpc(13, null, t.startNanos()));
  }

  @Test
  void overGrpcUnavailableAndDeadlineConvinceAndInternalDoesNot() {
    CircuitBreakerRule rule = rule().fleet(true).build();
    opens(rule, true, t -> t.endGrpc(14, null, t.startNanos()));
    opens(rule, true, t -> t.endGrpc(4, Failure.TIMEOUT, null, t.startNanos()));
    opens(rule, false, t -> t.endGrpc(13, null, t.startNanos()));
    opens(rule, false, t -> t.endGrpc(2, null, t.startNanos()));
    opens(rule, false, t -> t.endGrpc(14, Failure.LOCAL, null, t.startNanos()));
  }

  @Test
  void connectionsAndTimeoutsConvinceAndFailuresOfThisSideDoNot() {
    CircuitBreakerRule rule = rule().fleet(true).build();
    opens(rule, true, t -> t.endFailure(Failure.CONNECT, new IOException(), t.startNanos()));
    opens(rule, true, t -> t.endFailure(Failure.TIMEOUT, new IOException(), t.startNanos()));
    opens(
        rule,
        false,
        t -> t.endFailure(Failure.LOCAL, new UnknownHostException("x"), t.startNanos()));
  }

  @Test
  void aMixOfOwnAndSharedFailuresConvincesByTheSharedOnesAlone() {
    int[] n = {0};
    opens(
        rule().fleet(true).build(),
        false,
        t -> t.endHttp(n[0]++ % 2 == 0 ? 500 : 503, t.startNanos()));
  }

  @Test
  void aRefusalByTheTargetsOwnWeirIsNoEvidence() {
    Rig r = new Rig(rule().build());
    flow(r, 100, 3, t -> t.endShed(Outcome.http(503), r.now));
    assertThat(r.state()).isEqualTo("closed");
    assertThat(r.breaker().ignoredCount()).isEqualTo(300);
  }

  @Test
  void causesTellWhoseFailureItIs() {
    assertThat(LocalFailures.isLocal(new UnknownHostException("x"))).isTrue();
    assertThat(LocalFailures.isLocal(new IOException(new UnknownHostException("x")))).isTrue();
    assertThat(LocalFailures.isLocal(new SSLHandshakeException("PKIX"))).isTrue();
    assertThat(LocalFailures.isLocal(new OutOfMemoryError())).isTrue();
    assertThat(LocalFailures.isLocal(new java.net.SocketException("Too many open files"))).isTrue();
    assertThat(LocalFailures.isLocal(new java.nio.file.NoSuchFileException("f"))).isTrue();
    SSLHandshakeException ended = new SSLHandshakeException("Remote host terminated the handshake");
    ended.initCause(new EOFException());
    assertThat(LocalFailures.isLocal(ended)).as("the peer hung up").isFalse();
    assertThat(LocalFailures.isLocal(new java.net.ConnectException("refused"))).isFalse();
    assertThat(LocalFailures.isLocal(null)).isFalse();
    IOException circle = new IOException("a");
    circle.initCause(new IOException(circle));
    assertThat(LocalFailures.isLocal(circle)).isFalse();
  }

  // ---- ramp

  private static Rig closedAgain(double ramp) {
    Rig r = new Rig(Rig.rule().rampNanos((long) (ramp * Rig.SECOND)).build());
    r.open();
    r.pass(61);
    r.good(3);
    assertThat(r.state()).isEqualTo("closed");
    return r;
  }

  private static int passed(Rig r, int perSecond, double seconds) {
    int passed = 0;
    long from = r.now;
    for (int i = 0; i < perSecond * seconds; i++) {
      r.now = from + (long) (i * (double) Rig.SECOND / perSecond);
      CallLedger t = r.call();
      if (t != null) {
        passed++;
        t.endHttp(200, r.now);
      }
    }
    r.now = from + (long) (seconds * Rig.SECOND);
    return passed;
  }

  @Test
  void trafficComesBackWithinTheRamp() {
    Rig r = closedAgain(10);
    assertThat(passed(r, 1000, 1)).isBetween(100, 200);
    assertThat(passed(r, 1000, 9)).isBetween(5000, 6500);
    assertThat(passed(r, 1000, 1)).isEqualTo(1000);
  }

  @Test
  void belowTenCallsASecondThereIsNoRamp() {
    Rig r = closedAgain(10);
    assertThat(passed(r, 9, 10)).isEqualTo(90);
  }

  @Test
  void afterAnOperatorsHandThereIsNoRamp() {
    Rig r = closedAgain(10);
    r.breaker().force(CircuitBreakerRule.Force.CLOSED);
    r.breaker().force(CircuitBreakerRule.Force.NONE);
    assertThat(passed(r, 1000, 1)).isEqualTo(1000);
  }

  // ---- the racy claim

  /**
   * ACCEPTABLE: evidence that begins up to an eighth of min_seconds late. FORBIDDEN: evidence where
   * all failures are younger, or with more failures than calls.
   */
  @RepeatedTest(50)
  void aTrailThatManyThreadsWriteNeverInventsEvidence() throws Exception {
    int threads = 4;
    int perThread = 5_000;
    CountBasedWindow window = new CountBasedWindow(20);
    AtomicLong clock = new AtomicLong();
    AtomicLong asked = new AtomicLong();
    List<String> wrong = new CopyOnWriteArrayList<>();
    SlidingWindow.Judge judge =
        new SlidingWindow.Judge() {
          @Override
          public boolean trips(long calls, long failures, long slow) {
            if (calls > 20) { // by the trail
              asked.incrementAndGet();
              if (calls < 1000 - threads || failures > calls + threads) {
                wrong.add(calls + " " + failures);
              }
            }
            return true;
          }

          @Override
          public long minNanos() {
            return 1_000_000; // a thousand calls
          }
        };
    CyclicBarrier together = new CyclicBarrier(threads);
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      all.add(
          pool.submit(
              () -> {
                together.await();
                for (int c = 0; c < perThread; c++) {
                  window.record(SlidingWindow.FAILED, clock.getAndAdd(1000), judge);
                }
                return null;
              }));
    }
    for (Future<?> f : all) {
      f.get();
    }
    pool.shutdown();
    assertThat(wrong).isEmpty();
    assertThat(asked.get()).as("there is evidence in the end").isPositive();
  }
}
