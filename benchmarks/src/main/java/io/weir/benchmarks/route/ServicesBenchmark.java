package io.weir.benchmarks.route;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * A whole routed call through the engine's door, from the address it is aimed at to its end, while
 * the same snapshot governs other services, each with a rule and three instances of its own. The
 * clock stands still: what is measured is the way to the right service.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ServicesBenchmark {
  @Param({"1", "100", "10000"})
  public int services;

  private final Engine engine = new Engine(EngineOptions.of("shop", () -> 0));
  private String host;

  /** A call's only header, read without allocating. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
  }

  private static final AttributeSource<Call> SOURCE =
      new AttributeSource<Call>() {
        @Override
        public String header(Call call, String name) {
          return "prod";
        }

        @Override
        public String path(Call call) {
          return "/";
        }

        @Override
        public String method(Call call) {
          return "GET";
        }

        @Override
        public String host(Call call) {
          return "payment";
        }
      };

  @Setup
  public void setUp() {
    RuleBook.Builder book = new RuleBook.Builder();
    for (int s = 0; s < services; s++) {
      String service = "service-" + s;
      book.add(
          RouteRule.builder()
              .id("r")
              .service(service)
              .fingerprint("f")
              .routes(
                  List.of(
                      new RouteRule.Route(
                          MatchParser.parse("header:X-Env == 'prod'"),
                          "",
                          List.of(new RouteRule.Arm("v1", Collections.emptyMap(), 100)),
                          null,
                          RouteRule.Fallback.DEFAULT,
                          Collections.emptyMap(),
                          0)))
              .build());
      for (int i = 1; i <= 3; i++) {
        book.instance(
            new Instance(service, "127.0.0." + i, 8000 + s, "v1", null, null, Map.of(), 100, null));
      }
    }
    engine.apply(book.build());
    host = "service-" + services / 2;
  }

  @Benchmark
  public Instance weir(Call call) {
    ServicePlan plan = engine.plan(host, 80);
    engine.outbound(plan, SOURCE, call, call.ledger);
    Instance chosen = call.ledger.instance();
    call.ledger.endHttp(200, 0);
    return chosen;
  }
}
