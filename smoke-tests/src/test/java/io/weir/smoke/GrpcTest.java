package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * grpc-java under the agent, beyond what the contracts hold, each version on one JDK: a governed
 * server ({@code stock}), a governed client ({@code front}), and plain servers that know nothing of
 * Weir. Each promise uses service names of its own, which the client gets by a channel's authority;
 * so no promise stands on the remains of another.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("cells")
class GrpcTest {
  /** How stubs call, all four types. */
  private static final List<String> STYLES =
      List.of("unary", "future", "async", "iterator", "server", "client", "bidi");

  /**
   * What {@code ./verify} runs: each transport, the oldest and the newest version. All run with
   * {@code -Dweir.matrix='.*'}.
   */
  private static final Set<String> EVERY_TIME =
      Set.of("netty-1.30", "netty-shaded-1.85", "okhttp-1.76");

  private static final String EXCEPT_COUNT = "path != '/shop.Stock/Count'";
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private static final Certificates TLS = new Certificates("tls-stock");

  private static Matrix.Cell cell;
  private static Rules rules;
  private static String classpath;
  private static Jvm governed;
  private static Jvm plain;
  private static Jvm client;

  @Parameter Matrix.Cell parameter;

  static List<Matrix.Cell> cells() {
    Map<String, Matrix.Cell> newest = new LinkedHashMap<>();
    Matrix.cells("grpc").forEach(c -> newest.put(c.name(), c));
    if (System.getProperty("weir.matrix", "").isEmpty()) {
      newest.keySet().retainAll(EVERY_TIME);
    }
    return List.copyOf(newest.values());
  }

  @BeforeParameterizedClassInvocation
  static void start(Matrix.Cell cell) throws Exception {
    GrpcTest.cell = cell;
    String transports = cell.name().startsWith("okhttp") ? "grpc-okhttp" : "grpc-any";
    classpath =
        Apps.with(
            Apps.compile(List.of("grpc", "grpc-wire", transports), cell.classpath(), Map.of()),
            cell.classpath());
    rules = new Rules();
    governed = server("a").weir("service=stock;rules=" + rules.location()).launch();
    plain = server("b").launch();
    client =
        Jvm.of(cell.jdk(), classpath, "StockClient")
            .options("-Djavax.net.ssl.trustStore=" + TLS.store())
            .options("-Djavax.net.ssl.trustStorePassword=" + Certificates.PASSWORD)
            .weir("service=front;rules=" + rules.location())
            .launch();
    governed.awaitReady();
    plain.awaitReady();
    client.awaitReady();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    for (Jvm jvm : new Jvm[] {client, plain, governed}) {
      if (jvm != null) {
        jvm.close();
      }
    }
  }

  @Test
  void callsWithoutRulesPassUntouched() {
    String a = open(governed, "untouched");
    assertThat(call(a, "unary", "echo 1")).startsWith("OK a echo 1");
    assertThat(call(a, "future", "echo 2")).startsWith("OK a echo 2");
    assertThat(call(a, "async", "echo 3")).startsWith("OK a echo 3");
    assertThat(call(a, "iterator", "echo 4")).startsWith("OK a 1 echo 4|a 2 echo 4");
    assertThat(call(a, "server", "echo 5")).startsWith("OK a 1 echo 5|a 2 echo 5");
    assertThat(call(a, "client", "6")).startsWith("OK a 6 6");
    assertThat(call(a, "bidi", "7")).startsWith("OK a 7|a 7");
    assertThat(call(a, "unary", "fail NOT_FOUND")).startsWith("NOT_FOUND");
    assertThat(call(a, "unary", "throw"))
        .isEqualTo(call(open(plain, "untouched-2"), "unary", "throw"));
  }

