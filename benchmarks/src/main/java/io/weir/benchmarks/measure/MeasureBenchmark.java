package io.weir.benchmarks.measure;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.decision.DecisionLog;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What telemetry adds to a call. Inbound: one limit, admitted, ended; by rule: the limit has auto.
 * Outbound: an instance chosen, ended; with and without the ring of decisions.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class MeasureBenchmark {
  private final Engine plain = engine();
  private final Engine measuring = engine();
  private final Engine byRule = engine();
  private final Engine showing = engine();
  private final ServicePlan plainPlan = plain.plan("payment");
  private final ServicePlan measuringPlan = measuring.plan("payment");
  private final ServicePlan showingPlan = showing.plan("payment");

  public MeasureBenchmark() {
    measuring.measuring().start();
    byRule.measuring().start();
    byRule.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("shop")
                    .qps(1e9)
                    .burst(1_000_000_000)
                    .auto(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 1e9, 1e9))
                    .build())
            .build());
    showing.measuring().start();
    showing.listeners().add(new DecisionLog("x", false));
  }

  private static Engine engine() {
    Engine e = new Engine(EngineOptions.of("shop", System::nanoTime));
    e.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").qps(1e9).burst(1_000_000_000).build())
            .instance(
                new Instance(
                    "payment",
                    "10.0.0.1",
                    80,
                    "v1",
                    "r1",
                    null,
                    Collections.<String, String>emptyMap(),
                    100,
                    null))
            .build());
    return e;
  }

  /** Adapters keep one per call or reuse it; here it is reused. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  @Benchmark
  public void inbound(Call call) {
    in(plain, call.ledger);
  }

  @Benchmark
  public void inboundMeasured(Call call) {
    in(measuring, call.ledger);
  }

  @Benchmark
  public void inboundMeasuredByRule(Call call) {
    in(byRule, call.ledger);
  }

  @Benchmark
  public void outbound(Call call) {
    out(plain, plainPlan, call.ledger);
  }

  @Benchmark
  public void outboundMeasured(Call call) {
    out(measuring, measuringPlan, call.ledger);
  }

  @Benchmark
  public void outboundMeasuredAndKept(Call call) {
    out(showing, showingPlan, call.ledger);
  }

  private static void in(Engine engine, CallLedger ledger) {
    engine.inbound(Request.SOURCE, "/", ledger);
    ledger.endHttp(200, engine.now());
  }

  private static void out(Engine engine, ServicePlan plan, CallLedger ledger) {
    engine.outbound(plan, Request.SOURCE, "/", ledger);
    ledger.endHttp(200, engine.now());
  }

  private static final class Request extends AttributeSource<String> {
    static final Request SOURCE = new Request();

    @Override
    public String header(String call, String name) {
      return null;
    }

    @Override
    public String path(String call) {
      return call;
    }

    @Override
    public String method(String call) {
      return "GET";
    }

    @Override
    public String host(String call) {
      return "payment";
    }
  }
}
