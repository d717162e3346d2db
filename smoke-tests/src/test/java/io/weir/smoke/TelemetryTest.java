package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.tools.attach.VirtualMachine;
import io.opentelemetry.proto.metrics.v1.AggregationTemporality;
import io.weir.control.testing.Certificates;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What Weir tells about itself reaches whoever asks: a collector, the application's own
 * OpenTelemetry, Prometheus; under the names that docs/telemetry.md has, and no others.
 */
class TelemetryTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final Jdk JDK = Jdk.find(17).orElseThrow();

  private static final String[] LIBRARIES = {
    "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
    "com.squareup.okhttp3:okhttp:4.12.0",
    "io.grpc:grpc-netty-shaded:1.85.1",
    "io.grpc:grpc-stub:1.85.1"
  };

  /** Asked for every attribute it promises; the caller decides which metrics are looked at. */
  private record Promised(String name, String kind, String unit, Set<String> attributes) {
    String prometheus() {
      String n = name.replace('.', '_') + (unit.equals("s") ? "_seconds" : "");
      return kind.equals("counter") ? n + "_total" : n;
    }
  }

  private static List<Promised> promised() throws IOException {
    List<Promised> all = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of("../docs/telemetry.md"))) {
      if (line.startsWith("| `")) {
        String[] f = line.split("\\s*\\|\\s*");
        Set<String> attributes =
            Arrays.stream(f[4].split(",\\s*"))
                .map(a -> a.replace("`", ""))
                .filter(a -> !a.isBlank())
                .collect(Collectors.toCollection(TreeSet::new));
        all.add(new Promised(f[1].replace("`", ""), f[2], f[3].replace("`", ""), attributes));
      }
    }
    assertThat(all).hasSizeGreaterThan(20);
    return all;
  }

  /** Three services on a chain: a (HTTP in and out), b (HTTP in, gRPC out), c (gRPC in). */
  private static final class Chain implements AutoCloseable {
    final Rules rules = new Rules();
    final Jvm a;
    final Jvm b;
    final Jvm c;

    Chain(String options) {
      String libraries = Maven.resolve(LIBRARIES);
      String classpath = Apps.with(Apps.compile("hops", libraries, Map.of()), libraries);
      c = jvm(classpath, options, "c", "grpc", "c");
      b = jvm(classpath, options, "b", "web", "grpc", "b");
      a = jvm(classpath, options, "a", "web", "http", "a");
      for (Jvm j : List.of(a, b, c)) {
        j.awaitReady();
      }
      rules
          .put(
              "services/b/instances/127.0.0.1:" + b.port(),
              "{\"version\": \"v1\", \"region\": \"r1\"}")
          .put(
              "services/c/instances/127.0.0.1:" + c.port(),
              "{\"version\": \"v2\", \"region\": \"r1\", \"protocol\": \"grpc\"}")
          .put("service/b/route", "default: [{version: v1}]")
          .put(
              "service/b/circuit-breaker",
              "{\"window\": {\"type\": \"count\", \"size\": 100}, \"min_calls\": 100}")
          .put("service/c/circuit-breaker", "{\"force\": \"open\", \"enabled\": false}")
          .put(
              "service/a/rate-limit/all",
              "{\"qps\": 0.0001, \"burst\": 10, \"match\": \"path == '/counted'\"}")
          .put(
              "service/a/rate-limit/crowd",
              "{\"max_concurrent\": 1000, \"match\": \"path == '/'\"}")
          .put(
              "service/a/rate-limit/tuned",
              "{\"auto\": {\"target\": 600000, \"min_qps\": 1000, \"max_qps\": 100000}, \"match\":"
                  + " \"path == '/'\"}")
          .put(
              "service/a/rate-limit/each",
              "{\"qps\": 1000, \"by\": [\"query:how\"], \"on_missing\": \"skip\"}")
          .awaitInForce("a", a, "/")
          .awaitInForce("b", b, "/");
    }

    private Jvm jvm(String classpath, String options, String service, String... arguments) {
      return Jvm.of(JDK, classpath, "Hops")
          .weir("service=" + service + ";version=v7;rules=" + rules.location() + ";" + options)
          .arguments(arguments)
          .launch();
    }

    @Override
    public void close() {
      for (Jvm j : List.of(a, b, c)) {
        j.close();
      }
    }
  }

  private static int get(int port, String path) {
    try {
      return HTTP.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
              BodyHandlers.discarding())
          .statusCode();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aCollectorAndPrometheusGetEveryMetricOfTheDocsWithItsAttributes() throws IOException {
    try (Collector collector = new Collector();
        Chain chain =
            new Chain(
                "admin.port=0;metrics.exporter=otlp;metrics.interval=300ms;metrics.endpoint="
                    + collector.endpoint())) {
      List<Integer> counted = new ArrayList<>();
      for (int i = 0; i < 15; i++) {
        counted.add(get(chain.a.port(), "/counted"));
      }
      assertThat(counted).containsOnly(200, 429);
      for (int i = 0; i < 20; i++) {
        assertThat(get(chain.a.port(), "/?how=direct")).isEqualTo(200);
      }
      // open and closed again by hand: a transition of each kind
      chain.rules.put("service/b/circuit-breaker", "{\"force\": \"open\"}");
      Await.until(
          Duration.ofSeconds(15),
          () -> collector.sum("circuit.breaker.state", s -> s.service().equals("a")) == 1,
          () -> collector.values() + chain.a.told());
      get(chain.a.port(), "/?how=direct");
      chain.rules.put("service/b/circuit-breaker", "{\"min_calls\": 5}");

      Await.until(
          Duration.ofSeconds(20),
          () -> {
            get(chain.a.port(), "/?how=direct"); // one decision in 64, drawn by lot, is timed
            return collector.sum("circuit.breaker.transitions", s -> s.service().equals("a")) == 2
                && collector.sum("rpc.server.call.duration", s -> true) >= 20
                && collector.sum("circuit.breaker.refused", s -> true) >= 1
                && collector.sum("weir.decision.duration", s -> true) >= 1;
          },
          () -> collector.values() + chain.a.told() + chain.c.told());

      Map<String, Set<String>> seen = new TreeMap<>();
      collector
          .values()
          .keySet()
          .forEach(
              s ->
                  seen.computeIfAbsent(s.metric(), m -> new TreeSet<>())
                      .addAll(s.attributes().keySet()));
      String page = metrics(chain.a) + metrics(chain.b) + metrics(chain.c);
      for (Promised p : promised()) {
        if (p.name().equals("http.server.duration")) {
          continue; // behind weir.metrics.legacy-names: below
        }
        if (p.name().startsWith("weir.regist")) {
          continue; // with etcd only: RegistryTest
        }
        assertThat(seen).as(p.name()).containsKey(p.name());
        assertThat(p.attributes()).as(p.name()).containsAll(seen.get(p.name()));
        String kind =
            collector.metric(p.name()).hasHistogram()
                ? "histogram"
                : collector.metric(p.name()).hasSum() ? "counter" : "gauge";
        assertThat(kind).as(p.name()).isEqualTo(p.kind());
        assertThat(collector.metric(p.name()).getUnit()).as(p.name()).isEqualTo(p.unit());
        assertThat(page).contains("# TYPE " + p.prometheus() + " " + p.kind() + "\n");
      }
      assertThat(seen.keySet())
          .as("nothing that the docs do not know")
          .isSubsetOf(promised().stream().map(Promised::name).collect(Collectors.toSet()));
      assertThat(collector.metric("rate_limit.hit_count").getSum().getAggregationTemporality())
          .isEqualTo(AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE);

      long refused = counted.stream().filter(s -> s == 429).count();
      assertThat(refused).isEqualTo(5);
      assertThat(
              collector.sum("rate_limit.exceeded", s -> "all".equals(s.attributes().get("rule"))))
          .isEqualTo(5);
      assertThat(hits(collector, false)).isEqualTo(10);
      assertThat(hits(collector, true)).isEqualTo(5);
      assertThat(
              collector.sum(
                  "http.server.request.duration",
                  s ->
                      s.service().equals("a")
                          && Long.valueOf(429)
                              .equals(s.attributes().get("http.response.status_code"))
                          && Boolean.TRUE.equals(s.attributes().get("rate_limit.exceeded"))))
          .as("refused calls are calls, too")
          .isGreaterThanOrEqualTo(5);
      assertThat(
              collector.sum(
                  "weir.route.selections",
                  s ->
                      s.attributes()
                          .equals(
                              Map.of(
                                  "service", "b", "version", "v1", "region", "r1", "reason",
                                  "default"))))
          .isGreaterThanOrEqualTo(20);
      assertThat(
              collector.sum(
                  "circuit.breaker.transitions",
                  s ->
                      s.service().equals("a")
                          && s.attributes()
                              .equals(
                                  Map.of(
                                      "breaker.name",
                                      "b",
                                      "rule",
                                      "default",
                                      "from",
                                      "closed",
                                      "to",
                                      "open",
                                      "by",
                                      "operator"))))
          .isEqualTo(1);
      assertThat(collector.resource("a"))
          .containsEntry("service.version", "v7")
          .containsKey("service.instance.id");
      assertThat(chain.a.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  private static double hits(Collector collector, boolean exceeded) {
    return collector.sum(
        "rate_limit.hit_count",
        s ->
            "all".equals(s.attributes().get("rule"))
                && s.attributes().get("rate_limit.exceeded").equals(exceeded));
  }

  private static String metrics(Jvm jvm) throws IOException {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    String port = line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1");
    try {
      return HTTP.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
              BodyHandlers.ofString())
          .body();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aCollectorBehindTlsIsTrustedAsTheJvmTrusts() throws Exception {
    Certificates made = new Certificates(Work.fresh("collector"));
    made.issue("collector", false);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    try (InputStream ca = Files.newInputStream(made.ca())) {
      trusted.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(ca));
    }
    Path store = made.ca().resolveSibling("trusted.p12");
    try (OutputStream out = Files.newOutputStream(store)) {
      trusted.store(out, "secret".toCharArray());
    }
    String tomcat = Maven.resolve(LIBRARIES);
    String classpath = Apps.with(Apps.compile("hops", tomcat, Map.of()), tomcat);
    Rules rules = new Rules().put("service/a/rate-limit/all", "{\"qps\": 1000}");
    try (Collector collector = new Collector(made, "collector");
        Jvm jvm =
            // on the newest JDK, which warns of what later ones will not allow
            Jvm.of(Jdk.want(25).orElse(JDK), classpath, "Hops")
                .weir(
                    "service=a;metrics.exporter=otlp;metrics.interval=300ms;metrics.endpoint="
                        + collector.endpoint()
                        + ";rules="
                        + rules.location())
                .options(
                    "-Djavax.net.ssl.trustStore=" + store,
                    "-Djavax.net.ssl.trustStorePassword=secret")
                .arguments("web", "http", "a")
                .start()) {
      rules.awaitInForce("a", jvm, "/");
      Await.until(
          Duration.ofSeconds(20),
          () -> collector.resource("a") != null,
          () -> "nothing came\n" + jvm.told());
      assertThat(jvm.stderr()) // the application's own Netty has warnings of its own
          .filteredOn(line -> line.startsWith("WARNING:"))
          .noneMatch(line -> line.contains("io.opentelemetry") || line.contains("protobuf"));
    }
  }

  @ParameterizedTest
  @CsvSource({"1.66.0,otlp", "1.15.0,none"})
  void anApplicationsOwnOpenTelemetryGetsThemAndStaysItsOwn(String version, String exporter) {
    List<String> wanted = new ArrayList<>(List.of(LIBRARIES));
    wanted.add("io.opentelemetry:opentelemetry-sdk:" + version);
    String libraries = Maven.resolve(wanted.toArray(new String[0]));
    String classpath =
        Apps.with(Apps.compile(List.of("otel", "hops"), libraries, Map.of()), libraries);
    Rules rules =
        new Rules()
            .put(
                "service/a/rate-limit/all",
                "{\"qps\": 0.0001, \"burst\": 10, \"match\": \"path == '/counted'\"}");
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "WithOtel")
            .weir(
                "service=a;metrics.legacy-names=true;metrics.exporter="
                    + exporter
                    + ";metrics.endpoint=http://127.0.0.1:1;rules="
                    + rules.location())
            .arguments("Hops", "web", "http", "a")
            .start()) {
      rules.awaitInForce("a", jvm, "/");
      for (int i = 0; i < 15; i++) {
        get(jvm.port(), "/counted");
      }
      jvm.awaitStdout(
          "METRIC rate_limit.exceeded {decision} {mode=enforce, rule=all, service=a, side=server}"
              + " 5");
      jvm.awaitStdout("METRIC http.server.request.duration s {");
      jvm.awaitStdout("METRIC http.server.duration ms {");
      jvm.awaitStdout("METRIC weir.etcd.connected  {} 1");
      assertThat(jvm.awaitStdout("METRIC orders ")).endsWith(" 7");
      // an exporter of its own, if it was asked for one, stands down
      Await.until(
          Duration.ofSeconds(15),
          () -> !jvm.threads().contains("weir-metrics"),
          () -> "two exporters\n" + jvm.told());
      assertThat(jvm.threads()).contains("weir-control");
      assertThat(jvm.stderr().stream().anyMatch(l -> l.contains("metrics go there now")))
          .isEqualTo(exporter.equals("otlp"));
      assertThat(jvm.complaints()).isEmpty();
    }
  }

  @Test
  void decisionsStandOnTheSpansOfAnApplicationsOwnOpenTelemetry() {
    String libraries =
        Maven.resolve(LIBRARIES[0], LIBRARIES[1], "io.opentelemetry:opentelemetry-sdk:1.66.0");
    String classpath = Apps.with(Apps.compile("spans", libraries, Map.of()), libraries);
    Rules rules =
        new Rules()
            .put("service/a/rate-limit/none", "{\"qps\": 0, \"match\": \"path == '/refused'\"}")
            .put(
                "service/b/rate-limit/once",
                "{\"qps\": 0.0001, \"burst\": 1, \"side\": \"client\"}");
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "Spans")
            .weir("service=a;admin.port=0;decisions.header=true;rules=" + rules.location())
            .start()) {
      String b = jvm.awaitStdout("B ").substring(2);
      rules
          .put("services/b/instances/127.0.0.1:" + b, "{\"version\": \"v1\", \"region\": \"r1\"}")
          .awaitInForce("a", jvm, "/");
      assertThat(get(jvm.port(), "/refused")).isEqualTo(429);
      assertThat(jvm.awaitStdout("SPAN serve /refused "))
          .containsPattern(
              "^SPAN serve /refused \\{rate_limit.exceeded=true, service=a, weir.decision=\\S+,"
                  + " weir.refused.by=limit, weir.rule=none}$");
      assertThat(get(jvm.port(), "/call")).isEqualTo(204);
      assertThat(jvm.awaitStdout("SPAN call b "))
          .isEqualTo(
              "SPAN call b {} EVENT weir.routed {region=r1, server.address=127.0.0.1, server.port="
                  + b
                  + ", service=b, version=v1}");
      assertThat(get(jvm.port(), "/call")).isEqualTo(429);
      assertThat(jvm.awaitStdout("SPAN call b {} EVENT weir.refused "))
          .containsPattern(
              "rate_limit.exceeded=true, service=b, weir.decision=\\S+, weir.refused.by=limit,"
                  + " weir.rule=once}$");
      assertThat(jvm.awaitStdout("SPAN serve /call ")).as("its own, untouched").endsWith(" {}");
      assertThat(jvm.complaints()).isEmpty();
    }
  }

  @Test
  void attachedLateItFindsTheOpenTelemetryThatIsThereAlready() throws Exception {
    List<String> wanted = new ArrayList<>(List.of(LIBRARIES));
    wanted.add("io.opentelemetry:opentelemetry-sdk:1.66.0");
    String libraries = Maven.resolve(wanted.toArray(new String[0]));
    String classpath =
        Apps.with(Apps.compile(List.of("otel", "hops"), libraries, Map.of()), libraries);
    Rules rules = new Rules();
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "WithOtel").arguments("Hops", "web", "http", "a").start()) {
      jvm.awaitStdout("METRIC orders ");
      VirtualMachine vm = VirtualMachine.attach(Long.toString(jvm.pid()));
      try {
        vm.loadAgent(Work.weirJar().toString(), "service=a;rules=" + rules.location());
      } finally {
        vm.detach();
      }
      jvm.awaitStdout("METRIC weir.etcd.connected  {} 1");
      assertThat(get(jvm.port(), "/")).isEqualTo(200);
      jvm.awaitStdout("METRIC http.server.request.duration s {");
      assertThat(jvm.complaints()).isEmpty();
    }
  }

  /** Metrics came into the API with 1.10. */
  @Test
  void anOpenTelemetryWithoutMetricsIsLeftAlone() {
    List<String> wanted = new ArrayList<>(List.of(LIBRARIES));
    wanted.add("io.opentelemetry:opentelemetry-sdk:1.0.1");
    String libraries = Maven.resolve(wanted.toArray(new String[0]));
    String classpath =
        Apps.with(Apps.compile(List.of("otel-1.0", "hops"), libraries, Map.of()), libraries);
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "OldOtel")
            .weir("service=a;admin.port=0;rules=" + new Rules().location())
            .arguments("Hops", "web", "http", "a")
            .start()) {
      jvm.awaitStdout("OWN GLOBAL");
      jvm.awaitStderr("admin endpoint on");
      assertThat(get(jvm.port(), "/")).isEqualTo(200);
      assertThat(jvm.complaints()).isEmpty();
    }
  }

  @Test
  void aRefusedCallerIsToldTheDecisionAndTheAdminEndpointExplainsIt() throws Exception {
    String libraries = Maven.resolve(LIBRARIES);
    String classpath = Apps.with(Apps.compile("hops", libraries, Map.of()), libraries);
    Rules rules =
        new Rules().put("service/a/rate-limit/none", "{\"qps\": 0, \"match\": \"path == '/x'\"}");
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "Hops")
            .weir("service=a;admin.port=0;decisions.header=true;rules=" + rules.location())
            .arguments("web", "http", "a")
            .start()) {
      rules.awaitInForce("a", jvm, "/");
      try (Raw http = new Raw(jvm.port())) {
        assertThat(http.get("/").header("X-Weir-Decision")).as("admitted").isNull();
        Raw.Answer refused = http.get("/x");
        assertThat(refused.status()).isEqualTo(429);
        String id = refused.header("X-Weir-Decision");
        assertThat(id).isNotNull();
        String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
        String port = line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1");
        URI page = URI.create("http://127.0.0.1:" + port + "/decisions");
        assertThat(body(URI.create(page + "?id=" + id)))
            .contains("\"id\":\"" + id + "\"", "\"rule\":\"none\"", "\"path\":\"/x\"")
            .contains("\"verdict\":\"refused\"", "\"status\":429", "\"side\":\"server\"");
        assertThat(body(page)).contains(id);
        Cli weir = new Cli(Work.fresh("cli"));
        String admin = "http://127.0.0.1:" + port;
        assertThat(weir.run("explain", "--decision", id, "--admin", admin).exits(0).out())
            .contains("refused", "none", "/x");
        weir.run("explain", "--decision", "x-1", "--admin", admin).exits(1);
        assertThat(body(URI.create(page + "?id=other"))).contains("\"decisions\":[]");
      }
    }
  }

  @Test
  void aRefusedCallerOverGrpcIsToldTheDecisionInTheTrailer() throws Exception {
    String libraries = Maven.resolve(LIBRARIES);
    String classpath = Apps.with(Apps.compile("hops", libraries, Map.of()), libraries);
    Rules rules =
        new Rules()
            .put("service/c/rate-limit/none", "{\"qps\": 0, \"match\": \"exists header:x\"}");
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "Hops")
            .weir("service=c;admin.port=0;decisions.header=true;rules=" + rules.location())
            .arguments("grpc", "c")
            .start()) {
      List<String> call =
          new ArrayList<>(
              List.of(
                  ":method",
                  "POST",
                  ":scheme",
                  "http",
                  ":path",
                  "/hop.Hop/Who",
                  ":authority",
                  "c",
                  "te",
                  "trailers",
                  "content-type",
                  "application/grpc"));
      try (RawGrpc grpc = new RawGrpc(jvm.port())) {
        assertThat(grpc.call(call)).isZero();
        assertThat(grpc.trailer("x-weir-decision")).as("admitted").isNull();
        call.addAll(List.of("x", "1"));
        Await.until(
            Duration.ofSeconds(15), () -> grpc.call(call) == 8, () -> "not refused\n" + jvm.told());
        String id = grpc.trailer("x-weir-decision");
        assertThat(id).isNotNull();
        String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
        String port = line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1");
        assertThat(body(URI.create("http://127.0.0.1:" + port + "/decisions?id=" + id)))
            .contains("\"id\":\"" + id + "\"", "\"rule\":\"none\"", "\"path\":\"/hop.Hop/Who\"");
      }
    }
  }

  private static String body(URI uri) throws Exception {
    return HTTP.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
  }

  @Test
  void withoutAnExporterNoSdkIsLoadedAndNothingIsMeasured() throws IOException {
    Path log = Work.fresh("classes").resolve("load.log");
    Rules rules = new Rules().put("service/b/circuit-breaker", "{\"slow_call_ms\": 1}");
    String libraries = Maven.resolve(LIBRARIES);
    String classpath = Apps.with(Apps.compile("hops", libraries, Map.of()), libraries);
    try (Jvm jvm =
        Jvm.of(JDK, classpath, "Hops")
            .weir("service=a;rules=" + rules.location())
            .options("-Xlog:class+load=info:file=" + log)
            .arguments("web", "http", "a")
            .start()) {
      rules.awaitInForce("a", jvm, "/");
      assertThat(get(jvm.port(), "/")).isEqualTo(200);
      get(jvm.port(), "/?how=direct"); // there is no b: a call that fails is one, too
      assertThat(Files.readAllLines(log))
          .anyMatch(l -> l.contains(" io.weir.engine.breaker.BreakerRuleVersion "));
      assertThat(Files.readAllLines(log))
          .noneMatch(
              l ->
                  l.matches(
                      ".* io\\.opentelemetry\\.sdk\\.(?!autoconfigure\\.spi\\.Ordered ).*|.*"
                          + " org\\.HdrHistogram\\..*"));
    }
  }
}
