package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.RateLimitRule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The windows of an adaptive limit. The first one that was used ends in a probe: 20 becomes 6. */
class ConcurrencyLimitTest {
  private static final long MS = 1_000_000L;
  private static final long START = -3;

  private static final int ANSWERED = Outcome.http(200);
  private static final int OVERLOADED = Outcome.http(503);
  private static final int TELLS_NOTHING = Outcome.NONE;

  private final ConcurrencyLimit slots = new ConcurrencyLimit(adaptive(100), START);

  private static RateLimitRule adaptive(int most) {
    return RateLimitRule.builder()
        .maxConcurrent(most)
        .adaptive(new RateLimitRule.Adaptive(1, 20, 1.5))
        .build();
  }

  /** So many calls at once that end together. */
  private void calls(int n, int outcome, long began, long ended) {
    for (int i = 0; i < n; i++) {
      assertThat(slots.take()).isTrue();
    }
    for (int i = 0; i < n; i++) {
      slots.free(outcome, began, ended);
    }
  }

  @Test
  void aWindowEndsAfterATenthOfASecondAndNotBefore() {
    calls(20, ANSWERED, START, START + MS);
    calls(10, ANSWERED, START, START + 100 * MS - 1);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, START, START + 100 * MS);
    assertThat(slots.limit()).isEqualTo(6);
    assertThat(slots.inFlight()).isZero();
  }

  @Test
  void aWindowWithLessThan25CallsGoesOn() {
    calls(20, ANSWERED, START, START + MS);
    calls(4, ANSWERED, START, START + 100 * MS);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, START, START + 200 * MS - 1);
    assertThat(slots.limit()).as("looked at again a tenth of a second later").isEqualTo(20);
    calls(1, ANSWERED, START, START + 200 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void whatTellsNothingIsNotCounted() {
    calls(20, TELLS_NOTHING, START, START + MS);
    calls(4, ANSWERED, START, START + MS);
    calls(20, TELLS_NOTHING, START, START + 150 * MS);
    calls(1, ANSWERED, START, START + 150 * MS);
    assertThat(slots.limit()).isEqualTo(20);
  }

  @Test
  void callsThatBeganUnderAnEarlierLimitAreNotCounted() {
    calls(20, ANSWERED, START - 1, START + MS);
    calls(20, ANSWERED, START - 1, START + 150 * MS);
    calls(20, ANSWERED, START, START + MS);
    calls(4, ANSWERED, START, START + MS);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, START, START + 150 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void overloadedCallsShrinkIt() {
    calls(20, OVERLOADED, START, START + MS);
    calls(4, OVERLOADED, START, START + MS);
    calls(1, OVERLOADED, START, START + 100 * MS);
    assertThat(slots.limit()).isEqualTo(14);
  }

  @Test
  void aWindowForgetsTheOneBefore() {
    calls(20, OVERLOADED, START, START + MS);
    calls(4, OVERLOADED, START, START + MS);
    calls(1, OVERLOADED, START, START + 100 * MS);
    long then = START + 100 * MS;
    calls(14, ANSWERED, then, then + MS);
    calls(9, ANSWERED, then, then + MS);
    calls(1, ANSWERED, then, then + 100 * MS);
    assertThat(slots.limit()).as("24 calls since").isEqualTo(14);
    calls(1, ANSWERED, then, then + 200 * MS);
    assertThat(slots.limit()).as("none of them overloaded: a probe").isEqualTo(4);
  }

  @Test
  void aLimitThatIsFullIsUsed() {
    ConcurrencyLimit full = new ConcurrencyLimit(adaptive(3), START);
    for (int i = 0; i < 3; i++) {
      assertThat(full.take()).isTrue();
    }
    assertThat(full.take()).isFalse();
    assertThat(full.inFlight()).isEqualTo(3);
    for (int i = 0; i < 24; i++) {
      full.free(ANSWERED, START, START + MS);
      full.take();
    }
    full.free(ANSWERED, START, START + 100 * MS);
    assertThat(full.limit()).as("a probe").isEqualTo(1);
  }

  @Test
  void withoutUseThereIsNoProbe() {
    calls(15, ANSWERED, START, START + MS);
    calls(9, ANSWERED, START, START + MS);
    calls(1, ANSWERED, START, START + 100 * MS);
    assertThat(slots.limit()).isEqualTo(20);
  }

  @Test
  void slowCallsMakeALongerWindow() {
    calls(15, ANSWERED, START, START + 99 * MS);
    calls(9, ANSWERED, START, START + 99 * MS);
    calls(1, ANSWERED, START, START + 100 * MS);
    // half of them took 99 ms: the next window lasts three times as long
    long then = START + 100 * MS;
    calls(20, ANSWERED, then, then + MS);
    calls(5, ANSWERED, then, then + 280 * MS);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, then, then + 320 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void noWindowIsLongerThanFiveSeconds() {
    long minute = START + 60_000 * MS;
    calls(15, ANSWERED, START, minute);
    calls(9, ANSWERED, START, minute);
    calls(1, ANSWERED, START, minute + 100 * MS);
    long then = minute + 100 * MS;
    calls(20, ANSWERED, then, then + MS);
    calls(5, ANSWERED, then, then + 4_999 * MS);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, then, then + 5_000 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void aRuleThatNoLongerAdaptsHasItsOwnLimitAtOnce() {
    calls(20, ANSWERED, START, START + MS);
    slots.edited(RateLimitRule.builder().maxConcurrent(50).build(), START + 2 * MS);
    assertThat(slots.limit()).isEqualTo(50);
    calls(50, ANSWERED, START, START + 200 * MS);
    assertThat(slots.limit()).isEqualTo(50);
  }

  @Test
  void anEditBeginsAWindowOfItsOwn() {
    calls(20, ANSWERED, START, START + 50 * MS);
    slots.edited(adaptive(90), START + 60 * MS);
    calls(5, ANSWERED, START + 60 * MS, START + 159 * MS);
    assertThat(slots.limit()).isEqualTo(20);
    calls(1, ANSWERED, START + 60 * MS, START + 160 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void anEditLeavesAWindowAloneThatAnotherThreadCloses() {
    slots.windowEnd = ConcurrencyLimit.CLAIMED;
    slots.edited(adaptive(90), START + 60 * MS);
    calls(20, ANSWERED, START + 60 * MS, START + 61 * MS);
    calls(10, ANSWERED, START + 60 * MS, START + 61 * MS);
    calls(1, ANSWERED, START + 60 * MS, START + 500 * MS);
    assertThat(slots.limit()).as("no second thread closes it").isEqualTo(20);
    slots.windowEnd = 0; // the other thread is through
    calls(1, ANSWERED, START + 60 * MS, START + 500 * MS);
    assertThat(slots.limit()).isEqualTo(6);
  }

  @Test
  void timesAreCountedWithinSixPercent() {
    for (long nanos = 1; nanos < 1L << 50; nanos += 1 + nanos / 7) {
      int b = ConcurrencyLimit.bucket(nanos);
      assertThat(nanos)
          .isBetween(ConcurrencyLimit.lowerBound(b), ConcurrencyLimit.lowerBound(b + 1) - 1);
      assertThat(ConcurrencyLimit.lowerBound(b + 1) - ConcurrencyLimit.lowerBound(b))
          .isLessThanOrEqualTo(Math.max(1024, (nanos + 16_384) / 16 + 1));
    }
    assertThat(ConcurrencyLimit.lowerBound(1)).isZero();
    assertThat(ConcurrencyLimit.bucket(1023)).isEqualTo(1);
    assertThat(ConcurrencyLimit.bucket(1024)).isEqualTo(2);
    assertThat(ConcurrencyLimit.bucket(-1)).isEqualTo(1);
  }

  private static String says(int outcome) {
    return ConcurrencyLimit.isOverload(outcome)
        ? "overload"
        : ConcurrencyLimit.isWorthTiming(outcome) ? "answer" : "nothing";
  }

  @ParameterizedTest
  @CsvSource({
    "200, answer",
    "404, answer",
    "499, answer",
    "500, nothing",
    "501, nothing",
    "502, nothing",
    "429, overload",
    "503, overload",
    "504, overload"
  })
  void anHttpAnswerIsWorthTimingUnlessItFailedOrWasTurnedAway(int status, String says) {
    assertThat(says(Outcome.http(status))).isEqualTo(says);
    assertThat(says(Outcome.shed(Outcome.http(status)))).isEqualTo("overload");
  }

  @ParameterizedTest
  @CsvSource({
    "0, answer",
    "1, nothing",
    "2, nothing",
    "4, overload",
    "5, nothing",
    "8, overload",
    "13, nothing",
    "14, overload",
    "16, nothing"
  })
  void aGrpcAnswerToo(int code, String says) {
    assertThat(says(Outcome.grpc(code))).isEqualTo(says);
    assertThat(says(Outcome.grpc(code, Failure.LOCAL))).isEqualTo("nothing");
    assertThat(says(Outcome.grpc(code, Failure.TIMEOUT))).isEqualTo("overload");
  }

  @ParameterizedTest
  @CsvSource({"true, answer", "false, nothing"})
  void aMessageIsWorthTimingWhenItWasHandled(boolean handled, String says) {
    assertThat(says(Outcome.message(handled))).isEqualTo(says);
  }

  @ParameterizedTest
  @CsvSource({
    "CONNECT, nothing",
    "TIMEOUT, overload",
    "CANCELLED, nothing",
    "EXCEPTION, nothing",
    "LOCAL, nothing"
  })
  void withoutAnAnswerOnlyATimeoutTellsSomething(Failure failure, String says) {
    assertThat(says(Outcome.failed(failure))).isEqualTo(says);
  }

  @Test
  void whatEndedWithoutAWordTellsNothing() {
    assertThat(says(Outcome.NONE)).isEqualTo("nothing");
  }
}
