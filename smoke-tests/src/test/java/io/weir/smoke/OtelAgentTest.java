package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.proto.trace.v1.Span;
import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * With the stock OpenTelemetry Java agent in the same JVM, beside it in either order or as its
 * extension, of both: one stands down. All three instrumentations govern, metrics and decisions go
 * to that agent's OpenTelemetry. {@code -Dweir.otel.all=true} runs every pair.
 */
class OtelAgentTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  /** The newest agent that resolves, and one a year older. */
  static List<Arguments> hosts() {
    List<Arguments> all =
        new ArrayList<>(
            List.of(
                Arguments.of("2.33.1", "both"),
                Arguments.of("2.22.0", "extension"),
                Arguments.of("2.33.1", "weir first")));
    if (Boolean.getBoolean("weir.otel.all")) {
      all.add(Arguments.of("2.33.1", "extension"));
      all.add(Arguments.of("2.33.1", "otel first"));
      all.add(Arguments.of("2.22.0", "weir first"));
      all.add(Arguments.of("2.22.0", "otel first"));
    }
    return all;
  }

  @ParameterizedTest(name = "{1}, OpenTelemetry agent {0}")
  @MethodSource("hosts")
  void everythingIsGovernedAndToldToTheAgentsOpenTelemetry(String version, String how) {
    String otel =
        "-javaagent:"
            + Maven.artifact("io.opentelemetry.javaagent:opentelemetry-javaagent:" + version);
    String libraries =
        Maven.resolve(
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "com.squareup.okhttp3:okhttp:4.12.0",
            "io.grpc:grpc-netty-shaded:1.85.1",
            "io.grpc:grpc-stub:1.85.1");
    String classpath =
        Apps.with(Apps.compile(List.of("everything", "hops"), libraries, Map.of()), libraries);
    boolean beside = how.startsWith("weir") || how.startsWith("otel");
    EtcdServer etcd = beside ? EtcdServer.start() : null;
    Rules rules =
        new Rules(etcd)
            .put(
                "service/a/rate-limit/all",
                "{\"qps\": 0.0001, \"burst\": 2, \"match\": \"path == '/counted'\"}")
            .put(
                "service/c/rate-limit/out",
                "{\"qps\": 0.0001, \"burst\": 1, \"side\": \"client\"}");
    try (EtcdServer closing = etcd;
        Collector collector = new Collector();
        Collector ours = new Collector()) {
      // asked for, an exporter of its own stands down for the agent's
      String weir =
          "service=a;metrics.exporter=otlp;metrics.interval=200ms;metrics.endpoint="
              + ours.endpoint()
              + ";rules="
              + rules.location()
              + (beside ? ";register=false;etcd.endpoints=" + etcd.endpoint() : "");
      Jvm.Builder b =
          Jvm.of(Jdk.find(17).orElseThrow(), classpath, "Everything")
              .options(
                  "-Dotel.service.name=a",
                  "-Dotel.exporter.otlp.endpoint=" + collector.endpoint(),
                  "-Dotel.exporter.otlp.protocol=grpc",
                  "-Dotel.logs.exporter=none",
                  "-Dotel.metric.export.interval=500",
                  "-Dotel.bsp.schedule.delay=200");
      if (how.equals("weir first")) {
        b.weir(weir).options(otel);
      } else if (how.equals("otel first")) {
        b.options(otel).weir(weir);
      } else {
        b.options("-Dotel.javaagent.extensions=" + Work.weirJar(), "-Dweir.service=a")
            .options("-Dweir.rules=" + rules.location(), otel);
        b.options("-Dweir.metrics.exporter=otlp", "-Dweir.metrics.interval=200ms")
            .options("-Dweir.metrics.endpoint=" + ours.endpoint());
        if (how.equals("both")) {
          b.weir(weir);
        }
      }
      if (beside) {
        b.options("-Dotel.javaagent.exclude-class-loaders=io.weir.agent."); // as the docs say
      }
      try (Jvm jvm = b.start()) {
        String[] ports = jvm.awaitStdout("PORTS ").split(" ");
        rules
            .put("services/b/instances/127.0.0.1:" + ports[2], "{\"version\": \"v1\"}")
            .put("services/c/instances/127.0.0.1:" + ports[3], "{\"protocol\": \"grpc\"}")
            .awaitInForce("a", jvm, "/");

        assertThat(List.of(get(jvm, "/counted"), get(jvm, "/counted"), get(jvm, "/counted")))
            .as("servlet")
            .containsExactly(200, 200, 429);
        assertThat(get(jvm, "/?how=direct"))
            .as("OkHttp finds b, gRPC finds c, by the registry alone:\n%s", jvm.told())
            .isEqualTo(200);
        get(jvm, "/?how=direct"); // c's token is spent

        Await.until(
            Duration.ofSeconds(30),
            () ->
                collector.sum("rate_limit.exceeded", s -> "all".equals(rule(s))) == 1
                    && collector.sum("rate_limit.exceeded", s -> "out".equals(rule(s))) == 1
                    && collector.sum("weir.route.selections", s -> true) >= 2
                    && refused(collector) != null
                    && event(collector, "weir.routed")
                    && event(collector, "weir.refused"),
            () -> collector.values() + "\n" + collector.spans() + "\n" + jvm.told());
        assertThat(refused(collector))
            .containsEntry("weir.refused.by", "limit")
            .containsEntry("rate_limit.exceeded", true)
            .containsEntry("service", "a");
        assertThat(collector.scopes())
            .as("their agent counts durations; we do not count them again")
            .anyMatch(s -> s.contains("tomcat"));
        assertThat(collector.metric("http.server.request.duration")).isNull();
        assertThat(ours.scopes()).as("no second exporter").isEmpty();
        assertThat(jvm.threads()).contains("weir-control").doesNotContain("weir-metrics");
        assertThat(collector.spans())
            .as("the calls of our own etcd client, which came first, are not traced")
            .noneMatch(
                s ->
                    s.getName().contains("etcdserver")
                        || etcd != null
                            && Long.valueOf(etcd.port())
                                .equals(
                                    Collector.attributes(s.getAttributesList())
                                        .get("server.port")));

        assertThat(jvm.stderr().stream().filter(l -> l.contains("governs service"))).hasSize(1);
        assertThat(jvm.stderr().stream().filter(l -> l.contains("already loaded in this JVM")))
            .hasSize(how.equals("both") ? 1 : 0);
        assertThat(jvm.complaints()).isEmpty();
      }
    }
  }

  private static Object rule(Collector.Series s) {
    return s.attributes().get("rule");
  }

  /** Attributes of the span of the refused request. */
  private static Map<String, Object> refused(Collector collector) {
    return collector.spans().stream()
        .filter(s -> s.getKind() == Span.SpanKind.SPAN_KIND_SERVER)
        .map(s -> Collector.attributes(s.getAttributesList()))
        .filter(a -> "all".equals(a.get("weir.rule")))
        .findFirst()
        .orElse(null);
  }

  private static boolean event(Collector collector, String name) {
    return collector.spans().stream()
        .anyMatch(s -> s.getEventsList().stream().anyMatch(e -> e.getName().equals(name)));
  }

  private static int get(Jvm jvm, String path) {
    try {
      return HTTP.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + path)).build(),
              BodyHandlers.discarding())
          .statusCode();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
