package io.weir.benchmarks.limit;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.util.Collections;
import java.util.Locale;

/**
 * Twenty million distinct keys against a table of 100 000, and a caller who makes keys up to get
 * rid of his own drained bucket: what the table holds, what it costs, what gets through. The clock
 * is one of its own, so the counts are the same every time.
 */
public final class Keys {
  private static final long S = 1_000_000_000L;
  private static final int KEYS = 20_000_000;
  private static final int MAX_KEYS = 100_000;
  private static final double QPS = 1;
  private static final long BURST = 5;

  private Keys() {}

  public static void main(String[] args) {
    RateLimitRule rule = Subject.keyed(QPS, BURST).maxKeys(MAX_KEYS).build();
    RateLimiters limits =
        RateLimiters.build(null, Collections.singletonList(rule), RateLimitRule.Side.SERVER, 0);
    CallLedger ledger = new CallLedger();
    StringBuilder key = new StringBuilder();
    System.out.println(
        "| distinct keys | keys held | table, MiB | ns per call | admitted | bound |");
    System.out.println("|---|---|---|---|---|---|");
    long before = used();
    long admitted = 0;
    long victim = 0;
    long calls = 0;
    // 20 virtual seconds: a million strangers a second
    long step = 20 * S / KEYS;
    long begun = System.nanoTime();
    for (int i = 1; i <= KEYS; i++) {
      long now = i * step;
      if (i % 1000 == 0) {
        // he asks a thousand times a second for what he may have once a second
        victim += admit(limits, ledger, "victim", now) ? 1 : 0;
      }
      key.setLength(0);
      admitted += admit(limits, ledger, key.append("stranger-").append(i).toString(), now) ? 1 : 0;
      calls++;
      if (i == 100_000 || i == 1_000_000 || i == KEYS) {
        double nanos = (System.nanoTime() - begun) / (double) calls;
        long table = used() - before;
        int[] held = new int[1];
        limits.read((r, hits, exceeded, keys, overflowed) -> held[0] = keys);
        System.out.printf(
            Locale.ROOT,
            "| %d | %d | %.1f | %.0f | %d | %.0f |%n",
            i,
            held[0],
            table / 1048576.0,
            nanos,
            admitted,
            (MAX_KEYS + 1) * (BURST + QPS * now / S));
        begun = System.nanoTime();
        calls = 0;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%nthe caller who churns: %d admitted in 20 s, burst and rate allow %.0f (twice that if the"
            + " overflow bucket served him)%n",
        victim,
        BURST + QPS * 20);
  }

  private static boolean admit(RateLimiters limits, CallLedger ledger, String key, long now) {
    ledger.begin(now, null);
    return limits.admit(Subject.SOURCE, key, now, ledger);
  }

  private static long used() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
