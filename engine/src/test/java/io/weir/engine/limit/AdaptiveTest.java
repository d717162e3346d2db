package io.weir.engine.limit;

import static io.weir.engine.limit.Station.MS;
import static io.weir.engine.limit.Station.S;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.RateLimitRule;
import java.util.Random;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The adaptive limit against a model of a service, on a clock of its own: what others' limits
 * stumbled over, one by one. {@code knee} is how many calls the service works on at once.
 */
@Tag("no-mutation")
class AdaptiveTest {
  private final long[] took = new long[2];
  private RateLimiters limits;

  private Station station(int workers, long serviceNanos) {
    return station(workers, Station.around(serviceNanos));
  }

  private Station station(int workers, LongUnaryOperator service) {
    RateLimitRule rule =
        RateLimitRule.builder()
            .maxConcurrent(5000)
            .adaptive(new RateLimitRule.Adaptive(1, 20, 1.5))
            .build();
    limits = Calls.limits(0, rule);
    return new Station(
        limits,
        workers,
        service,
        nanos -> {
          took[0]++;
          took[1] += nanos;
        });
  }

  private int limit() {
    return limits.running().get(0).concurrencyLimit();
  }

  /** Mean of the calls that end within that time, in ms. */
  private double millis(Station s, long nanos) {
    took[0] = 0;
    took[1] = 0;
    s.run(nanos);
    return took[1] / 1e6 / took[0];
  }

  @Test
  void itRampsUpWithinTwoSecondsAndStopsShortlyBehindTheKnee() {
    Station s = station(1000, 50 * MS);
    s.offered = 40_000;
    s.run(2 * S);
    assertThat(limit()).isGreaterThan(1000);
    assertThat(millis(s, 10 * S)).isLessThan(2 * 50);
    assertThat(limit()).isBetween(1000, 2000);
  }

  @Test
  void underTwiceTheLoadNearlyAllCapacityIsUsedAndCallsTakeLessThanTwiceTheirTime() {
    for (int knee : new int[] {1, 2, 5, 20, 200}) {
      Station s = station(knee, 20 * MS);
      s.offered = 2 * knee / 0.020;
      s.run(5 * S);
      long before = s.ended;
      double millis = millis(s, 60 * S);
      assertThat(millis).as("knee %d", knee).isLessThan(knee < 20 ? 80 : 40);
      assertThat((s.ended - before) / 60.0).as("knee %d", knee).isGreaterThan(0.9 * knee / 0.020);
    }
  }

  @Test
  void itDoesNotGrowWhileNobodyUsesIt() {
    Station s = station(1000, 20 * MS);
    s.offered = 150; // three under way
    s.run(120 * S);
    assertThat(limit()).isEqualTo(20);
    assertThat(s.refused).isZero();
  }

  @Test
  void lastingOverloadDoesNotBecomeNormal() {
    Station s = station(20, 20 * MS);
    s.offered = 3000;
    double early = 0;
    for (int minute = 0; minute < 20; minute++) {
      double millis = millis(s, 60 * S);
      early = minute == 0 ? millis : early;
      assertThat(limit()).as("minute %d", minute).isBetween(5, 60);
      assertThat(millis).as("minute %d", minute).isLessThan(early * 1.15);
    }
  }

  @Test
  void aServiceThatGetsSlowerFewPercentAMinuteKeepsItsThroughput() {
    long[] began = new long[1];
    LongUnaryOperator drifting = at -> (long) (20 * MS * (1 + (at - began[0]) / (600.0 * S) * 2));
    Station s = station(50, drifting);
    s.offered = 4000;
    s.run(590 * S);
    long before = s.ended;
    s.run(10 * S);
    // three times as slow by now: 50 workers, 60 ms
    assertThat((s.ended - before) / 10.0).isGreaterThan(0.85 * 50 / 0.060);
    assertThat(limit()).isBetween(50, 150);
  }

  @Test
  void aServiceThatIsSuddenlyThreeTimesAsSlowIsLearntWithinSeconds() {
    Station s = station(50, 20 * MS);
    s.offered = 2000;
    s.run(30 * S);
    s.service = Station.around(60 * MS);
    s.run(15 * S);
    long before = s.ended;
    s.run(10 * S);
    assertThat((s.ended - before) / 10.0).isGreaterThan(0.85 * 50 / 0.060);
  }

  @Test
  void halfTheWorkersGoneHalvesTheLimitAndTheyComeBack() {
    Station s = station(100, 20 * MS);
    s.offered = 10_000;
    s.run(20 * S);
    int whole = limit();
    s.workers = 50;
    s.run(5 * S);
    assertThat(millis(s, 20 * S)).isLessThan(2 * 20 * 1.1);
    assertThat(limit()).isLessThan(whole * 2 / 3);
    s.workers = 100;
    s.run(20 * S);
    assertThat(limit()).isBetween(whole * 4 / 5, whole * 5 / 4);
  }

  @Test
  void aFewCallsThatTakeAThousandTimesAsLongChangeNothing() {
    Random r = new Random(3);
    LongUnaryOperator usual = Station.around(20 * MS);
    Station s = station(5000, at -> r.nextInt(100) < 2 ? 20 * S : usual.applyAsLong(at));
    s.offered = 1000;
    s.run(60 * S);
    // 20 usual ones and 400 long ones under way: it must have made room for them
    s.refused = 0;
    s.admitted = 0;
    s.run(30 * S);
    assertThat(s.refused).isLessThan(s.admitted / 50);
  }

  @Test
  void afterAnIdleHourItIsWhatItWas() {
    Station s = station(100, 20 * MS);
    s.offered = 8000;
    s.run(20 * S);
    int busy = limit();
    s.offered = 0;
    s.run(3600 * S);
    assertThat(limit()).isBetween(busy - 20, busy + 20);
    s.offered = 8000;
    s.run(5 * S);
    assertThat(limit()).isBetween(busy * 2 / 3, busy * 3 / 2);
  }

  @Test
  void callersThatWaitForTheirAnswersAreHeldAtTheKneeToo() {
    Station s = station(30, 20 * MS);
    s.closedLoop(300);
    s.run(10 * S);
    long before = s.ended;
    assertThat(millis(s, 20 * S)).isLessThan(2 * 20);
    assertThat((s.ended - before) / 20.0).isGreaterThan(0.9 * 30 / 0.020);
  }

  @Test
  void anOverloadThatShowsAsTimeoutsShrinksItToo() {
    Station s = station(10, 100 * MS);
    s.timeoutNanos = 5 * MS; // whatever is let in times out
    s.offered = 500;
    s.run(60 * S);
    assertThat(limit()).isLessThan(5);
  }

  @Test
  void bucketsOfTimesAreInOrderAndWithoutGaps() {
    for (int i = 1; i < 600; i++) {
      assertThat(ConcurrencyLimit.bucket(ConcurrencyLimit.lowerBound(i))).isEqualTo(i);
      assertThat(ConcurrencyLimit.bucket(ConcurrencyLimit.lowerBound(i + 1) - 1)).isEqualTo(i);
    }
    assertThat(ConcurrencyLimit.bucket(-5)).isEqualTo(1);
    assertThat(ConcurrencyLimit.bucket(Long.MAX_VALUE / 2)).isPositive();
  }
}
