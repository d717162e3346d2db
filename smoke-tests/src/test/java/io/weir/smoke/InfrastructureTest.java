package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rules under {@code *} that refuse everything do not stop OpenTelemetry's own exporter, nor what
 * goes to a registry; and a breaker under {@code *} does not learn from them.
 */
class InfrastructureTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String OTEL = "1.62.0";
  private static final String NOTHING = "{\"qps\": 0, \"side\": \"client\"}";

  private static Jvm.Builder app(String sender, String endpoint, String protocol) {
    // one sender of the two, and one version of each library
    List<String> libraries =
        new ArrayList<>(
            sender.equals("channel")
                ? List.of(
                    "io.grpc:grpc-netty-shaded:1.85.1",
                    "io.grpc:grpc-stub:1.85.1",
                    "com.squareup.okhttp3:okhttp:4.12.0",
                    "io.opentelemetry:opentelemetry-exporter-sender-grpc-managed-channel:" + OTEL)
                : List.of("io.opentelemetry:opentelemetry-exporter-sender-okhttp:" + OTEL));
    libraries.add("io.opentelemetry:opentelemetry-exporter-otlp:" + OTEL);
    libraries.add("io.opentelemetry:opentelemetry-sdk-extension-autoconfigure:" + OTEL);
    String jars = Maven.resolve(libraries.toArray(new String[0]));
    if (sender.equals("channel")) {
      jars =
          Arrays.stream(jars.split(File.pathSeparator))
              .filter(jar -> !jar.contains("sender-okhttp") && !jar.contains("okhttp-jvm"))
              .collect(Collectors.joining(File.pathSeparator));
    }
    String classpath = Apps.with(Apps.compile("exporters", jars, Map.of()), jars);
    return Jvm.of(Jdk.find(17).orElseThrow(), classpath, "Exporters")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_LOGS_EXPORTER", "none");
  }

  /** What the application answers. */
  private static String ask(Jvm jvm, String what) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + jvm.port() + what);
    return HTTP.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
  }

  private static void awaitAnswer(Jvm jvm, String what, String answer) {
    Await.until(
        PATIENCE,
        () -> ask(jvm, what).equals(answer),
        () -> what + " is not " + answer + jvm.told());
  }

  @Test
  void anExporterOverOkHttpPassesRulesForAllAndNobodyElseDoes() throws Exception {
    Rules rules = new Rules().put("service/_all/rate-limit/none", NOTHING);
    try (Target collector = new Target();
        Target other = new Target();
        Jvm jvm =
            app("okhttp", collector.url(), "http/protobuf")
                .weir("service=shop;admin.port=0;rules=" + rules.location())
                .start()) {
      awaitAnswer(jvm, "/call?" + other.url(), "429");
      int before = other.calls.get();
      for (int i = 1; i <= 5; i++) {
        ask(jvm, "/export");
        assertThat(ask(jvm, "/call?" + other.url())).isEqualTo("429");
      }
      assertThat(collector.calls.get()).isEqualTo(5);
      assertThat(collector.path).isEqualTo("/v1/traces");
      assertThat(other.calls.get()).isEqualTo(before);
      assertThat(Metrics.of(jvm).page("/metrics"))
          .contains("side=\"client\",reason=\"infrastructure\"} 5");

      // a rule of its own governs it
      rules.put("service/127.0.0.1/rate-limit/none", NOTHING);
      Await.until(
          PATIENCE,
          () -> {
            int arrived = collector.calls.get();
            ask(jvm, "/export");
            return collector.calls.get() == arrived;
          },
          () -> "it is not governed\n" + jvm.told());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"okhttp", "channel"})
  void anExporterThatSpeaksGrpcPassesToo(String sender) throws Exception {
    Rules rules = new Rules().put("service/_all/rate-limit/none", NOTHING);
    try (Collector collector = new Collector();
        Target other = new Target();
        Jvm jvm =
            app(sender, collector.endpoint(), "grpc")
                .weir("service=shop;rules=" + rules.location())
                .start()) {
      awaitAnswer(jvm, "/call?" + other.url(), "429");
      ask(jvm, "/export");
      assertThat(collector.spans()).isNotEmpty();
      assertThat(ask(jvm, "/call?" + other.url())).isEqualTo("429");
    }
  }

  @Test
  void aBreakerForAllDoesNotLearnFromAnExporterNorStopIt() throws Exception {
    Rules rules = new Rules().put("service/_all/circuit-breaker", "{\"min_seconds\": 0}");
    try (Target collector = new Target();
        Target other = new Target();
        Jvm jvm =
            app("okhttp", collector.url(), "http/protobuf")
                .weir("service=shop;rules=" + rules.location())
                .start()) {
      collector.status = 500; // an exporter does not try again
      for (int i = 0; i < 30; i++) {
        ask(jvm, "/export");
      }
      assertThat(collector.calls.get()).as("every one arrived").isEqualTo(30);
      assertThat(ask(jvm, "/call?" + other.url())).as("the same host").isEqualTo("200");

      other.status = 500;
      awaitAnswer(jvm, "/call?" + other.url(), "503");
      collector.status = 200;
      ask(jvm, "/export");
      assertThat(collector.calls.get()).as("the breaker of its host is open").isEqualTo(31);
      assertThat(ask(jvm, "/call?" + other.url())).isEqualTo("503");
    }
  }

  @Test
  void registriesAndWhatIsDeclaredPass() throws Exception {
    Rules rules = new Rules().put("service/_all/rate-limit/none", NOTHING);
    try (Target eureka = new Target();
        Target config = new Target();
        Target push = new Target();
        Target other = new Target();
        Jvm jvm =
            app("okhttp", "http://127.0.0.1:4318", "http/protobuf")
                .options("-Deureka.client.service-url.defaultZone=" + eureka.url() + "/eureka/")
                .env("SPRING_CLOUD_CONFIG_URI", config.url())
                .weir(
                    "service=shop;infrastructure=127.0.0.1:"
                        + push.port()
                        + ",nowhere;rules="
                        + rules.location())
                .start()) {
      awaitAnswer(jvm, "/call?" + other.url(), "429");
      assertThat(ask(jvm, "/call?" + eureka.url() + "/eureka/apps/SHOP")).isEqualTo("200");
      assertThat(ask(jvm, "/call?" + config.url() + "/shop/default")).isEqualTo("200");
      assertThat(ask(jvm, "/call?" + push.url() + "/metrics/job/shop")).isEqualTo("200");
      assertThat(ask(jvm, "/call?" + other.url() + "/eureka/apps/SHOP"))
          .as("whoever chooses the URL chooses the path")
          .isEqualTo("429");
      assertThat(jvm.awaitStderr("weir.infrastructure: 'nowhere'")).contains("host:port");
    }
  }

  @Test
  void explainSaysSo() throws IOException {
    Cli weir = new Cli(new Rules().put("service/_all/rate-limit/none", NOTHING).directory());
    Cli.Said said =
        weir.run("explain", "localhost", "http://localhost:4318/v1/traces", "--rules", ".");
    assertThat(said.exits(0).out())
        .containsPattern("none +exempt +localhost:4318 is infrastructure")
        .contains("admitted");
    assertThat(weir.run("explain", "localhost", "http://localhost:80/", "--rules", ".").out())
        .contains("refused");
    String export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assertThat(weir.run("explain", "gateway", export, "--grpc", "--rules", ".").out())
        .containsPattern("none +exempt +a method of telemetry")
        .contains("admitted");
  }

  /** Counts calls and answers all of them alike. */
  private static final class Target implements AutoCloseable {
    final AtomicInteger calls = new AtomicInteger();
    volatile int status = 200;
    volatile String path;
    private final HttpServer server;

    Target() throws IOException {
      server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
      server.setExecutor(Executors.newFixedThreadPool(2));
      server.createContext(
          "/",
          x -> {
            x.getRequestBody().readAllBytes();
            calls.incrementAndGet();
            path = x.getRequestURI().getPath();
            x.sendResponseHeaders(status, -1);
            x.close();
          });
      server.start();
    }

    int port() {
      return server.getAddress().getPort();
    }

    String url() {
      return "http://127.0.0.1:" + port();
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }
}
