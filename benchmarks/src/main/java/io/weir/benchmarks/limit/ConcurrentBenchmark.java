package io.weir.benchmarks.limit;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call under way: its place taken at admission and freed at its end. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ConcurrentBenchmark {
  private final Semaphore floor = new Semaphore(100);
  private RateLimiters weir;
  private RateLimiters adaptive;

  /** Adapters keep one per call or reuse it; here it is reused. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  @Setup
  public void setUp() {
    weir = Subject.weir(RateLimitRule.builder().maxConcurrent(100).build());
    adaptive =
        Subject.weir(
            RateLimitRule.builder()
                .maxConcurrent(100)
                .adaptive(new RateLimitRule.Adaptive(1, 20, 1.5))
                .build());
  }

  /** What none can do without: both looks at the clock, and the JDK's own counter of permits. */
  @Benchmark
  public long floor() {
    long began = System.nanoTime();
    if (floor.tryAcquire()) {
      floor.release();
    }
    return System.nanoTime() - began;
  }

  @Benchmark
  public boolean weir(Call call) {
    return call(weir, call.ledger);
  }

  @Benchmark
  public boolean adaptive(Call call) {
    return call(adaptive, call.ledger);
  }

  private static boolean call(RateLimiters limits, CallLedger ledger) {
    long now = System.nanoTime();
    ledger.begin(now, null);
    boolean admitted = limits.admit(Subject.SOURCE, "", now, ledger);
    ledger.endHttp(200, System.nanoTime());
    return admitted;
  }
}
