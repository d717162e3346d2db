package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.weir.engine.ledger.CallLedger;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The bucket beside a textbook one: a number of tokens that grows with time up to the burst. Calls
 * of several costs, waits, refunds and edits at random; they must agree on everything but what
 * rounding to a unit can explain.
 */
class ReferenceTest {
  private static final long S = 1_000_000_000L;

  static long[] seeds() {
    long[] seeds = new long[200];
    for (int i = 0; i < seeds.length; i++) {
      seeds[i] = i;
    }
    return seeds;
  }

  private static final class Textbook {
    double qps;
    double burst;
    double debt;
    int cost;
    double tokens;
    long at;

    void advance(long now) {
      tokens = Math.min(burst, tokens + (now - at) * qps / S);
      at = now;
    }

    void terms(double qps, long burst, double maxWaitSeconds, int cost) {
      this.qps = qps;
      this.burst = qps > 0 ? burst : 0;
      this.debt = qps * maxWaitSeconds;
      this.cost = cost;
      tokens = Math.min(tokens, this.burst);
    }
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void agreesWithATextbookBucket(long seed) {
    Random random = new Random(seed);
    Textbook book = new Textbook();
    long now = random.nextLong();
    book.at = now;
    book.tokens = Double.MAX_VALUE;
    RateLimiters limits = edit(null, book, random, now);
    double grain = 0;
    List<CallLedger> held = new ArrayList<>();
    for (int step = 0; step < 2_000; step++) {
      String where = "seed " + seed + ", step " + step;
      if (random.nextInt(10) < 6) {
        double periods = random.nextInt(20) == 0 ? 1000 : random.nextDouble() * 3;
        now += (long) Math.min(periods * S / Math.max(book.qps, 1e-3), 30 * 86_400e9);
      }
      book.advance(now);
      // a unit for each rounding since the bucket was last known to be full
      double unit = book.qps > 2e8 ? 0.5 : book.qps > 2e6 ? 1 / 4.0 : 1 / 1024.0;
      grain = book.tokens == book.burst ? unit : grain;
      if (random.nextInt(100) == 0) {
        limits = edit(limits, book, random, now);
        held.clear();
        grain += 2 * Math.max(unit, book.qps > 2e6 ? 1 / 4.0 : 1 / 1024.0);
        continue;
      }
      if (!held.isEmpty() && random.nextInt(10) == 0) {
        held.remove(random.nextInt(held.size())).abandon(now);
        book.tokens += book.cost;
        continue;
      }
      CallLedger ledger = Calls.call(limits, now);
      double left = book.tokens - book.cost;
      if (ledger.refusal() == null) {
        assertThat(left).as(where).isGreaterThanOrEqualTo(-book.debt - grain - 1e-6);
        assertThat(ledger.waitNanos() / 1e9 * book.qps)
            .as(where)
            .isCloseTo(Math.max(0, -left), within(grain + book.debt * 1e-6 + book.qps * 2e-9));
        book.tokens = left;
        held.add(ledger);
        if (held.size() > 5) {
          held.remove(0);
        }
      } else {
        assertThat(left).as(where).isLessThan(-book.debt + grain + 1e-6);
      }
    }
  }

  private static RateLimiters edit(RateLimiters before, Textbook book, Random random, long now) {
    double qps = random.nextInt(10) == 0 ? 0 : Math.exp(random.nextDouble() * 25 - 7);
    long burst = 1 + (long) Math.exp(random.nextDouble() * 10);
    int cost = 1 + random.nextInt(3);
    double wait = random.nextBoolean() || qps == 0 ? 0 : random.nextInt(20) / qps;
    wait = Math.min((long) (wait * 1e9), RateTerms.MAX_WAIT) / 1e9;
    book.terms(qps, burst, wait, cost);
    return Calls.swap(
        before,
        now,
        Calls.rule(qps, burst).maxWaitNanos(Math.round(wait * 1e9)).cost(cost).build());
  }
}
