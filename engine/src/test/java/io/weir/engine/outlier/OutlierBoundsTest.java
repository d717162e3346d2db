package io.weir.engine.outlier;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where what ejects an instance begins. */
class OutlierBoundsTest {
  private static final long SECOND = 1_000_000_000L;
  private long now = -7 * SECOND;
  private double dice = 0.5;
  private final List<Instance> all = new ArrayList<>();
  private OutlierDetector outliers;

  private void instances(int n, int percent) {
    for (int i = 0; i < n; i++) {
      all.add(new Instance("order", "127.0.0.1", 8000 + i, null, null, null, Map.of(), 100, null));
    }
    outliers = OutlierDetector.build(null, all, percent, now, () -> dice);
  }

  private void ends(int instance, int outcome, int times) {
    for (int i = 0; i < times; i++) {
      all.get(instance).callEnded(outcome, now);
    }
  }

  private static int outcome(String text) {
    int number = text.indexOf(' ') + 1;
    return text.startsWith("HTTP")
        ? Outcome.http(Integer.parseInt(text.substring(number)))
        : text.startsWith("gRPC")
            ? Outcome.grpc(Integer.parseInt(text.substring(number)))
            : text.equals("unhandled")
                ? Outcome.message(false)
                : Outcome.failed(Failure.valueOf(text));
  }

  private void calls(int instance, int bad, int good) {
    ends(instance, Outcome.http(500), bad);
    ends(instance, Outcome.http(200), good);
  }

  private void interval() {
    now += 10 * SECOND;
    ends(0, Outcome.http(404), 1);
  }

