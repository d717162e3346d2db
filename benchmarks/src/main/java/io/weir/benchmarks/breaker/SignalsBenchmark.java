package io.weir.benchmarks.breaker;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.signals.ServerSignals;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What counting its outcome adds to an inbound call: ledger and clock with and without it. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SignalsBenchmark {
  private final ServerSignals signals = new ServerSignals("shop", System.nanoTime());

  /** Adapters keep one per call or reuse it; here it is reused. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  @Benchmark
  public void uncounted(Call call) {
    call.ledger.begin(System.nanoTime(), null);
    call.ledger.endHttp(200, System.nanoTime());
  }

  @Benchmark
  public void counted(Call call) {
    call.ledger.begin(System.nanoTime(), signals);
    call.ledger.endHttp(200, System.nanoTime());
  }
}