  @Test
  void aServerRefusesCallsOfEveryTypeBeforeTheApplicationSeesThem() {
    String a = open(governed, "some-server");
    rules.put(
        "service/stock/rate-limit/refuse",
        "{\"qps\": 0.01, \"burst\": 1, \"match\": \"header:x-test == 'refuse'\","
            + " \"response\": {\"headers\": {\"x-hint\": \"later\"}}}");
    inForce("stock", "server", a);
    assertThat(call(a, "unary header.x-test=refuse", "echo 1")).startsWith("OK");
    String before = call(a, "count", "");
    for (String style : STYLES) {
      assertThat(call(a, style + " header.x-test=refuse", "echo 1"))
          .as(style)
          .startsWith("RESOURCE_EXHAUSTED rate limit \"refuse\" exceeded hint=later")
          .matches(".* pushback=[0-9]{5,6}$");
    }
    assertThat(call(a, "count", "")).isEqualTo(before);
    assertThat(call(a, "unary", "echo 2")).as("others").startsWith("OK");
  }

  @Test
  void metadataIsAKeyOfALimit() {
    String a = open(governed, "some-server");
    rules.put(
        "service/stock/rate-limit/keyed",
        "{\"qps\": 0.01, \"burst\": 2, \"by\": [\"header:X-User\"],"
            + " \"match\": \"header:x-test == 'keyed' && method == 'POST'"
            + " && path startsWith '/shop.Stock/' && host == 'some-server'\"}");
    inForce("stock", "server", a);
    for (String user : List.of("ann", "bob")) {
      assertThat(many(a, "unary", 5, "header.x-test=keyed header.x-user=" + user))
          .isEqualTo("{OK-a=2, RESOURCE_EXHAUSTED=3}");
    }
    rules.put(
        "service/stock/rate-limit/keyed",
        "{\"qps\": 0.01, \"burst\": 1, \"by\": [\"caller\", \"path\", \"client-ip\"],"
            + " \"match\": \"header:x-test == 'keyed'\"}");
    inForce("stock", "server", a);
    for (String caller : List.of("web", "batch")) {
      for (String style : List.of("unary", "bidi")) {
        assertThat(many(a, style, 3, "header.x-test=keyed header.x-weir-caller=" + caller))
            .isEqualTo("{OK-a=1, RESOURCE_EXHAUSTED=2}");
      }
    }
  }

  @Test
  void aServerPacesCallsOfEveryTypeInOrderAndLosesNone() {
    String a = open(governed, "some-server");
    rules.put(
        "service/stock/rate-limit/paced",
        "{\"qps\": 20, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"header:x-test =="
            + " 'paced'\"}");
    inForce("stock", "server", a);
    long began = System.nanoTime();
    for (String style : STYLES) {
      assertThat(call(a, style + " header.x-test=paced", "echo 1")).as(style).startsWith("OK");
    }
    // 7 calls at 20 per second, one of them at once; a little less for rounding
    assertThat(System.nanoTime() - began).isGreaterThan(Duration.ofMillis(290).toNanos());
    // callers that give up while they wait: the handler never runs for them
    rules.put(
        "service/stock/rate-limit/paced",
        "{\"qps\": 1, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"header:x-test =="
            + " 'paced'\"}");
    inForce("stock", "server", a);
    call(a, "unary header.x-test=paced", "echo 1");
    String before = call(a, "count", "");
    assertThat(call(a, "async cancel=50 header.x-test=paced", "echo 1")).startsWith("CANCELLED");
    assertThat(call(a, "unary deadline=50 header.x-test=paced", "echo 1"))
        .startsWith("DEADLINE_EXCEEDED");
    assertThat(call(a, "unary header.x-test=paced", "echo 1")).startsWith("OK");
    assertThat(call(a, "count", "")).isEqualTo("OK " + (Integer.parseInt(before.substring(3)) + 1));
  }

  @Test
  void aClientRefusesCallsOfEveryTypeWithoutSendingThem() {
    String b = open(plain, "limited");
    rules.put(
        "service/limited/rate-limit",
        "{\"qps\": 0.01, \"burst\": 1, \"side\": \"client\", \"match\": \"" + EXCEPT_COUNT + "\"}");
    inForce("limited", "client", b);
    // the application's interceptors have done their work before the decision
    assertThat(call(b, "unary", "echo 1")).startsWith("OK");
    String before = call(b, "count", "");
    for (String style : STYLES) {
      for (String executor : List.of("", " direct")) {
        assertThat(call(b, style + executor, "echo 1"))
            .as(style + executor)
            .startsWith("RESOURCE_EXHAUSTED rate limit \"default\" exceeded")
            .contains(" pushback=");
      }
    }
    assertThat(call(b, "count", "")).isEqualTo(before);
  }

