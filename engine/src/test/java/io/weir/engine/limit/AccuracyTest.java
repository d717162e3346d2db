package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Saturation on a clock of our own; the table in docs/performance.md is this, by the public way.
 */
@Tag("no-mutation")
class AccuracyTest {
  private static final long S = 1_000_000_000L;
  private static final long DAY = 86_400 * S;

  @ParameterizedTest(name = "{0} qps, clock at {1}, up {2} days")
  @CsvSource({
    "0.5, 0, 0",
    "0.5, 0, 100",
    "0.5, -9000000000000000000, 100",
    "7, 0, 0",
    "7, 0, 100",
    "7, 9223372030000000000, 0", // the clock wraps in the middle
    "333333, 0, 0",
    "333333, 0, 100",
    "333333, -5000000000, 0", // and passes zero
    "3000000, 0, 0",
    "3000000, 0, 100",
    "5000000, 0, 100",
    "7000000, 0, 0",
    "7000000, 0, 100",
    "7000000, -9223372036854775808, 100",
  })
  void tenSecondsOfSaturationAdmitTheRateWithinOneInTenThousand(double qps, long clock, int days) {
    TokenBucket bucket = TokenBucket.full(new RateTerms(0, qps, 10, 0, 1, clock), clock);
    long start = clock + days * DAY + 12_345;
    drain(bucket, start);
    // looks at uneven times, never so far apart that a bucket of ten would spill
    long gap = Math.max(2, (long) (5 * S / qps));
    Random random = new Random(days);
    long admitted = 0;
    for (long t = 0; t < 10 * S; t += 1 + (long) (random.nextDouble() * gap)) {
      admitted += drain(bucket, start + t);
    }
    admitted += drain(bucket, start + 10 * S);
    assertThat((double) admitted).isCloseTo(qps * 10, within(qps * 10 * 1e-4));
  }

  @ParameterizedTest
  @CsvSource({"0.5, 10", "7, 10", "333333, 0.5", "7000000, 0.05"})
  void askingVeryOftenDropsNoRemainder(double qps, double seconds) {
    TokenBucket bucket = TokenBucket.full(new RateTerms(0, qps, 2, 0, 1, 0), 0);
    drain(bucket, 0);
    long end = (long) (seconds * S);
    long step = Math.max(1, end / 5_000_000);
    long admitted = 0;
    for (long t = 0; t <= end; t += step) {
      admitted += drain(bucket, t);
    }
    assertThat((double) admitted).isCloseTo(qps * seconds, within(Math.max(1e-9, qps * 1e-4)));
  }

  private static long drain(TokenBucket bucket, long now) {
    long n = 0;
    while (bucket.take(now) >= 0) {
      n++;
    }
    return n;
  }
}
