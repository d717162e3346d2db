package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.InfrastructureClients;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Fixed;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Default rules leave exporters and clients of registries alone. */
class InfrastructureTest {
  private static final Fixed CALL = new Fixed("prod", "u", "/v1/traces");

  private long now = 1;
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> now));

  InfrastructureTest() {
    engine.exemptions().infrastructure(new InfrastructureClients(List.of("Collector:4318")));
  }

  private static RateLimitRule none(String service) {
    return RateLimitRule.builder()
        .id("none-" + service)
        .service(service)
        .fingerprint(service)
        .side(RateLimitRule.Side.CLIENT)
        .qps(0)
        .burst(0)
        .build();
  }

  private static CircuitBreakerRule breaker(String service) {
    return CircuitBreakerRule.builder()
        .id("b-" + service)
        .service(service)
        .fingerprint(service)
        .build();
  }

  private boolean calls(String host, int port) {
    ServicePlan plan = engine.plan(host, port);
    CallDecision decision = engine.newDecision();
    return plan == null || engine.outbound(plan, Fixed.SOURCE, CALL, decision);
  }

  @Test
  void aDefaultLimitRefusesEverybodyButThem() {
    engine.apply(new RuleBook.Builder().add(none("*")).build());
    assertThat(calls("collector", 4318)).isTrue();
    assertThat(calls("localhost", 4317)).as("where OTLP goes when nobody says").isTrue();
    assertThat(calls("127.0.0.1", 8761)).isTrue();
    assertThat(calls("::1", 4318)).isTrue();
    assertThat(calls("collector", 8080)).as("the same host, another port").isFalse();
    assertThat(calls("localhost", 8080)).isFalse();
    assertThat(calls("stock", 4318)).as("the same port, another host").isFalse();
    assertThat(engine.exemptions().infrastructureCount()).isEqualTo(4);
  }

  @Test
  void aDefaultBreakerNeitherLearnsFromThemNorStopsThem() {
    engine.apply(new RuleBook.Builder().add(breaker("*")).build());
    for (int i = 0; i < 50; i++) {
      CallLedger ledger = new CallLedger();
      ServicePlan plan = engine.plan("collector", 4318);
      assertThat(engine.outbound(plan, Fixed.SOURCE, CALL, ledger)).isTrue();
      ledger.endFailure(Failure.CONNECT, null, now);
      now += 100_000_000L;
    }
    assertThat(engine.snapshot().planOf("collector")).as("no breaker was made for it").isNull();
    assertThat(calls("collector", 8080)).isTrue();
    engine
        .snapshot()
        .planOf("collector")
        .breakers()
        .all()
        .get(0)
        .imposeOpen(1, 0, now + 9, true, now);
    assertThat(calls("collector", 8080)).isFalse();
    assertThat(calls("collector", 4318)).isTrue();
  }

  @Test
  void aRuleOfItsOwnGoverns() {
    engine.apply(new RuleBook.Builder().add(none("*")).add(none("collector")).build());
    assertThat(calls("collector", 4318)).isFalse();
    engine.apply(new RuleBook.Builder().add(none("*")).add(breaker("collector")).build());
    assertThat(calls("collector", 4318)).as("its breaker, not the default limit").isTrue();
    assertThat(engine.plan("collector", 4318).breakers()).isNotNull();
    CallLedger ledger = new CallLedger();
    engine.outbound(engine.plan("collector", 4318), Fixed.SOURCE, CALL, ledger);
    assertThat(ledger.breaker()).isNotNull();
  }

  @Test
  void itMayBeRegisteredAndSwitchedOff() {
    Instance collector =
        new Instance("collector", "10.0.0.1", 4318, null, null, null, Map.of(), 100, null);
    engine.apply(new RuleBook.Builder().add(none("*")).instance(collector).build());
    assertThat(calls("collector", 4318)).isTrue();
    assertThat(engine.plan("collector", 4318).instances()).hasSize(1);
    engine.apply(new RuleBook.Builder().add(none("*")).off("collector").build());
    assertThat(engine.plan("collector", 4318)).isNull();
    engine.apply(new RuleBook.Builder().add(none("*")).off(true).build());
    assertThat(engine.plan("collector", 4318)).isNull();
  }

  @Test
  void whatIsDeclaredByWeirServicesIsSparedAllTheSame() {
    Engine e =
        new Engine(
            EngineOptions.of("shop", () -> now)
                .addresses(ServiceAddresses.of(Map.of("telemetry", "collector:4318"))));
    e.exemptions().infrastructure(new InfrastructureClients(List.of("collector:4318")));
    e.apply(new RuleBook.Builder().add(none("*")).build());
    assertThat(e.outbound(e.plan("collector", 4318), Fixed.SOURCE, CALL, e.newDecision())).isTrue();
    e.apply(new RuleBook.Builder().add(none("*")).add(none("telemetry")).build());
    assertThat(e.outbound(e.plan("collector", 4318), Fixed.SOURCE, CALL, e.newDecision()))
        .isFalse();
  }

  @Test
  void grpcCallsAreKnownByTheirMethodAndHttpCallsByNothingTheyMakeUp() {
    engine.apply(new RuleBook.Builder().add(none("*")).build());
    String export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assertThat(grpc(export)).isTrue();
    assertThat(grpc("/jaeger.api_v2.CollectorService/PostSpans")).isTrue();
    assertThat(grpc("/skywalking.v3.TraceSegmentReportService/collect")).isTrue();
    assertThat(grpc("/skywalking.v3x.Orders/place")).isFalse();
    assertThat(grpc("/stock.Stock/Get")).isFalse();
    ServicePlan plan = engine.plan("gateway", 4711);
    assertThat(
            engine.outbound(
                plan, Fixed.SOURCE, new Fixed("prod", "u", export), engine.newDecision()))
        .as("whoever chooses the URL chooses the path")
        .isFalse();
  }

  private boolean grpc(String method) {
    ServicePlan plan = engine.plan("gateway", 4711);
    return engine.outbound(plan, GRPC, method, engine.newDecision());
  }

  @Test
  void whatIsNoAddressIsNamed() {
    for (String wrong : List.of("collector", ":80", "collector:http", "collector:0", "a:65536")) {
      assertThatThrownBy(() -> new InfrastructureClients(List.of(wrong)))
          .hasMessageContaining("'" + wrong + "'");
    }
    assertThat(new InfrastructureClients(List.of("[FD00::1]:4318")).isAt("fd00::1", 4318)).isTrue();
    assertThat(new InfrastructureClients(List.of("Collector:4318")).isAt("COLLECTOR", 4318))
        .isTrue();
    assertThatThrownBy(() -> new InfrastructureClients(List.of("http://collector:4318")))
        .hasMessageContaining("'http://collector:4318' is not host:port");
    assertThat(InfrastructureClients.DEFAULT.isAt(null, 4317)).isFalse();
    assertThat(InfrastructureClients.DEFAULT.isAt("localhost", -1)).isFalse();
  }

  @Test
  void askingAllocatesNothing() {
    engine.apply(new RuleBook.Builder().add(none("*")).build());
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    CallDecision decision = engine.newDecision();
    ask(decision);
    long before = threads.getThreadAllocatedBytes(id);
    ask(decision);
    assertThat(threads.getThreadAllocatedBytes(id) - before).isLessThan(5_000);
  }

  private void ask(CallDecision decision) {
    for (int i = 0; i < 50_000; i++) {
      engine.outbound(engine.plan("collector", 4318), Fixed.SOURCE, CALL, decision);
      engine.plan("collector", 8080);
      engine.plan("stock", 8080);
    }
  }

  private static final AttributeSource<String> GRPC =
      new AttributeSource<>() {
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
          return "POST";
        }

        @Override
        public String host(String call) {
          return "gateway";
        }

        @Override
        public boolean grpc() {
          return true;
        }
      };
}
