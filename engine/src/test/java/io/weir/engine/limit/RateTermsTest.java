package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RateTermsTest {
  private static final long DAY = 86_400_000_000_000L;
  private static final long YEAR = 365 * DAY;

  @ParameterizedTest
  @ValueSource(
      doubles = {1e-6, 0.001, 0.5, 1, 7, 1e3, 333_333, 3e6, 5e6, 7e6, 123_456_789.25, 999_999_937})
  void mintsWhatTheRateSaysAtAnyUptime(double qps) {
    Random random = new Random(7);
    RateTerms terms = new RateTerms(0, qps, 1, 0, 1, 0);
    for (long uptime : new long[] {0, 1_000_000_000L, DAY, 100 * DAY, YEAR, 18 * YEAR, -DAY}) {
      for (int i = 0; i < 200; i++) {
        long now = uptime + random.nextInt();
        BigDecimal exact =
            new BigDecimal(qps)
                .multiply(BigDecimal.valueOf(1L << terms.scale))
                .multiply(BigDecimal.valueOf(now))
                .movePointLeft(9);
        double off = exact.subtract(BigDecimal.valueOf(terms.minted(now))).abs().doubleValue();
        // one unit for rounding down, 2^-31 of everything since the epoch for the rate
        assertThat(off)
            .as("qps %s at %d", qps, now)
            .isLessThanOrEqualTo(1 + exact.abs().doubleValue() * 0x1p-31);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 7, 333_333, 3e6, 7e6, 1e9})
  void mintingIsExactlyTheFlooredProduct(double qps) {
    Random random = new Random(11);
    RateTerms terms = new RateTerms(0, qps, 1, 0, 1, 0);
    // m * 2^(58 - 28 - s): nothing is lost as long as s <= 30, which it is for these rates
    long perHorizon = terms.minted(1L << 58);
    for (int i = 0; i < 2_000; i++) {
      long now = random.nextLong() >> 5;
      BigInteger product =
          BigInteger.valueOf(perHorizon).multiply(BigInteger.valueOf(now)).shiftRight(58);
      assertThat(terms.minted(now)).as("now %d", now).isEqualTo(product.longValueExact());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.001, 0.5, 1, 7, 333_333, 3e6, 7e6, 1e9})
  void waitingAsLongAsToldIsEnoughAndHardlyTooLong(double qps) {
    Random random = new Random(3);
    RateTerms terms = new RateTerms(0, qps, 1_000_000, 0, 1, -5);
    for (int i = 0; i < 5_000; i++) {
      long now = (random.nextLong() & Long.MAX_VALUE) % (100 * DAY);
      long units = 1 + random.nextInt(1 << 24);
      long wait = terms.nanosFor(units);
      assertThat(terms.minted(now + wait) - terms.minted(now)).isGreaterThanOrEqualTo(units);
      BigDecimal exact =
          BigDecimal.valueOf(units)
              .movePointRight(9)
              .divide(new BigDecimal(qps), 3, RoundingMode.CEILING)
              .divide(BigDecimal.valueOf(1L << terms.scale), 3, RoundingMode.CEILING);
      assertThat((double) wait).isLessThanOrEqualTo(exact.doubleValue() * (1 + 0x1p-30) + 2);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1e-30, 1e-12, 0.5, 7e6, 1e9, 1e12, Double.MAX_VALUE})
  void noBoundOverflows(double qps) {
    long[] clocks = {Long.MIN_VALUE, Long.MIN_VALUE / 2, -1, 0, 1, 18 * YEAR, Long.MAX_VALUE};
    for (long burst : new long[] {1, 1_000_000_000_000L, Long.MAX_VALUE}) {
      for (long wait : new long[] {0, DAY, Long.MAX_VALUE}) {
        for (int cost : new int[] {1, Integer.MAX_VALUE}) {
          for (long epoch : clocks) {
            RateTerms terms = new RateTerms(0, qps, burst, wait, cost, epoch);
            assertThat(terms.burst).isBetween(0L, 1L << 50);
            assertThat(terms.debt).isBetween(0L, 1L << 48);
            assertThat(terms.cost).isBetween(1L, 1L << 41);
            for (long now : clocks) {
              assertThat(terms.minted(now)).isBetween(-1L << 60, 1L << 60);
            }
            for (double other : new double[] {0, 0.1, 1e9}) {
              RateTerms before = new RateTerms(0, other, 1L << 40, DAY, 1, -3);
              for (long word : new long[] {-(1L << 51), 0, 1L << 60}) {
                assertThat(terms.wordAfter(before, word)).isBetween(-1L << 51, 1L << 60);
              }
            }
          }
        }
      }
    }
  }

  @Test
  void boundsAreThoseThatAreSaid() {
    RateTerms t = new RateTerms(3, 10, 7, 500_000_000L, 2, 0);
    assertThat(t.generation).isEqualTo(3);
    assertThat(t.scale).isEqualTo(10);
    assertThat(t.burst).isEqualTo(7 << 10);
    assertThat(t.debt).isEqualTo(5 << 10);
    assertThat(t.tokens).isEqualTo(2);
    assertThat(t.cost).isEqualTo(2 << 10);
    assertThat(t.payable).isTrue();
    assertThat(new RateTerms(0, 10, 7, 0, 7, 0).payable).isTrue();
    assertThat(new RateTerms(0, 10, 7, 0, 8, 0).payable).isFalse();
    assertThat(new RateTerms(0, 10, 7, 100_000_000L, 8, 0).payable)
        .as("with what it waits for")
        .isTrue();
    assertThat(new RateTerms(0, 0, 7, 0, 1, 0).payable).isFalse();
    assertThat(new RateTerms(0, 0, 7, 0, 1, 0).burst).isZero();
    assertThat(new RateTerms(0, -5, 7, DAY, 1, 0).debt).isZero();
    assertThat(new RateTerms(0, 10, 0, 0, 0, 0).burst).as("at least one").isEqualTo(1 << 10);
    assertThat(new RateTerms(0, 10, 0, 0, 0, 0).tokens).isEqualTo(1);
    assertThat(new RateTerms(0, 10, Long.MAX_VALUE, 0, 1, 0).burst)
        .isEqualTo(RateTerms.MAX_BURST << 10);
    assertThat(new RateTerms(0, 1, 1, 2 * DAY, 1, 0).debt)
        .as("one day at most")
        .isEqualTo(86_400L << 10);
    assertThat(new RateTerms(0, 1, 1, -1, 1, 0).debt).isZero();
  }

  @ParameterizedTest
  @ValueSource(doubles = {1, 1e6, 1.9e6, 2e6, 1e7, 1e8, 9e8, 1e9, 5e9})
  void aTokenIsAsManyUnitsAsTheRateAllows(double qps) {
    RateTerms t = new RateTerms(0, qps, 1, 0, 1, 0);
    double unitsPerNano = Math.min(qps, 1e9) / 1e9 * (1 << t.scale);
    assertThat(unitsPerNano).isLessThanOrEqualTo(2);
    assertThat(t.scale == 10 || unitsPerNano > 1).isTrue();
    // a second mints a second's tokens
    assertThat((double) t.minted(1_000_000_000L) / (1L << t.scale))
        .isCloseTo(Math.min(qps, 1e9), org.assertj.core.data.Percentage.withPercentage(0.1));
    assertThat(t.full(1_000_000_000L)).isEqualTo(t.minted(1_000_000_000L) - t.burst);
  }

  @Test
  void tokensAreCarriedIntoAnyScale() {
    RateTerms slow = new RateTerms(0, 1, 100, 0, 1, 0);
    RateTerms quick = new RateTerms(1, 1e9, 100, 0, 1, 0);
    assertThat(slow.scale).isEqualTo(10);
    assertThat(quick.scale).isEqualTo(1);
    assertThat(quick.wordAfter(slow, -(40L << 10))).as("forty tokens").isEqualTo(-(40L << 1));
    assertThat(slow.wordAfter(quick, -(40L << 1))).isEqualTo(-(40L << 10));
    assertThat(quick.wordAfter(slow, 40L << 10)).as("a debt").isEqualTo(40L << 1);
    assertThat(slow.wordAfter(quick, 40L << 1)).isEqualTo(40L << 10);
    RateTerms small = new RateTerms(1, 1, 10, 0, 1, 0);
    assertThat(small.wordAfter(slow, -(40L << 10)))
        .as("no more than the burst")
        .isEqualTo(-(10L << 10));
    assertThat(slow.wordAfter(small, -(40L << 10)))
        .as("no more than it held")
        .isEqualTo(-(10L << 10));
  }
}
