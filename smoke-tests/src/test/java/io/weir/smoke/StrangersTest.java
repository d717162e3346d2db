package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs that others wrote, with the tests they brought along, do under the agent what they do
 * without: with no rules, with rules that allow everything, and beside other agents in either
 * order. Each row is one program under one set of agents; what it tells is compared, line by line,
 * with what it tells without any agent.
 *
 * <p>A few rows run in {@code ./verify}; {@code smoke-tests/strangers [REGEX...]} runs all, or
 * those it is given.
 */
class StrangersTest {
  private static final Duration LIMIT = Duration.ofMinutes(4);
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final String OTEL = "io.opentelemetry.javaagent:opentelemetry-javaagent:2.33.1";

  /**
   * Path of a {@code skywalking-agent.jar} in a folder as its distribution has it; null for none,
   * and then there are no rows for it. {@code smoke-tests/strangers} brings one.
   */
  private static final String SKYWALKING = System.getenv("WEIR_SKYWALKING");

  /** Which rows; empty for those of {@code ./verify}, without the long cases. */
  private static final String ONLY = System.getProperty("weir.strangers", "");

  private static final Table TABLE =
      new Table("strangers.md", "program", "JDK", "agents", "bare", "governed", "verdict");

  /** What it told, by program and JDK, without any agent. */
  private static final Map<String, CompletableFuture<List<String>>> BARE =
      new ConcurrentHashMap<>();

  private interface Program {
    /** Runs from begin to end; what it told, less what differs from run to run anyway. */
    List<String> run(Jdk jdk, Agents agents) throws Exception;
  }

  /** In which company. */
  private enum Agents {
    NONE("bare"),
    NO_RULES("without rules"),
    RULES("with permissive rules"),
    OTEL_FIRST("with permissive rules, after OpenTelemetry's agent"),
    OTEL_LAST("with permissive rules, before OpenTelemetry's agent"),
    SKYWALKING_FIRST("with permissive rules, after SkyWalking's agent"),
    SKYWALKING_LAST("with permissive rules, before SkyWalking's agent");

    final String words;

    Agents(String words) {
      this.words = words;
    }

    /** Adds the agents; {@code weir} are options of ours. */
    Jvm.Builder on(Jvm.Builder b, String weir) {
      String options = "admin.port=0;drain_ms=0;" + weir;
      switch (this) {
        case NONE:
          return b;
        case OTEL_FIRST:
          return otel(b).weir(options);
        case OTEL_LAST:
          return otel(b.weir(options));
        case SKYWALKING_FIRST:
          return skywalking(b).weir(options);
        case SKYWALKING_LAST:
          return skywalking(b.weir(options));
        default:
          return b.weir(options);
      }
    }

    private static Jvm.Builder otel(Jvm.Builder b) {
      return b.options(
          "-Dotel.traces.exporter=none",
          "-Dotel.metrics.exporter=none",
          "-Dotel.logs.exporter=none",
          "-javaagent:" + Maven.artifact(OTEL));
    }

    private static Jvm.Builder skywalking(Jvm.Builder b) {
      return b.options(
          "-Dskywalking.collector.backend_service=127.0.0.1:1", "-javaagent:" + SKYWALKING);
    }
  }

  private record Row(String name, Program program, Jdk jdk, Agents agents, boolean brief) {
    @Override
    public String toString() {
      return name + " on JDK " + jdk.version() + ", " + agents.words;
    }
  }

