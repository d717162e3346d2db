package io.weir.benchmarks.limit;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.TokensInheritanceStrategy;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import io.weir.engine.call.Ticket;
import io.weir.engine.limit.Limits;
import io.weir.engine.rules.LimitRule;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;

/** Two threads of calls while the rule is edited about a thousand times a second. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Threads(2)
public class SwapBenchmark {
  private static final int QPS = 500_000_000;

  private volatile Limits weir;
  private AtomicRateLimiter resilience4j;
  private io.github.bucket4j.Bucket bucket4j;
  private Thread editor;

  @State(Scope.Thread)
  public static class Call {
    final Ticket ticket = new Ticket();
  }

  @Setup(Level.Trial)
  public void setUp(org.openjdk.jmh.infra.BenchmarkParams params) {
    weir = Subject.weir(Subject.rule(QPS, QPS).build());
    resilience4j = new AtomicRateLimiter("b", Subject.resilience4j(QPS));
    bucket4j = Subject.bucket4j(QPS);
    String which = params.getBenchmark();
    editor =
        new Thread(
            () -> {
              for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
                if (which.endsWith(".weir")) {
                  LimitRule edited = Subject.rule(QPS - i % 2, QPS).build();
                  weir =
                      Limits.build(
                          weir,
                          Collections.singletonList(edited),
                          LimitRule.Side.SERVER,
                          System.nanoTime());
                } else if (which.endsWith(".resilience4j")) {
                  resilience4j.changeLimitForPeriod(QPS - i % 2);
                } else if (which.endsWith(".bucket4j")) {
                  long limit = QPS - i % 2;
                  bucket4j.replaceConfiguration(
                      BucketConfiguration.builder()
                          .addLimit(
                              l -> l.capacity(limit).refillGreedy(limit, Duration.ofSeconds(1)))
                          .build(),
                      TokensInheritanceStrategy.AS_IS);
                }
                LockSupport.parkNanos(1_000_000);
              }
            });
    editor.start();
  }

  @TearDown(Level.Trial)
  public void tearDown() throws InterruptedException {
    editor.interrupt();
    editor.join();
  }

  @Benchmark
  public boolean weir(Call call) {
    long now = System.nanoTime();
    call.ticket.begin(now, null);
    return weir.admit(Subject.SOURCE, "", now, call.ticket);
  }

  @Benchmark
  public boolean resilience4j() {
    return resilience4j.acquirePermission();
  }

  @Benchmark
  public boolean bucket4j() {
    return bucket4j.tryConsume(1);
  }
}
