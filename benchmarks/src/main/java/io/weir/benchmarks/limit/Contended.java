package io.weir.benchmarks.limit;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.TokensInheritanceStrategy;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Two threads on one bucket, ours and the peers in one JVM, in slices of 40 ms one after the other;
 * also while the rule is edited a thousand times a second.
 *
 * <p>Why not by JMH, like the rest: what a cache line costs that two cores want depends on where a
 * JVM's threads and memory happen to lie. On the machine this was written on the same loop around
 * one compare-and-set takes 51 ns in one JVM and 82 to 100 in the next, for as long as it lives; so
 * subjects in JVMs of their own cannot be compared. And it is time on the clock, because
 * resilience4j parks a thread whose compare-and-set failed: it waits without using the processor.
 *
 * <p>Prints for each subject the median over the slices, nanoseconds per call and thread.
 */
final class Contended {
  private static final int QPS = 500_000_000;
  private static final int THREADS = 2;
  private static final int CALLS = 1000;
  private static final long SLICE_NANOS = 40_000_000;
  private static final int WARM_UP = 3;

  private static final String[] SUBJECTS = {
    "floor", "weir", "resilience4j", "guava", "bucket4j", "weir", "resilience4j", "bucket4j"
  };

  /** From here on the rule is edited. */
  private static final int EDITED = 5;

  private final AtomicLong floor = new AtomicLong();
  private final RateLimiters weir = Subject.weir(Subject.rule(QPS, QPS).build());
  private final AtomicRateLimiter resilience4j =
      new AtomicRateLimiter("b", Subject.resilience4j(QPS));
  private final com.google.common.util.concurrent.RateLimiter guava =
      com.google.common.util.concurrent.RateLimiter.create(QPS);
  private final io.github.bucket4j.Bucket bucket4j = Subject.bucket4j(QPS);

  private volatile RateLimiters weirEdited = Subject.weir(Subject.rule(QPS, QPS).build());
  private final AtomicRateLimiter resilience4jEdited =
      new AtomicRateLimiter("b", Subject.resilience4j(QPS));
  private final io.github.bucket4j.Bucket bucket4jEdited = Subject.bucket4j(QPS);

  private final CyclicBarrier together = new CyclicBarrier(THREADS);
  private final LongAdder admitted = new LongAdder();
  private volatile int running;

  private Contended() {}

  /** Arguments: slices of each subject. */
  public static void main(String[] args) throws Exception {
    new Contended().run(Integer.parseInt(args[0]));
  }

  private void run(int slices) throws InterruptedException {
    double[][][] nanos = new double[SUBJECTS.length][THREADS][slices];
    Thread editor = new Thread(this::edit, "editor");
    editor.setDaemon(true);
    editor.start();
    Thread[] callers = new Thread[THREADS];
    for (int t = 0; t < THREADS; t++) {
      int me = t;
      callers[t] =
          new Thread(
              () -> {
                CallLedger ledger = new CallLedger();
                for (int i = -WARM_UP; i < slices; i++) {
                  for (int s = 0; s < SUBJECTS.length; s++) {
                    await();
                    running = s;
                    double took = slice(s, ledger);
                    if (i >= 0) {
                      nanos[s][me][i] = took;
                    }
                  }
                }
              },
              "caller-" + t);
      callers[t].start();
    }
    for (Thread c : callers) {
      c.join();
    }
    for (int s = 0; s < SUBJECTS.length; s++) {
      double[] both = new double[slices];
      for (int i = 0; i < slices; i++) {
        for (int t = 0; t < THREADS; t++) {
          both[i] += nanos[s][t][i] / THREADS;
        }
      }
      Arrays.sort(both);
      System.out.printf(
          Locale.ROOT,
          "contended %s.%s %.1f%n",
          s < EDITED ? "Admit" : "Edited",
          SUBJECTS[s],
          both[slices / 2]);
    }
  }

  private void await() {
    try {
      together.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException(e);
    }
  }

  /** One subject for a while; nanos per call. */
  private double slice(int subject, CallLedger ledger) {
    long began = System.nanoTime();
    long calls = 0;
    long in = 0;
    long took;
    do {
      in += some(subject, ledger);
      calls += CALLS;
      took = System.nanoTime() - began;
    } while (took < SLICE_NANOS);
    admitted.add(in);
    return took / (double) calls;
  }

  /** A loop for each, so that the compiler sees what is called in it. */
  private int some(int subject, CallLedger ledger) {
    int in = 0;
    switch (subject) {
      case 0:
        for (int i = 0; i < CALLS; i++) {
          in += Subject.floor(floor) ? 1 : 0;
        }
        return in;
      case 1:
        for (int i = 0; i < CALLS; i++) {
          in += weir(weir, ledger) ? 1 : 0;
        }
        return in;
      case 2:
        for (int i = 0; i < CALLS; i++) {
          in += resilience4j.acquirePermission() ? 1 : 0;
        }
        return in;
      case 3:
        for (int i = 0; i < CALLS; i++) {
          in += guava.tryAcquire() ? 1 : 0;
        }
        return in;
      case 4:
        for (int i = 0; i < CALLS; i++) {
          in += bucket4j.tryConsume(1) ? 1 : 0;
        }
        return in;
      case 5:
        for (int i = 0; i < CALLS; i++) {
          in += weir(weirEdited, ledger) ? 1 : 0;
        }
        return in;
      case 6:
        for (int i = 0; i < CALLS; i++) {
          in += resilience4jEdited.acquirePermission() ? 1 : 0;
        }
        return in;
      default:
        for (int i = 0; i < CALLS; i++) {
          in += bucket4jEdited.tryConsume(1) ? 1 : 0;
        }
        return in;
    }
  }

  private static boolean weir(RateLimiters limits, CallLedger ledger) {
    long now = System.nanoTime();
    ledger.begin(now, null);
    return limits.admit(Subject.SOURCE, "", now, ledger);
  }

  private void edit() {
    for (int i = 0; ; i++) {
      int qps = QPS - i % 2;
      switch (running) {
        case 5:
          RateLimitRule edited = Subject.rule(qps, QPS).build();
          weirEdited =
              RateLimiters.build(
                  weirEdited,
                  Collections.singletonList(edited),
                  RateLimitRule.Side.SERVER,
                  System.nanoTime());
          break;
        case 6:
          resilience4jEdited.changeLimitForPeriod(qps);
          break;
        case 7:
          bucket4jEdited.replaceConfiguration(
              BucketConfiguration.builder()
                  .addLimit(l -> l.capacity(qps).refillGreedy(qps, Duration.ofSeconds(1)))
                  .build(),
              TokensInheritanceStrategy.AS_IS);
          break;
        default:
          break; // nobody's turn
      }
      LockSupport.parkNanos(1_000_000);
    }
  }
}
