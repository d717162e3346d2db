package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A service that refuses every call still answers its orchestrator, on real servers. */
class HealthProbesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static Matrix.Cell cell(String kind, String name) {
    return Matrix.cells(kind).stream()
        .filter(c -> c.name().equals(name) && c.jdk().version() == 17)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no row " + name + " on JDK 17"));
  }

  @Test
  void aServletsProbesPassARuleThatRefusesAllUnlessItIncludesThem() throws IOException {
    Rules rules = new Rules();
    rules.put("service/shop/rate-limit/all", "{\"qps\": 0}");
    String options = "service=shop;admin.port=0;rules=" + rules.location();
    try (Jvm jvm = Sites.jvm(cell("manners", "tomcat-9.0")).weir(options).start()) {
      rules.awaitInForce("shop", jvm, "/hello");
      try (Raw http = new Raw(jvm.port())) {
        assertThat(http.get("/hello").status()).isEqualTo(429);
        assertThat(http.get("/healthz").body()).isEqualTo("healthy\n");
        assertThat(http.ask("HEAD", "/healthz", null).status()).isEqualTo(200);
        assertThat(http.get("/healthz?verbose").status()).isEqualTo(200);
        assertThat(http.ask("POST", "/healthz", new byte[0]).status()).isEqualTo(429);
        assertThat(http.get("/healthz/deep").status()).isEqualTo(429);
        for (String nobodys : List.of("/livez", "/readyz", "/actuator/health/readiness")) {
          assertThat(http.get(nobodys).status()).as(nobodys).isEqualTo(404);
        }
      }
      String metrics = Metrics.of(jvm).page("/metrics");
      assertThat(metrics)
          .containsPattern(
              "weir_exempt_total\\{service=\"shop\",side=\"server\",reason=\"health-check\"\\} 6")
          .containsPattern(
              "weir_exempt_total\\{service=\"shop\",side=\"client\",reason=\"health-check\"\\} 0");

      Cli weir = new Cli(rules.directory());
      assertThat(weir.run("explain", "shop", "/healthz", "--rules", ".").exits(0).out())
          .containsPattern("all +exempt +a health check, and include_health is false")
          .contains("admitted");

      rules.put("service/shop/rate-limit/all", "{\"qps\": 0, \"include_health\": true}");
      rules.awaitInForce("shop", jvm, "/hello");
      try (Raw http = new Raw(jvm.port())) {
        assertThat(http.get("/healthz").status()).isEqualTo(429);
      }
      assertThat(weir.run("explain", "shop", "/healthz", "--rules", ".").exits(0).out())
          .containsPattern("all +refuses")
          .contains("refused: ");
    }
  }

  @Test
  void thePathsOfHealthChecksAreThoseThatAreConfigured() throws IOException {
    Rules rules = new Rules();
    rules.put("service/shop/rate-limit/all", "{\"qps\": 0}");
    String options =
        "service=shop;health.path=/plain;health.paths=/hello, status;rules=" + rules.location();
    try (Jvm jvm = Sites.jvm(cell("manners", "tomcat-9.0")).weir(options).start()) {
      rules.awaitInForce("shop", jvm, "/attributes");
      try (Raw http = new Raw(jvm.port())) {
        assertThat(http.get("/hello").status()).isEqualTo(200);
        assertThat(http.get("/plain").status()).isEqualTo(200);
        assertThat(http.get("/healthz").status()).isEqualTo(429);
      }
      assertThat(jvm.awaitStderr("weir.health.paths: 'status' is no path")).contains("/PATH,/PATH");
    }
  }

  static List<Matrix.Cell> management() {
    return Matrix.cells("management");
  }

  @ParameterizedTest
  @MethodSource("management")
  void aSpringBootManagementPortIsLimitedOnlyByRulesThatIncludeIt(Matrix.Cell cell)
      throws IOException {
    Rules rules = new Rules();
    rules.put("service/shop/rate-limit/all", "{\"qps\": 0}");
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    try (Jvm jvm =
        Sites.jvm(cell)
            .options(
                "-Dmanagement.server.port=" + port, "-Dmanagement.endpoints.web.exposure.include=*")
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .start()) {
      rules.awaitInForce("shop", jvm, "/hello");
      try (Raw service = new Raw(jvm.port());
          Raw management = new Raw(port)) {
        assertThat(service.get("/hello").status()).isEqualTo(429);
        assertThat(management.get("/actuator/metrics").body()).contains("\"names\"");
        assertThat(management.get("/actuator/health").status()).isEqualTo(200);
      }
      assertThat(Metrics.of(jvm).page("/metrics"))
          .contains("side=\"server\",reason=\"management-port\"} 2");
      rules.put("service/shop/rate-limit/all", "{\"qps\": 0, \"include_management\": true}");
      rules.awaitInForce("shop", jvm, "/hello");
      try (Raw management = new Raw(port)) {
        assertThat(management.get("/actuator/metrics").status()).isEqualTo(429);
        assertThat(management.get("/actuator/health").status()).isEqualTo(200);
      }
    }
  }

  @Test
  void ofGrpcsHealthServiceCheckPassesAndWatchDoesNot() {
    Matrix.Cell cell = cell("grpc", "netty-1.85");
    String classpath =
        Apps.with(
            Apps.compile(List.of("grpc", "grpc-wire", "grpc-any"), cell.classpath(), Map.of()),
            cell.classpath());
    Rules rules = new Rules();
    rules.put("service/stock/rate-limit/all", "{\"qps\": 0}");
    rules.put("service/localhost/circuit-breaker", "{\"force\": \"open\"}");
    String options = "admin.port=0;rules=" + rules.location();
    try (Jvm server =
            Jvm.of(cell.jdk(), classpath, "StockServer")
                .arguments("a")
                .weir("service=stock;" + options)
                .start();
        Jvm stranger = Jvm.of(cell.jdk(), classpath, "StockClient").start();
        Jvm client =
            Jvm.of(cell.jdk(), classpath, "StockClient").weir("service=front;" + options).start()) {
      for (Jvm jvm : List.of(stranger, client)) {
        jvm.say("open c localhost:" + server.port());
        jvm.awaitStdout("c opened");
      }
      int[] n = {0};
      for (Jvm jvm : List.of(stranger, client)) {
        Await.until(
            PATIENCE,
            () -> {
              jvm.say("call #" + ++n[0] + " c unary : echo 1");
              String said = jvm.awaitStdout("#" + n[0] + " ");
              return said.contains("EXHAUSTED") || said.contains("UNAVAILABLE");
            },
            jvm::told);
        jvm.say("call #check" + n[0] + " c health-check : x");
        assertThat(jvm.awaitStdout("#check" + n[0] + " ")).contains("OK SERVING");
        jvm.say("call #watch" + n[0] + " c health-watch : x");
        assertThat(jvm.awaitStdout("#watch" + n[0] + " ")).doesNotContain("OK");
      }
      assertThat(Metrics.of(server).sum("weir_exempt_total")).isEqualTo(2);
      assertThat(Metrics.of(client).sum("weir_exempt_total")).isEqualTo(1);
    }
  }
}