  static List<Row> rows() {
    List<Row> all = new ArrayList<>();
    for (int version : new int[] {17, 25}) {
      Jdk.want(version)
          .ifPresent(
              jdk -> {
                for (Agents a : Agents.values()) {
                  // SkyWalking's agent, 9.4.0, ends a JDK 25 in its own premain, without us, too
                  boolean sky = a == Agents.SKYWALKING_FIRST || a == Agents.SKYWALKING_LAST;
                  if (a == Agents.NONE || sky && (SKYWALKING == null || version > 17)) {
                    continue;
                  }
                  boolean brief = a == Agents.RULES && version == 17;
                  all.add(new Row("gRPC interop 1.76", StrangersTest::interop, jdk, a, brief));
                  if (a != Agents.NO_RULES) {
                    all.add(
                        new Row(
                            "gRPC interop 1.76, routed",
                            StrangersTest::routedInterop,
                            jdk,
                            a,
                            false));
                  }
                  all.add(new Row("Spring Boot's tests", StrangersTest::boot, jdk, a, brief));
                  all.add(new Row("Tomcat's examples", StrangersTest::examples, jdk, a, brief));
                  // StrangersWarTest has it in ./verify
                  all.add(new Row("Jolokia's war", StrangersTest::war, jdk, a, false));
                }
              });
    }
    return all.stream().filter(r -> ONLY.isEmpty() ? r.brief : wanted(r.toString())).toList();
  }

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("rows")
  void aStrangerTellsTheSameAsWithoutAgent(Row row) throws Exception {
    CompletableFuture<List<String>> bare =
        BARE.computeIfAbsent(
            row.name + row.jdk.version(),
            k ->
                CompletableFuture.supplyAsync(
                    () -> {
                      try {
                        return row.program.run(row.jdk, Agents.NONE);
                      } catch (Exception e) {
                        throw new IllegalStateException(e);
                      }
                    }));
    String governed = "no result";
    boolean same = false;
    try {
      List<String> told = row.program.run(row.jdk, row.agents);
      governed = tally(told);
      List<String> others = new ArrayList<>(told);
      others.removeAll(bare.join());
      governed += others.isEmpty() ? "" : ": " + String.join("; ", others).replace('|', '/');
      assertThat(told).isEqualTo(bare.join());
      same = true;
    } finally {
      String without = bare.handle((told, e) -> e == null ? tally(told) : "no result").join();
      result(row.name, row.jdk, row.agents.words, without, governed, same);
    }
  }

  /** Whether {@code smoke-tests/strangers} was asked for a row of this name. */
  static boolean wanted(String name) {
    return ONLY.isEmpty() || ONLY.equals("all") || Pattern.compile(ONLY).matcher(name).find();
  }

  /** Tells a row of the table, where one is wanted. */
  static void result(
      String program, Jdk jdk, String agents, String bare, String governed, boolean same) {
    if (!ONLY.isEmpty()) {
      String verdict = same ? "identical" : "**DIFFERS**";
      TABLE.row(program, Integer.toString(jdk.version()), agents, bare, governed, verdict);
    }
  }

  /** How many of what was told passed, failed, or was answered with which status. */
  private static String tally(List<String> told) {
    Map<String, Integer> count = new TreeMap<>(Comparator.reverseOrder());
    for (String line : told) {
      if (line.startsWith("/")) {
        count.merge("status " + line.split(" ")[1], 1, Integer::sum);
      } else if (line.startsWith("CASE ") || line.contains("()")) {
        boolean passed = line.endsWith(": passed") || line.endsWith("[OK]");
        count.merge(passed ? "passed" : "failed", 1, Integer::sum);
      }
    }
    return count.entrySet().stream()
        .map(e -> e.getValue() + " " + e.getKey())
        .collect(Collectors.joining(", "));
  }

  // ---- the programs

  /** gRPC's own interoperability tests: its server's main, and every case its client has. */
  private static List<String> interop(Jdk jdk, Agents agents) throws Exception {
    return interop(jdk, agents, false);
  }

  /**
   * The same, every call routed to the registered instance. Without the cases about a client's own
   * load balancer: it is not asked for such calls.
   */
  private static List<String> routedInterop(Jdk jdk, Agents agents) throws Exception {
    return interop(jdk, agents, true);
  }

  private static List<String> interop(Jdk jdk, Agents agents, boolean routed) throws Exception {
    String jars = Maven.resolve("io.grpc:grpc-interop-testing:1.76.0");
    String driver = Apps.compile("interop", jars, Map.of());
    int port = freePort();
    Rules rules = rules(agents);
    if (routed) {
      rules
          .put("services/interop/instances/localhost:" + port, "{\"version\": \"v1\"}")
          .put("service/interop/route", "default: [{version: v1}]");
    }
    Jvm.Builder server =
        Jvm.of(jdk, jars, "io.grpc.testing.integration.TestServiceServer")
            .arguments("--use_tls=false", "--port=" + port);
    Jvm.Builder client =
        Jvm.of(jdk, Apps.with(driver, jars), "io.grpc.testing.integration.InteropMain")
            .options("-Dskip=" + (ONLY.isEmpty() ? "ORCA.*|.*SOAK" : ""))
            .arguments("--use_tls=false", "--server_host=localhost", "--server_port=" + port)
            // how long a call may take is not what is compared
            .arguments("--soak_per_iteration_max_acceptable_latency_ms=60000");
    String options = ";rules=" + rules.location();
    try (Jvm s = agents.on(server, "service=interop" + options).launch();
        Jvm c =
            agents
                .on(client, "service=interop-client;services.interop=localhost:" + port + options)
                .start()) {
      s.awaitStdout("Server started on port");
      awaitRules(agents, s);
      List<String> told = begin(agents, c, "CASE .*");
      if (agents != Agents.NONE) {
        assertThat(told).filteredOn(l -> l.endsWith(": passed")).hasSizeGreaterThan(19);
        governed(agents, s, "rate_limit_hit_count_total");
        governed(agents, c, "rate_limit_hit_count_total");
        if (routed) {
          governed(agents, c, "weir_route_selections_total");
        }
      }
      return told.stream().filter(l -> !routed || !l.startsWith("CASE orca")).toList();
    }
  }

