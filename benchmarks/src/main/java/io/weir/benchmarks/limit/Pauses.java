package io.weir.benchmarks.limit;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collections;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * What an edit does to the calls around it: two threads call without a break, in rounds of half a
 * second; in every other round the rule is edited a thousand times a second. The longest calls of a
 * machine are its scheduler's, so rounds with and without edits alternate and only their difference
 * says anything. What a long call has done itself is its thread's CPU time: nothing of ours blocks
 * (which is counted, too), so the rest of it the thread was not running.
 *
 * <p>At the end every token is counted.
 */
public final class Pauses {
  private static final int ROUNDS = 20;
  private static final double QPS = 1_000_000;
  private static final long BURST = 1_000;
  private static final long MS = 1_000_000;

  private static final int LONGEST = 5;
  private static final int CPU = 6;
  private static final int BLOCKED = 7;
  private static final int EDITS = 8;
  private static final int FIGURES = 9;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private static volatile RateLimiters limits;
  private static volatile boolean over;

  private Pauses() {}

  public static void main(String[] args) throws InterruptedException {
    System.out.println(
        "| rule | | calls | > 10 us | > 100 us | > 1 ms | > 5 ms | longest, us |"
            + " its CPU at most, us | blocked | edits |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|");
    for (boolean keyed : new boolean[] {false, true}) {
      // unedited, edited
      long[][] sum = new long[2][FIGURES];
      for (int round = 0; round < ROUNDS + 2; round++) {
        long[] r = round(keyed, round % 2 == 1);
        for (int i = 0; i < FIGURES && round >= 2; i++) {
          sum[round % 2][i] =
              i == LONGEST || i == CPU
                  ? Math.max(sum[round % 2][i], r[i])
                  : sum[round % 2][i] + r[i];
        }
      }
      for (int edited = 0; edited < 2; edited++) {
        long[] r = sum[edited];
        System.out.printf(
            "| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |%n",
            keyed ? "10 000 keys" : "one bucket",
            edited == 1 ? "edited" : "left alone",
            r[0],
            r[1],
            r[2],
            r[3],
            r[4],
            r[LONGEST] / 1000,
            r[CPU] / 1000,
            r[BLOCKED],
            r[EDITS]);
      }
    }
    law();
  }

  private static RateLimitRule rule(boolean keyed, int edition) {
    return (keyed ? Subject.keyed(QPS, BURST) : Subject.rule(QPS, BURST))
        .maxWaitNanos(edition % 2)
        .build();
  }

  /** Calls, longer than 10 us, than 100 us, than 1 ms, than 5 ms, and the figures named above. */
  private static long[] round(boolean keyed, boolean edited) throws InterruptedException {
    over = false;
    limits = Subject.weir(rule(keyed, 0));
    Caller[] callers = {new Caller(1), new Caller(2)};
    for (Caller c : callers) {
      c.start();
    }
    long edits = edit(keyed, edited, System.nanoTime() + 500 * MS);
    over = true;
    long[] sum = new long[FIGURES];
    sum[EDITS] = edits;
    for (Caller c : callers) {
      c.join();
      for (int i = 0; i < FIGURES; i++) {
        sum[i] = i == LONGEST || i == CPU ? Math.max(sum[i], c.counts[i]) : sum[i] + c.counts[i];
      }
    }
    return sum;
  }

  private static long edit(boolean keyed, boolean edited, long end) {
    int edition = 0;
    while (System.nanoTime() < end) {
      if (edited) {
        edition++;
        limits =
            RateLimiters.build(
                limits,
                Collections.singletonList(rule(keyed, edition)),
                RateLimitRule.Side.SERVER,
                System.nanoTime());
      }
      LockSupport.parkNanos(MS);
    }
    return edition;
  }

  /** A burst so large that, once drained, it never fills however long the callers do not run. */
  private static void law() throws InterruptedException {
    double qps = 200_000;
    long burst = 1_000_000;
    over = false;
    long begun = System.nanoTime();
    int edits = 0;
    limits = edition(null, qps, burst, edits, begun);
    long admitted = drain(begun);
    Caller[] callers = {new Caller(1), new Caller(2)};
    for (Caller c : callers) {
      c.start();
    }
    while (System.nanoTime() - begun < 3_000 * MS) {
      limits = edition(limits, qps, burst, ++edits, System.nanoTime());
      LockSupport.parkNanos(MS);
    }
    over = true;
    for (Caller c : callers) {
      c.join();
      admitted += c.admitted;
    }
    long now = System.nanoTime();
    admitted += drain(now);
    double law = burst + (now - begun) * qps / 1e9;
    System.out.printf(
        Locale.ROOT,
        "%n%d edits in 3 s: admitted %d, burst and rate allow %.1f (an edit rounds down by at most"
            + " 1/1024 token)%n",
        edits,
        admitted,
        law);
  }

  private static long drain(long now) {
    CallLedger ledger = new CallLedger();
    long n = -1;
    do {
      n++;
      ledger.begin(now, null);
    } while (limits.admit(Subject.SOURCE, "", now, ledger));
    return n;
  }

  private static RateLimiters edition(
      RateLimiters before, double qps, long burst, int edition, long now) {
    RateLimitRule rule = Subject.rule(qps, burst).maxWaitNanos(edition % 2).build();
    return RateLimiters.build(
        before, Collections.singletonList(rule), RateLimitRule.Side.SERVER, now);
  }

  private static final class Caller extends Thread {
    private static final String[] USERS = new String[10_000];

    static {
      for (int i = 0; i < USERS.length; i++) {
        USERS[i] = "user-" + i;
      }
    }

    final long[] counts = new long[FIGURES];
    long admitted;
    private int user;

    Caller(int seed) {
      user = seed * 7919;
    }

    @Override
    public void run() {
      CallLedger ledger = new CallLedger();
      long now = System.nanoTime();
      long cpu = THREADS.getCurrentThreadCpuTime();
      while (!over) {
        if ((counts[0] & 63) == 0) {
          cpu = THREADS.getCurrentThreadCpuTime();
          now = System.nanoTime();
        }
        ledger.begin(now, null);
        if (limits.admit(Subject.SOURCE, USERS[user++ % USERS.length], now, ledger)) {
          admitted++;
        }
        long then = System.nanoTime();
        long took = then - now;
        now = then;
        counts[0]++;
        if (took > 10_000) {
          counts[1]++;
          counts[2] += took > 100_000 ? 1 : 0;
          counts[3] += took > 1_000_000 ? 1 : 0;
          counts[4] += took > 5_000_000 ? 1 : 0;
          counts[LONGEST] = Math.max(counts[LONGEST], took);
          // of this call, and of up to 63 before it
          long used = THREADS.getCurrentThreadCpuTime() - cpu;
          counts[CPU] = Math.max(counts[CPU], used);
          now = System.nanoTime();
        }
      }
      counts[BLOCKED] = THREADS.getThreadInfo(getId()).getBlockedCount();
    }
  }
}
