package io.weir.benchmarks.limit;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call that is refused, as all but one a second are. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RefuseBenchmark {
  private RateLimiters weir;
  private AtomicRateLimiter resilience4j;
  private io.github.bucket4j.Bucket bucket4j;
  private com.google.common.util.concurrent.RateLimiter guava;

  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  @Setup
  public void setUp() {
    weir = Subject.weir(Subject.rule(1, 1).build());
    resilience4j = new AtomicRateLimiter("b", Subject.resilience4j(1));
    bucket4j = Subject.bucket4j(1);
    guava = com.google.common.util.concurrent.RateLimiter.create(1);
    Subject.sentinelFlow("refuse", 1);
  }

  @Benchmark
  public boolean weir(Call call) {
    long now = System.nanoTime();
    call.ledger.begin(now, null);
    return weir.admit(Subject.SOURCE, "", now, call.ledger);
  }

  @Benchmark
  public boolean resilience4j() {
    return resilience4j.acquirePermission();
  }

  @Benchmark
  public boolean bucket4j() {
    return bucket4j.tryConsume(1);
  }

  @Benchmark
  public boolean guava() {
    return guava.tryAcquire();
  }

  @Benchmark
  public boolean sentinel() {
    try {
      Entry e = SphU.entry("refuse");
      e.exit();
      return true;
    } catch (BlockException e) {
      return false;
    }
  }
}