  /** A service with its own tests, as JUnit's console runs them: MockMvc, Mockito, real HTTP. */
  private static List<String> boot(Jdk jdk, Agents agents) throws Exception {
    String jars =
        Maven.resolve(
            "org.springframework.boot:spring-boot-starter-web:3.5.16",
            "org.springframework.boot:spring-boot-starter-test:3.5.16",
            "org.junit.platform:junit-platform-console:1.12.2");
    String classes = Apps.compile(List.of("boot-tests", "boot-sample"), jars, Map.of());
    Jvm.Builder tests =
        Jvm.of(jdk, Apps.with(classes, jars), "TestsMain")
            .arguments("execute", "--disable-banner", "--disable-ansi-colors", "--details=tree")
            .arguments("--details-theme=ascii", "--select-class=sample.GreetingMockMvcTest")
            .arguments("--select-class=sample.SampleHttpTest");
    try (Jvm jvm = agents.on(tests, "service=sample;rules=" + rules(agents).location()).start()) {
      List<String> told = begin(agents, jvm, ".* \\[(OK|X)\\].*|\\[ .*");
      if (agents != Agents.NONE) {
        governed(agents, jvm, "rate_limit_hit_count_total");
      }
      return told.stream().map(l -> l.replaceAll("\\d+ ms", "ms")).sorted().toList();
    }
  }

  /** The Tomcat distribution as it is downloaded: its examples, the asynchronous ones too. */
  private static List<String> examples(Jdk jdk, Agents agents) throws Exception {
    Path home = Work.fresh("tomcat");
    unzip(Maven.artifact("org.apache.tomcat:tomcat:zip:10.1.59").toPath(), home);
    int port = freePort();
    Path xml = home.resolve("conf/server.xml");
    Files.writeString(
        xml,
        Files.readString(xml)
            .replace("port=\"8005\"", "port=\"-1\"")
            .replace("port=\"8080\"", "address=\"127.0.0.1\" port=\"" + port + "\""));
    Jvm.Builder tomcat =
        Jvm.of(
                jdk,
                home.resolve("bin/bootstrap.jar") + ":" + home.resolve("bin/tomcat-juli.jar"),
                "org.apache.catalina.startup.Bootstrap")
            .options("-Dcatalina.home=" + home, "-Dcatalina.base=" + home)
            .options("-Djava.io.tmpdir=" + home.resolve("temp"))
            .arguments("start");
    try (Jvm jvm =
        agents.on(tomcat, "service=examples;rules=" + rules(agents).location()).launch()) {
      Await.until(LIMIT, () -> get(port, "/examples/index.html").statusCode() == 200, jvm::told);
      awaitRules(agents, jvm);
      List<CompletableFuture<String>> answers = new ArrayList<>();
      for (String path : EXAMPLES) {
        answers.add(
            HTTP.sendAsync(request(port, path), BodyHandlers.ofString())
                .thenApply(a -> path + " " + steady(a, port)));
      }
      List<String> told = answers.stream().map(CompletableFuture::join).toList();
      if (agents != Agents.NONE) {
        governed(agents, jvm, "rate_limit_hit_count_total");
      }
      return told;
    }
  }

  /** A war of others on an embedded Tomcat. */
  private static List<String> war(Jdk jdk, Agents agents) throws Exception {
    Matrix.Cell cell =
        Matrix.cells("war").stream().filter(c -> c.jdk().equals(jdk)).findFirst().orElseThrow();
    String options = "service=stranger;rules=" + rules(agents).location();
    try (Jvm jvm = agents.on(StrangersWarTest.war(cell), options).start()) {
      awaitRules(agents, jvm);
      List<String> told = new ArrayList<>();
      for (String path : StrangersWarTest.PATHS) {
        told.add(path + " " + StrangersWarTest.answer(jvm, path));
      }
      if (agents != Agents.NONE) {
        governed(agents, jvm, "rate_limit_hit_count_total");
      }
      return told;
    }
  }

