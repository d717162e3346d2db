package io.weir.benchmarks.breaker;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.Tracer;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import dev.failsafe.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
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

/** A call that an open breaker refuses, with what its caller is told. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class OpenBenchmark {
  private CircuitBreakers weir;
  private io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4j;
  private CircuitBreaker<Object> failsafe;
  private final CallLedger ledger = new CallLedger();

  @Setup
  public void open() {
    weir = Subject.weir(true);
    resilience4j = Subject.resilience4j(true);
    failsafe = Subject.failsafe(true);
    resilience4j.transitionToOpenState();
    failsafe.open();
    for (int i = 0; i < 20; i++) {
      ledger.begin(System.nanoTime(), null);
      weir.admit(Subject.SOURCE, "", ledger.startNanos(), ledger);
      ledger.endHttp(500, System.nanoTime());
    }
    Subject.sentinel("open");
    for (int i = 0; i < 30; i++) {
      try {
        Entry e = SphU.entry("open");
        Tracer.traceEntry(new IllegalStateException(), e);
        e.exit();
      } catch (BlockException opened) {
        // as wanted
      }
    }
  }

  @Benchmark
  public long weir() {
    long now = System.nanoTime();
    ledger.begin(now, null);
    if (weir.admit(Subject.SOURCE, "", now, ledger)) {
      throw new IllegalStateException("not open");
    }
    return ledger.retryAfterNanos();
  }

  @Benchmark
  public Object resilience4j() {
    try {
      resilience4j.acquirePermission();
      throw new IllegalStateException("not open");
    } catch (CallNotPermittedException refused) {
      return refused;
    }
  }

  @Benchmark
  public boolean failsafe() {
    return failsafe.tryAcquirePermit();
  }

  @Benchmark
  public Object sentinel() {
    try {
      SphU.entry("open").exit();
      throw new IllegalStateException("not open");
    } catch (BlockException refused) {
      return refused;
    }
  }
}