  @Test
  void aClientPacesCallsOfEveryTypeAndAWaiterThatGivesUpReturnsItsTokens() {
    String b = open(plain, "paced");
    rules.put(
        "service/paced/rate-limit",
        "{\"qps\": 20, \"burst\": 1, \"side\": \"client\", \"max_wait_ms\": 5000, \"match\": \""
            + EXCEPT_COUNT
            + "\"}");
    inForce("paced", "client", b);
    long began = System.nanoTime();
    for (String style : STYLES) {
      assertThat(call(b, style, "echo 1")).as(style).startsWith("OK");
    }
    assertThat(System.nanoTime() - began).isGreaterThan(Duration.ofMillis(290).toNanos());
    rules.put(
        "service/paced/rate-limit",
        "{\"qps\": 0.2, \"burst\": 1, \"side\": \"client\", \"max_wait_ms\": 9000, \"match\": \""
            + EXCEPT_COUNT
            + "\"}");
    inForce("paced", "client", b);
    call(b, "unary", "echo 1");
    String before = call(b, "count", "");
    // each would wait for five seconds; were the tokens kept, the third would be refused
    for (int i = 0; i < 4; i++) {
      assertThat(call(b, "bidi cancel=20", "echo 1")).startsWith("CANCELLED as asked");
      assertThat(call(b, "unary deadline=20", "echo 1")).startsWith("DEADLINE_EXCEEDED");
    }
    assertThat(call(b, "count", "")).isEqualTo(before);
  }

  @Test
  void failuresOfEveryTypeOpenTheBreakerAndAGoodProbeClosesIt() {
    for (String style : STYLES) {
      String b = open(plain, "opens-" + style);
      breaker("opens-" + style);
      inForce("opens-" + style, "client", b);
      opens(b, style, "fail UNAVAILABLE");
    }
    String b = open(plain, "opens-unary");
    Await.until(
        Duration.ofSeconds(20),
        () -> call(b, "unary", "echo 1").startsWith("OK"),
        () -> "the breaker stays open");
    assertThat(many(b, "unary", 5, "")).isEqualTo("{OK-b=5}");
  }

  @Test
  void theTargetsOwnAnswersCancelsAndDeadlinesAreToldApart() throws Exception {
    for (String target :
        List.of("deadline", "thrown", "never-connected", "cancelled", "not-found")) {
      breaker(target);
    }
    String ready = open(plain, "never-connected");
    inForce("never-connected", "client", ready);

    opens(open(plain, "deadline"), "unary deadline=100", "hang");
    opens(open(plain, "thrown"), "unary", "throw");
    try (Jvm gone = server("gone").start()) {
      String g = open(gone, "never-connected");
      assertThat(call(g, "unary", "echo 1")).startsWith("OK");
      gone.close();
      // the one that meets the connection while it closes: older grpc-netty says UNKNOWN then
      assertThat(call(g, "unary", "echo 1")).containsPattern("^(UNAVAILABLE|UNKNOWN)");
      assertThat(many(g, "unary", 8, "")).isEqualTo("{UNAVAILABLE=8}");
      assertThat(call(g, "unary", "echo 1")).startsWith("UNAVAILABLE circuit breaker");
    }

    String c = open(plain, "cancelled");
    for (int i = 0; i < 6; i++) {
      assertThat(call(c, "async cancel=10", "hang")).startsWith("CANCELLED");
    }
    assertThat(call(c, "unary", "echo 1")).startsWith("OK");
    String n = open(plain, "not-found");
    for (int i = 0; i < 6; i++) {
      assertThat(call(n, "unary", "fail NOT_FOUND")).startsWith("NOT_FOUND null");
    }
    assertThat(call(n, "unary", "echo 1")).startsWith("OK");
  }