  private static final List<String> EXAMPLES =
      List.of(
          "/examples/async/async0",
          "/examples/async/async1",
          "/examples/async/async2",
          "/examples/async/async3",
          "/examples/index.html",
          "/examples/servlets/servlet/HelloWorldExample",
          "/examples/servlets/servlet/RequestInfoExample",
          "/examples/servlets/servlet/RequestHeaderExample",
          "/examples/servlets/servlet/RequestParamExample?firstname=a&lastname=b",
          "/examples/servlets/servlet/CookieExample",
          "/examples/servlets/nonblocking/numberwriter",
          "/examples/jsp/jsp2/el/basic-arithmetic.jsp",
          "/examples/jsp/forward/forward.jsp",
          "/examples/jsp/include/include.jsp",
          "/examples/jsp/error/err.jsp?name=infiniti",
          "/examples/nowhere",
          "/");

  private static String steady(HttpResponse<String> a, int port) {
    return a.statusCode()
        + " "
        + a.headers().firstValue("Content-Type").orElse("-")
        + "\n"
        + a.body()
            .replace(Integer.toString(port), "PORT")
            .replaceAll("[0-9A-F]{32}", "SESSION")
            .replaceAll("\\d{4}-\\d\\d-\\d\\d [0-9:]{8}|\\d{13}", "TIME");
  }

  private static HttpResponse<String> get(int port, String path) throws Exception {
    return HTTP.send(request(port, path), BodyHandlers.ofString());
  }

  private static HttpRequest request(int port, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .timeout(LIMIT)
        .build();
  }

  // ---- what they have in common

  /** For every service, in both directions: nobody gets near them. */
  private static Rules rules(Agents agents) {
    Rules rules = new Rules();
    if (agents == Agents.NO_RULES) {
      return rules;
    }
    return rules
        .put("service/_all/rate-limit/permissive", "{\"qps\": 1000000, \"burst\": 1000000}")
        .put(
            "service/_all/rate-limit/permissive-out",
            "{\"qps\": 1000000, \"burst\": 1000000, \"side\": \"client\"}")
        .put(
            "service/_all/circuit-breaker/permissive",
            "{\"window\": {\"type\": \"count\", \"size\": 10000}, \"min_calls\": 10000,"
                + " \"failure_ratio\": 1}");
  }

  /** Lets it begin, waits until it is done, and returns its lines of such a form. */
  private static List<String> begin(Agents agents, Jvm jvm, String form) throws Exception {
    awaitRules(agents, jvm);
    jvm.say("");
    Await.until(LIMIT, () -> jvm.stdout().contains("DONE"), () -> "an end of\n" + jvm.told());
    return jvm.stdout().stream().filter(l -> l.matches(form)).toList();
  }

  private static void awaitRules(Agents agents, Jvm jvm) {
    if (agents != Agents.NONE) {
      jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
      String wanted = agents == Agents.NO_RULES ? "" : "permissive";
      Await.until(LIMIT, () -> admin(jvm, "/rules").contains(wanted), jvm::told);
    }
  }

  private static String admin(Jvm jvm, String path) throws Exception {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    return get(Integer.parseInt(line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1")), path).body();
  }

  /** Its calls were decided upon where there are rules, none was let through in error. */
  private static void governed(Agents agents, Jvm jvm, String... counters) throws Exception {
    String metrics = admin(jvm, "/metrics");
    assertThat(sum(metrics, "weir_fail_open_total")).as(jvm.told()).isZero();
    for (String counter : counters) {
      if (agents == Agents.NO_RULES) {
        assertThat(sum(metrics, counter)).as(counter).isZero();
      } else {
        assertThat(sum(metrics, counter)).as(counter + "\n" + metrics).isPositive();
      }
    }
    assertThat(sum(metrics, "rate_limit_exceeded_total")).isZero();
    assertThat(jvm.complaints()).isEmpty();
    assertThat(jvm.stderr()).noneMatch(l -> !l.startsWith("[weir] ") && l.contains("io.weir"));
  }

  private static double sum(String metrics, String name) {
    Matcher m = Pattern.compile("(?m)^" + name + "(\\{.*\\})? ([0-9.eE+-]+)").matcher(metrics);
    double sum = 0;
    while (m.find()) {
      sum += Double.parseDouble(m.group(2));
    }
    return sum;
  }

  private static int freePort() {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Without the folder at its root, and without the applications nobody asks here. */
  private static void unzip(Path zip, Path to) throws IOException {
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(zip))) {
      for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
        String name = e.getName().substring(e.getName().indexOf('/') + 1);
        if (e.isDirectory() || name.matches("webapps/(docs|manager|host-manager)/.*")) {
          continue;
        }
        Path file = to.resolve(name);
        Files.createDirectories(file.getParent());
        Files.copy(in, file);
      }
    }
    Files.createDirectories(to.resolve("temp"));
  }
}