  private boolean out(int instance) {
    return all.get(instance).ejected(now);
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP 502, true", "HTTP 503, true", "HTTP 504, true", "gRPC 14, true", "gRPC 4, true",
    "CONNECT, true", "TIMEOUT, true", "HTTP 501, false", "HTTP 505, false", "HTTP 500, false",
    "gRPC 13, false", "gRPC 2, false", "gRPC 1, false", "gRPC 0, false", "HTTP 200, false",
    "unhandled, false"
  })
  void onlyGatewayErrorsInARowEjectAtOnce(String outcome, boolean ejects) {
    instances(10, 10);
    ends(3, outcome(outcome), 4);
    assertThat(out(3)).isFalse();
    ends(3, outcome(outcome), 1);
    assertThat(out(3)).isEqualTo(ejects);
    assertThat(outliers.ejected(now)).isEqualTo(ejects ? 1 : 0);
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP 500, true",
    "HTTP 599, true",
    "HTTP 499, false",
    "gRPC 13, true",
    "gRPC 2, true",
    "gRPC 5, false",
    "gRPC 1, false",
    "unhandled, true"
  })
  void whatIsAFailureCountsInTheShare(String outcome, boolean failure) {
    instances(10, 10);
    ends(3, outcome(outcome), 20);
    interval();
    assertThat(out(3)).isEqualTo(failure);
  }

  @Test
  void anIntervalLastsTenSecondsAndItsCountsAreGoneWithIt() {
    instances(10, 10);
    calls(3, 19, 0);
    now += 10 * SECOND - 1;
    calls(3, 1, 0);
    assertThat(out(3)).as("not judged yet").isFalse();
    now += 1;
    ends(0, Outcome.http(200), 1);
    assertThat(out(3)).isTrue();
    calls(4, 10, 0);
    interval();
    calls(4, 10, 0);
    interval();
    assertThat(out(4)).as("ten and ten are not twenty").isFalse();
  }

  @Test
  void aShareBelowEightyFivePercentIsNotEnough() {
    instances(10, 10);
    calls(3, 84, 16);
    interval();
    assertThat(out(3)).isFalse();
    calls(3, 16, 4);
    interval();
    assertThat(out(3)).isFalse();
    calls(3, 85, 15);
    interval();
    assertThat(out(3)).isTrue();
  }

  @Test
  void aRateIsComparedOnlyAmongEnoughPeersWithEnoughCalls() {
    instances(5, 100);
    for (int i = 0; i < 5; i++) {
      calls(i, i == 4 ? 50 : 0, i == 4 ? 50 : 99 + (i == 0 ? 0 : 1));
    }
    // instance 0 has 99 calls, and this one is counted after the interval
    now += 10 * SECOND;
    ends(4, Outcome.http(200), 1);
    assertThat(out(4)).as("four peers").isFalse();
    for (int i = 0; i < 5; i++) {
      calls(i, i == 4 ? 50 : 0, i == 4 ? 50 : 100);
    }
    interval();
    assertThat(out(4)).as("of five the spread is two deviations").isTrue();
    assertThat(outliers.ejected(now)).isEqualTo(1);
  }

  @Test
  void whatAllSufferNobodyIsEjectedFor() {
    instances(6, 100);
    for (int i = 0; i < 6; i++) {
      calls(i, 50, 50);
    }
    interval();
    assertThat(outliers.ejected(now)).isZero();
  }

  @Test
  void chanceTakesATenthOffOrOnAndTheCapHolds() {
    instances(10, 10);
    dice = 0;
    ends(2, Outcome.http(503), 5);
    assertThat(all.get(2).ejectedUntil() - now).isEqualTo(27 * SECOND);
    now = all.get(2).ejectedUntil();
    dice = 1;
    ends(2, Outcome.http(503), 5);
    assertThat(all.get(2).ejectedUntil() - now).isEqualTo(66 * SECOND);
    for (int i = 0; i < 20; i++) {
      now = all.get(2).ejectedUntil();
      ends(2, Outcome.http(503), 5);
      assertThat(all.get(2).ejectedUntil() - now).isLessThanOrEqualTo(300 * SECOND);
    }
    dice = 0;
    now = all.get(2).ejectedUntil();
    ends(2, Outcome.http(503), 5);
    assertThat(all.get(2).ejectedUntil() - now).isEqualTo(270 * SECOND);
  }

  @Test
  void afterItsReturnItTakesFiveAgain() {
    instances(10, 10);
    ends(2, Outcome.http(503), 5);
    now = all.get(2).ejectedUntil();
    ends(2, Outcome.http(503), 4);
    assertThat(out(2)).isFalse();
    ends(2, Outcome.http(503), 1);
    assertThat(out(2)).isTrue();
  }

  @Test
  void anIntervalWithoutSuccessForgivesNothing() {
    instances(10, 10);
    ends(2, Outcome.http(503), 5);
    now = all.get(2).ejectedUntil();
    for (int i = 0; i < 5; i++) {
      interval();
    }
    ends(2, Outcome.http(503), 5);
    assertThat(all.get(2).ejectedUntil() - now).as("nobody called it").isEqualTo(60 * SECOND);
    now = all.get(2).ejectedUntil();
    calls(2, 0, 1);
    interval();
    ends(2, Outcome.http(503), 5);
    assertThat(all.get(2).ejectedUntil() - now).as("one good interval").isEqualTo(60 * SECOND);
  }

  @Test
  void shareOfInstancesIsRoundedDownAndOneMayAlwaysBeOut() {
    instances(19, 10);
    for (int i = 0; i < 19; i++) {
      ends(i, Outcome.http(503), 5);
    }
    assertThat(outliers.ejected(now)).isEqualTo(1);
  }

  @Test
  void whoIsJudgedIsToldHowCallsEndAndNobodyElse() {
    instances(2, 10);
    assertThat(all.get(0).outcomes()).isNotNull();
    assertThat(OutlierDetector.build(outliers, all, 20, now, () -> dice)).isSameAs(outliers);
    Object tally = all.get(0).outcomes();
    OutlierDetector.build(outliers, all, 10, now, () -> dice);
    assertThat(all.get(0).outcomes()).as("goes on").isSameAs(tally);
    OutlierDetector other = OutlierDetector.build(null, all, 10, now, () -> dice);
    assertThat(other).isNotSameAs(outliers);
    assertThat(all.get(0).outcomes()).as("another's tally").isNotSameAs(tally);
    assertThat(OutlierDetector.build(other, all, 0, now, () -> dice)).isNull();
    assertThat(all.get(0).outcomes()).isNull();
    assertThat(all.get(1).outcomes()).isNull();
    assertThat(OutlierDetector.build(null, List.of(), 10, now)).isNull();
    assertThat(OutlierDetector.build(null, all, 10, now)).isNotNull();
  }
}