  @Test
  void callsAreRoutedByMetadataInsideOneChannelThoughTheNameResolvesToNothing() {
    instance("routed", governed.port(), "{\"version\": \"v1\"}");
    instance("routed", plain.port(), "{\"version\": \"v2\", \"labels\": {\"canary\": \"true\"}}");
    canary("routed");
    for (String policy : List.of("", " round_robin")) {
      String r = channel("dns:///routed:8080 app" + policy);
      inForce("routed", "client", r);
      assertThat(many(r, "unary", 100, "")).isEqualTo("{OK-a=100}");
      assertThat(many(r, "unary", 100, "header.x-canary=true")).isEqualTo("{OK-b=100}");
      for (String style : STYLES) {
        assertThat(call(r, style, "echo 1")).as(style).startsWith("OK a");
        assertThat(call(r, style + " header.X-Canary=true", "echo 1")).as(style).startsWith("OK b");
      }
      assertThat(client("close", r, "")).isEqualTo("terminated");
    }
  }

  @Test
  void aRoutedCallKeepsTlsCredentialsInterceptorsAndAuthority() throws Exception {
    try (Jvm secure =
        Jvm.of(cell.jdk(), classpath, "StockServer")
            .arguments("s", TLS.certificate().toString(), TLS.key().toString())
            .start()) {
      instance("tls-stock", secure.port(), "{\"version\": \"v1\"}");
      rules.put(
          "service/tls-stock/route",
          "{\"routes\": [{\"match\": \"header:x-canary == 'true'\", \"to\": [{\"version\":"
              + " \"v1\"}], \"set_headers\": {\"x-arm\": \"canary\"}}], \"default\": [{\"version\":"
              + " \"v1\"}]}");
      String t = channel("dns:///tls-stock:8443 tls app");
      inForce("tls-stock", "client", t);
      assertThat(call(t, "unary credentials header.x-canary=true", "who"))
          .startsWith(
              "OK s authority=tls-stock:8443 x-app=mine x-canary=true x-arm=canary"
                  + " authorization=Bearer of-the-application");
      // a server that cannot prove the name is not spoken to
      instance("impostor", secure.port(), "{\"version\": \"v1\"}");
      String i = channel("dns:///impostor:8443 tls");
      inForce("impostor", "client", i);
      assertThat(call(i, "unary", "who")).startsWith("UNAVAILABLE").doesNotContain("resolve");
    }
  }

