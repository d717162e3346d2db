package io.weir.benchmarks.breaker;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import dev.failsafe.CircuitBreaker;
import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call that gets its permit and ends well. The clock is read once at each end, as in use. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PassBenchmark {
  private final CircuitBreakers weirCount = Subject.weir(true);
  private final CircuitBreakers weirTime = Subject.weir(false);
  private final io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jCount =
      Subject.resilience4j(true);
  private final io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4jTime =
      Subject.resilience4j(false);
  private final CircuitBreaker<Object> failsafeCount = Subject.failsafe(true);
  private final CircuitBreaker<Object> failsafeTime = Subject.failsafe(false);

  /** Adapters keep one per call or reuse it; here it is reused. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  @Setup
  public void setUp() {
    Subject.sentinel("pass");
  }

  /** What none can do without: the clock at each end. */
  @Benchmark
  public long floor() {
    return System.nanoTime() - System.nanoTime();
  }

  @Benchmark
  public boolean weirCount(Call call) {
    return weir(weirCount, call.ledger);
  }

  @Benchmark
  public boolean weirTime(Call call) {
    return weir(weirTime, call.ledger);
  }

  private static boolean weir(CircuitBreakers b, CallLedger ledger) {
    long now = System.nanoTime();
    ledger.begin(now, null);
    boolean in = b.admit(Subject.SOURCE, "", now, ledger);
    ledger.endHttp(200, System.nanoTime());
    return in;
  }

  @Benchmark
  public boolean resilience4jCount() {
    return resilience4j(resilience4jCount);
  }

  @Benchmark
  public boolean resilience4jTime() {
    return resilience4j(resilience4jTime);
  }

  private static boolean resilience4j(io.github.resilience4j.circuitbreaker.CircuitBreaker b) {
    boolean in = b.tryAcquirePermission();
    long start = b.getCurrentTimestamp();
    b.onSuccess(b.getCurrentTimestamp() - start, b.getTimestampUnit());
    return in;
  }

  @Benchmark
  public boolean failsafeCount() {
    return failsafe(failsafeCount);
  }

  @Benchmark
  public boolean failsafeTime() {
    return failsafe(failsafeTime);
  }

  private static boolean failsafe(CircuitBreaker<Object> b) {
    boolean in = b.tryAcquirePermit();
    b.recordSuccess();
    return in;
  }

  @Benchmark
  public boolean sentinel() {
    try {
      Entry e = SphU.entry("pass");
      e.exit();
      return true;
    } catch (BlockException e) {
      return false;
    }
  }
}
