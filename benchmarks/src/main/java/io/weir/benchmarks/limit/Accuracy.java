package io.weir.benchmarks.limit;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.util.Collections;
import java.util.Locale;

/**
 * Ten seconds of saturation by the engine's public door, on a clock of its own: what was admitted
 * beside what the rule says.
 */
public final class Accuracy {
  private static final long S = 1_000_000_000L;
  private static final long DAY = 86_400 * S;

  private Accuracy() {}

  public static void main(String[] args) {
    System.out.println("| qps | clock at load | up | admitted in 10 s | off |");
    System.out.println("|---|---|---|---|---|");
    for (double qps : new double[] {0.5, 7, 333_333, 3e6, 5e6, 7e6}) {
      row(qps, 0, 0);
      row(qps, 0, 100);
      row(qps, -8_000_000_000_000_000_000L, 100);
    }
    row(7e6, 0, 3650);
  }

  private static void row(double qps, long clock, int days) {
    RateLimitRule rule = Subject.rule(qps, 10).build();
    RateLimiters limits =
        RateLimiters.build(null, Collections.singletonList(rule), RateLimitRule.Side.SERVER, clock);
    CallLedger ledger = new CallLedger();
    long start = clock + days * DAY;
    drain(limits, ledger, start);
    long step = Math.max(1, (long) (5 * S / qps));
    long admitted = 0;
    for (long t = step; t < 10 * S; t += step) {
      admitted += drain(limits, ledger, start + t);
    }
    admitted += drain(limits, ledger, start + 10 * S);
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %d d | %d | %.5f %% |%n",
        qps < 1 ? Double.toString(qps) : Long.toString((long) qps),
        clock,
        days,
        admitted,
        (admitted / (qps * 10) - 1) * 100);
  }

  private static long drain(RateLimiters limits, CallLedger ledger, long now) {
    long n = -1;
    do {
      n++;
      ledger.begin(now, null);
    } while (limits.admit(Subject.SOURCE, "", now, ledger));
    return n;
  }
}