  @Test
  void callsFollowTheRegistryWhileTheChannelStaysOpenAndGoTheirOwnWayWithoutIt() {
    String m = open(plain, "moves");
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-b=20}");
    instance("moves", governed.port(), "alive");
    inForce("moves", "client", m);
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-a=20}");
    // what is known of an instance changes, the instance does not
    instance("moves", governed.port(), "{\"zone\": \"z\"}");
    inForce("moves", "client", m);
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-a=20}");
    client("idle", m, "");
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-a=20}");
    rules.remove("services/moves/instances/127.0.0.1:" + governed.port());
    // a name instead of an address
    rules.put("services/moves/instances/localhost:" + plain.port(), "alive");
    inForce("moves", "client", m);
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-b=20}");
    rules.remove("services/moves/instances/localhost:" + plain.port());
    inForce("moves", "client", m);
    assertThat(many(m, "unary", 20, "")).isEqualTo("{OK-b=20}");
    assertThat(client("close", m, "")).isEqualTo("terminated");
  }

  @Test
  void fiftyThreadsLoseNoCallWhileInstancesComeAndGo() {
    instance("storm", governed.port(), "alive");
    String s = channel("dns:///storm:8080");
    inForce("storm", "client", s);
    String id = "#" + NUMBER.incrementAndGet();
    client.say("storm " + id + " " + s + " 40 : echo 1");
    for (int i = 0; i < 10; i++) {
      instance("storm", plain.port(), "{\"zone\": \"" + i + "\"}");
      inForce("storm", "client", s);
      rules.remove("services/storm/instances/127.0.0.1:" + plain.port());
      inForce("storm", "client", s);
    }
    String told = client.awaitStdout(id + " ");
    int calls = 0;
    for (String part : told.replaceAll(".*\\{|}", "").split(", ")) {
      assertThat(part).matches("OK-[ab]=[0-9]+");
      calls += Integer.parseInt(part.substring(5));
    }
    assertThat(calls).isEqualTo(50 * 40);
    assertThat(client("close", s, "")).isEqualTo("terminated");
    assertThat(client.stderr()).noneMatch(line -> line.contains("fail-open"));
  }

  @Test
  void aRoutingRulesTimeoutIsADeadline() {
    instance("timed", plain.port(), "alive");
    rules.put(
        "service/timed/route",
        "{\"routes\": [{\"match\": \"method == 'POST'\", \"to\": [{\"weight\": 1}], \"timeout_ms\":"
            + " 200}]}");
    String t = channel("dns:///timed:8080");
    inForce("timed", "client", t);
    assertThat(call(t, "unary", "hang")).startsWith("DEADLINE_EXCEEDED");
    assertThat(call(t, "unary deadline=20000", "hang")).startsWith("DEADLINE_EXCEEDED");
  }

  private static Jvm.Builder server(String name) {
    return Jvm.of(cell.jdk(), classpath, "StockServer").arguments(name);
  }

  private static void instance(String service, int port, String value) {
    rules.put("services/" + service + "/instances/127.0.0.1:" + port, value);
  }

  private static void canary(String service) {
    rules.put(
        "service/" + service + "/route",
        "{\"routes\": [{\"match\": \"header:X-Canary == 'true'\", \"to\": [{\"version\":"
            + " \"v2\"}]}], \"default\": [{\"version\": \"v1\"}]}");
  }

  private static void breaker(String service) {
    rules.put(
        "service/" + service + "/circuit-breaker",
        "{\"window\": {\"type\": \"count\", \"size\": 4}, \"min_calls\": 4, \"failure_ratio\": 1.0,"
            + " \"open_seconds\": 5, \"probe_successes\": 1, \"sharing\": \"local\","
            + " \"min_seconds\": 0, \"ramp_seconds\": 0}");
  }

  private static void opens(String channel, String style, String message) {
    for (int i = 0; i < 4; i++) {
      assertThat(call(channel, style, message))
          .as(style)
          .doesNotStartWith("OK")
          .doesNotContain("circuit");
    }
    assertThat(call(channel, style, message))
        .as(style)
        .startsWith("UNAVAILABLE circuit breaker \"default\" is open")
        .contains(" pushback=");
  }

  /** A channel to a server by a logical name. */
  private static String open(Jvm server, String service) {
    return channel("localhost:" + server.port() + " app authority=" + service);
  }

  private static String channel(String target) {
    String name = "channel" + NUMBER.incrementAndGet();
    client.say("open " + name + " " + target);
    client.awaitStdout(name + " opened");
    return name;
  }

  private static String call(String channel, String style, String message) {
    return client("call", channel + " " + style, message);
  }

  private static String many(String channel, String style, int n, String more) {
    return client("many", channel + " " + style + " " + n + " " + more, "echo 1");
  }

  private static String client(String verb, String words, String message) {
    boolean aboutChannel = message.isEmpty() && words.indexOf(' ') < 0;
    String id = aboutChannel ? words : "#" + NUMBER.incrementAndGet();
    client.say(aboutChannel ? verb + " " + id : verb + " " + id + " " + words + " : " + message);
    String end = verb.equals("close") ? "terminated" : verb.equals("idle") ? "idle" : "";
    return client.awaitStdout(id + " " + end).substring(id.length() + 1);
  }

  /** All that was put so far is in force: the last rule put refuses what nobody else sends. */
  private static void inForce(String service, String side, String channel) {
    String mark = "m" + NUMBER.incrementAndGet();
    rules.put(
        "service/" + service + "/rate-limit/probe",
        "{\"qps\": 0, \"side\": \""
            + side
            + "\", \"match\": \"header:x-weir-probe == '"
            + mark
            + "'\"}");
    Await.until(
        Duration.ofSeconds(30),
        () -> call(channel, "count header.x-weir-probe=" + mark, "").contains("\"probe\""),
        () -> "the rules in " + rules.directory() + " are not in force\n" + client.told());
  }
}
