package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.smoke.Row.Cell;
import io.weir.smoke.ServerCaller.Reply;
import io.weir.smoke.ServerCaller.Sent;
import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;

/**
 * What every instrumentation of a server promises. One governed application and one without the
 * agent serve all promises of a cell.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class ServerContract extends Contract {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String NOT_THE_PROBE = "!exists header:X-Weir-Probe";

  private static ServerRow server;
  private static Protocol protocol;
  private static Certificates certificates;
  private static Rules rules;
  private static Jvm governed;
  private static Jvm bare;
  private static ServerCaller caller;
  private static ServerCaller callerOfTheBareOne;
  private static int used;
  private static int probes;

  /** What each kind of call is answered without the agent, told by the first promise. */
  private static final Map<String, String> PLAIN = new HashMap<>();

  @Override
  abstract ServerRow row();

  @BeforeParameterizedClassInvocation
  static void start(Cell cell) {
    begins(cell);
    server = (ServerRow) cell.row();
    protocol = server.protocol();
    rules = new Rules();
    if (certificates == null) {
      certificates = new Certificates("localhost");
    }
    governed =
        server
            .application(cell, certificates)
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .launch();
    bare = server.application(cell, certificates).launch();
    governed.awaitReady();
    bare.awaitReady();
    caller = server.caller(governed, certificates);
    callerOfTheBareOne = server.caller(bare, certificates);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    try {
      for (ServerCaller c : new ServerCaller[] {caller, callerOfTheBareOne}) {
        if (c != null) {
          c.close();
        }
      }
      for (Jvm jvm : new Jvm[] {governed, bare}) {
        if (jvm != null) {
          jvm.close();
        }
      }
    } finally {
      governed = null;
      bare = null;
      caller = null;
      callerOfTheBareOne = null;
      ends();
    }
  }

  @Test
  @Order(1)
  void withoutRulesEveryAnswerIsTheSameAsWithoutTheAgent() {
    for (String kind : caller.kinds()) {
      PLAIN.put(kind, settled(callerOfTheBareOne, kind));
      assertThat(settled(caller, kind)).as(kind).isEqualTo(PLAIN.get(kind));
    }
    assertThat(governed.stdout()).as("nothing on stdout").hasSameSizeAs(bare.stdout());
  }

  /** A container may tell its listeners after the answer has gone: the one before has to settle. */
  private static String settled(ServerCaller caller, String kind) {
    Reply reply = caller.ask(kind);
    for (int i = 0; i < 200 && reply.text().matches("(?s).*\n[^1] under.*"); i++) {
      reply = caller.ask(kind);
    }
    return reply.text();
  }

  @Test
  @Order(2)
  void attachedToARunningJvmItGoverns() {
    Rules own = new Rules();
    own.put("service/shop/rate-limit/two", once(2));
    new Cli(own.directory())
        .run(
            "attach",
            Long.toString(bare.pid()),
            "--options",
            "service=shop;rules=" + own.location())
        .exits(0);
    awaitInForce(own, callerOfTheBareOne, bare);
    List<String> statuses = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      statuses.add(callerOfTheBareOne.ask(caller.plain()).status());
    }
    assertThat(statuses)
        .containsExactly(protocol.served(), protocol.served(), protocol.limitedStatus());
    assertThat(bare.complaints()).isEmpty();
    bare.close();
  }

  @Test
  void eachRequestIsGovernedExactlyOnce() {
    List<String> kinds = caller.kinds();
    inForce(once(kinds.size()));
    for (String kind : kinds) {
      assertThat(caller.ask(kind).rejected()).as("as many as the burst pass: %s", kind).isNull();
    }
    assertThat(caller.ask(caller.plain()).status())
        .as("one more does not")
        .isEqualTo(protocol.limitedStatus());
  }

  @Test
  void aRefusedCallerIsToldByWhomAndWhenToComeBackAndTheApplicationNothing() {
    String rule = inForce(once(1));
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.served());
    List<Reply> refused = new ArrayList<>();
    for (String kind : caller.kinds()) {
      refused.add(caller.ask(kind));
    }
    for (Reply reply : refused) {
      assertThat(reply.status()).isEqualTo(protocol.limitedStatus());
      assertThat(reply.rejected()).isEqualTo(rule);
      assertThat(reply.retry()).matches("\\d+");
    }
    inForce("{\"qps\": 1000}");
    int before = caller.served();
    inForce("{\"qps\": 0, \"match\": \"" + protocol.plainRequest() + "\"}");
    before += caller.served() - before; // probes may have come through
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.limitedStatus());
    assertThat(caller.served()).isEqualTo(before);
  }

  @Test
  void aRefusalIsACompleteAnswerAndItsConnectionGoesOn() throws IOException {
    String rule = inForce("{\"qps\": 0.5, \"burst\": 1, \"match\": \"path == '/hello'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.get("/hello").status()).isEqualTo(200);
      Raw.Answer refused = http.get("/hello");
      assertThat(refused.status()).isEqualTo(429);
      assertThat(refused.header("X-Weir-Rejected")).isEqualTo(rule);
      assertThat(refused.header("Retry-After")).isIn("1", "2");
      assertThat(refused.header("RateLimit-Policy")).isEqualTo("\"" + rule + "\";q=1;w=2");
      assertThat(refused.header("RateLimit")).startsWith("\"" + rule + "\";r=0;t=");
      assertThat(refused.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(refused.body())
          .contains("quota-exceeded", "\"status\":429")
          .doesNotContain("hello");
      assertThat(http.get("/attributes").status()).as("same connection").isEqualTo(200);
      Raw.Answer head = http.ask("HEAD", "/hello", null);
      assertThat(head.status()).isEqualTo(429);
      assertThat(http.get("/attributes").status()).as("HEAD had no body").isEqualTo(200);
    }
    inForce("{\"qps\": 0, \"match\": \"path == '/echo'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.ask("POST", "/echo", new byte[64 << 10]).status()).isEqualTo(429);
      assertThat(http.get("/hello").body()).as("the body is out of the way").isEqualTo("hello\n");
    }
  }

  @Test
  void aRefusalSaysWhatTheRuleSays() throws IOException {
    inForce(
        "{\"qps\": 0, \"match\": \"path == '/hello'\", \"response\": {\"status\": 418,"
            + " \"headers\": {\"X-Hint\": \"later\"}, \"body\": \"come back at noon\"}}");
    try (Raw http = new Raw(governed.port())) {
      Raw.Answer refused = http.get("/hello");
      assertThat(refused.status()).isEqualTo(418);
      assertThat(refused.header("X-Hint")).isEqualTo("later");
      assertThat(refused.body()).isEqualTo("come back at noon");
      assertThat(http.get("/plain").status()).as("same connection").isEqualTo(200);
    }
  }

  @Test
  void rulesSeeEveryAttributeOfARequest() throws IOException {
    inForce("{\"qps\": 0, \"match\": \"" + protocol.inboundAttributes() + "\"}");
    String[] headers = {
      "x-a: h",
      "Cookie: b=1; c=k",
      "X-Weir-Caller: web",
      "X-Forwarded-For: 10.0.0.1",
      "baggage: lane=x"
    };
    if (protocol == Protocol.GRPC) {
      assertThat(caller.ask("Get echo 1", headers).status()).isEqualTo("RESOURCE_EXHAUSTED");
      headers[0] = "x-a: i";
      assertThat(caller.ask("Get echo 1", headers).status()).isEqualTo("OK");
      headers[0] = "x-a: h";
      headers[4] = "baggage: lane=y";
      assertThat(caller.ask("Get echo 1", headers).status()).isEqualTo("OK");
      return;
    }
    try (Raw http = new Raw(governed.port())) {
      byte[] form = "q=never".getBytes();
      String[] all = java.util.Arrays.copyOf(headers, headers.length + 1);
      all[headers.length] = "Content-Type: application/x-www-form-urlencoded";
      assertThat(http.ask("POST", "/echo?q=%C3%A4+b", form, all).status()).isEqualTo(429);
      assertThat(http.ask("POST", "/echo?q=other", form, all).body())
          .as("the body is still there")
          .isNotEqualTo("read 0\n");
    }
  }

  @Test
  void pathRuleSeesTheDecodedPath() throws IOException {
    inForce("{\"qps\": 0, \"match\": \"path == '/hello'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.get("/h%65llo").status()).isEqualTo(429);
      assertThat(http.get("/hello;x=1").status()).isEqualTo(429);
      assertThat(http.get("/hello?a=1").status()).isEqualTo(429);
    }
  }

  @Test
  void healthChecksPassARuleThatRefusesAll() {
    inForce("{\"qps\": 0}");
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.limitedStatus());
    assertThat(caller.ask(caller.health()).status()).isEqualTo(protocol.served());
  }

  @Test
  void aPacedRequestWaitsWhereItWouldBeRefused() {
    inForce(
        "{\"qps\": 5, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"" + NOT_THE_PROBE + "\"}");
    long began = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.served());
    }
    assertThat(System.nanoTime() - began).isGreaterThan(3 * 1_000_000_000L / 6);
  }

  /**
   * Four workers (Jetty: twelve threads in all), 24 requests that wait, and others are answered.
   */
  @Test
  void pacedRequestsHoldNoWorker() {
    inForce(
        "{\"qps\": 60, \"burst\": 1, \"max_wait_ms\": 60000, \"match\": \""
            + protocol.plainRequest()
            + "\"}");
    int n = 24;
    long began = System.nanoTime();
    List<Sent> paced = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      paced.add(caller.send(caller.plain()));
    }
    for (int i = 0; i < 3; i++) {
      assertThat(caller.ask(caller.other()).status()).isEqualTo(protocol.served());
    }
    assertThat(paced.stream().filter(Sent::isAnswered))
        .as("others are answered while paced ones wait")
        .hasSizeLessThan(n);
    for (Sent sent : paced) {
      try (sent) {
        assertThat(sent.reply().status()).isEqualTo(protocol.served());
      }
    }
    assertThat(System.nanoTime() - began)
        .as("at the rule's pace")
        .isGreaterThan((n - 1) * 1_000_000_000L / 61);
  }

  @Test
  void aPacedRequestIsAnsweredLikeAnyOther() {
    inForce(
        "{\"qps\": 50, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"" + NOT_THE_PROBE + "\"}");
    // all at once: the first takes the burst, every other one has to wait
    List<String> kinds = new ArrayList<>(caller.kinds());
    kinds.remove("/listened");
    kinds.add(0, caller.plain());
    List<Sent> sent = new ArrayList<>();
    long began = System.nanoTime();
    for (String kind : kinds) {
      sent.add(caller.send(kind));
    }
    for (int i = 0; i < kinds.size(); i++) {
      try (Sent s = sent.get(i)) {
        assertThat(s.reply().text()).as(kinds.get(i)).isEqualTo(PLAIN.get(kinds.get(i)));
      }
    }
    assertThat(System.nanoTime() - began)
        .as("they have waited")
        .isGreaterThan((kinds.size() - 1) * 1_000_000_000L / 51);
  }

  @Test
  void listenersSeeAPacedRequestComeAndGoOnce() {
    inForce(
        "{\"qps\": 50, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"" + NOT_THE_PROBE + "\"}");
    for (String kind : List.of("/hello", "/send-error", "/async", "/hello")) {
      caller.ask(kind);
    }
    assertThat(settled(caller, "/listened")).isEqualTo(PLAIN.get("/listened"));
  }

  @Test
  void aPacedRequestHasItsSession() throws IOException {
    inForce(
        "{\"qps\": 50, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"" + NOT_THE_PROBE + "\"}");
    try (Raw http = new Raw(governed.port())) {
      http.get("/hello");
      String cookie = http.get("/session").header("Set-Cookie").split(";")[0];
      for (int i = 2; i < 5; i++) {
        assertThat(http.ask("GET", "/session", null, "Cookie: " + cookie).body())
            .isEqualTo("request " + i + "\n");
      }
      assertThat(http.ask("GET", "/session?end", null, "Cookie: " + cookie).body())
          .isEqualTo("request 5\n");
      assertThat(http.ask("GET", "/session", null, "Cookie: " + cookie).body())
          .as("an ended session is over")
          .isEqualTo("request 1\n");
    }
  }

  @Test
  void aCallerThatGoesAwayWhileItsRequestWaitsGivesItsPlaceBack() {
    inForce(
        "{\"qps\": 0.002, \"burst\": 1, \"max_wait_ms\": 600000, \"match\": \""
            + protocol.plainRequest()
            + "\"}");
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.served());
    int before = caller.served();
    for (int i = 0; i < 3; i++) {
      // there is room for one: nobody would wait had the one before not given its place back
      Sent[] waiting = new Sent[1];
      Await.until(
          PATIENCE,
          () -> {
            Sent a = caller.sendByHttp2(caller.plain());
            Sent b = caller.sendByHttp2(caller.plain());
            Await.until(PATIENCE, () -> a.isAnswered() || b.isAnswered(), governed::told);
            waiting[0] = a.isAnswered() ? b : a;
            return !waiting[0].isAnswered();
          },
          () -> "one of two waits\n" + governed.told());
      waiting[0].close();
    }
    assertThat(caller.served()).as("it never reaches the application").isEqualTo(before);
  }

  @Test
  void whateverBecomesOfARequestItsPlaceIsFreeAfterwards() {
    String rule = inForce("{\"max_concurrent\": 2}");
    List<String> kinds = new ArrayList<>(caller.kinds());
    for (String kind : kinds) {
      assertThat(caller.ask(kind).rejected()).as(kind).isNull();
      awaitInFlight(0);
    }
    List<Sent> under = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      under.add(caller.send(caller.endless()));
    }
    awaitInFlight(2);
    Reply refused = caller.ask(caller.plain());
    assertThat(refused.status()).isEqualTo(protocol.limitedStatus());
    assertThat(refused.rejected()).isEqualTo(rule);
    assertThat(refused.retry()).as("nobody knows when").isNull();
    under.forEach(Sent::close);
    awaitInFlight(0);
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.served());
  }

  private static void awaitInFlight(int n) {
    Await.until(
        PATIENCE,
        () -> Metrics.of(governed).sum("weir_limit_in_flight") == n,
        () ->
            Metrics.of(governed).sum("weir_limit_in_flight")
                + " under way, not "
                + n
                + "\n"
                + governed.told());
  }

  @Test
  void http2RequestsAreGovernedLikeOthersAndTheirConnectionGoesOn() {
    String rule = inForce("{\"qps\": 0, \"match\": \"" + protocol.plainRequest() + "\"}");
    // an HTTP/1.1 request may have to ask for the upgrade
    assertThat(caller.sendByHttp2(caller.other()).reply().status()).isEqualTo(protocol.served());
    for (int i = 0; i < 3; i++) {
      Reply refused = caller.sendByHttp2(caller.plain()).reply();
      assertThat(refused.status()).isEqualTo(protocol.limitedStatus());
      assertThat(refused.rejected()).isEqualTo(rule);
      Reply passed = caller.sendByHttp2(caller.other()).reply();
      assertThat(passed.status()).isEqualTo(protocol.served());
      assertThat(passed.text()).doesNotContain("HTTP_1_1");
    }
    inForce(
        "{\"qps\": 20, \"burst\": 1, \"max_wait_ms\": 60000, \"match\": \""
            + protocol.plainRequest()
            + "\"}");
    List<Sent> paced = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      paced.add(caller.sendByHttp2(caller.plain()));
    }
    for (Sent sent : paced) {
      assertThat(sent.reply().status()).isEqualTo(protocol.served());
    }
  }

  @Test
  void requestsByTlsAreGovernedLikeOthers() throws Exception {
    String rule = inForce("{\"qps\": 0, \"match\": \"path == '/hello'\"}");
    HttpClient client = HttpClient.newBuilder().sslContext(certificates.clientContext()).build();
    String base = "https://localhost:" + governed.awaitStdout("TLS ").substring("TLS ".length());
    for (int i = 0; i < 2; i++) {
      HttpResponse<String> refused = get(client, base + "/hello");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.headers().firstValue("X-Weir-Rejected")).hasValue(rule);
      assertThat(get(client, base + "/plain").statusCode()).isEqualTo(200);
    }
  }

  private static HttpResponse<String> get(HttpClient client, String url, String... headers)
      throws Exception {
    HttpRequest.Builder ask = HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE);
    if (headers.length > 0) {
      ask.headers(headers);
    }
    return client.send(ask.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void aWebSocketGivesItsPlaceBackAtTheUpgradeAndGoesOn() throws Exception {
    inForce("{\"max_concurrent\": 1}");
    BlockingQueue<String> said = new LinkedBlockingQueue<>();
    WebSocket.Listener listener =
        new WebSocket.Listener() {
          @Override
          public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            said.add(data.toString());
            socket.request(1);
            return null;
          }
        };
    List<WebSocket> open = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      WebSocket socket =
          HttpClient.newHttpClient()
              .newWebSocketBuilder()
              .buildAsync(
                  URI.create("ws://127.0.0.1:" + governed.port() + "/echo-socket"), listener)
              .get(30, TimeUnit.SECONDS);
      open.add(socket);
      awaitInFlight(0);
      socket.sendText("hello " + i, true);
      assertThat(said.poll(30, TimeUnit.SECONDS)).isEqualTo("hello " + i);
    }
    assertThat(caller.ask(caller.plain()).status()).isEqualTo(protocol.served());
    open.get(0).sendText("still there", true);
    assertThat(said.poll(30, TimeUnit.SECONDS)).isEqualTo("still there");
    open.forEach(WebSocket::abort);
  }

  @Test
  void theColourOfARequestGoesOutWithTheCallsThatAreMadeForIt() throws Exception {
    try (HttpTargets targets = new HttpTargets()) {
      onward(targets);
      coloured("/onward");
    }
  }

  /** Each has a loader of its own, and its own copy of the client that it calls with. */
  @Test
  void twoWarsInOneServerAreGovernedByOneRuleAndCallEachByItsOwnClient() throws Exception {
    try (HttpTargets targets = new HttpTargets()) {
      onward(targets);
      for (String war : List.of("", "/other")) {
        coloured(war + "/onward");
      }
    }
    inForce(
        "{\"qps\": 0.0001, \"burst\": 2, \"match\": \"path endsWith '/hello' && "
            + NOT_THE_PROBE
            + "\"}");
    assertThat(caller.ask("/hello").status()).isEqualTo("200");
    assertThat(caller.ask("/other/hello").status()).isEqualTo("200");
    assertThat(caller.ask("/hello").status()).isEqualTo("429");
    assertThat(caller.ask("/other/hello").status()).isEqualTo("429");
  }

  private static void onward(Targets targets) {
    rules
        .removeAll("services/onward/instances")
        .put("services/onward/instances/" + targets.plain("one"), "{\"version\": \"v1\"}")
        .put("services/onward/instances/" + targets.plain("two"), "{\"version\": \"v2\"}");
    rules.put(
        "service/onward/route",
        "routes: [{match: \"header:X-Canary == 'true'\", to: [{version: v2}]}]\n"
            + "default: [{version: v1}]\n");
    inForce("{\"qps\": 100000}");
    governed.awaitStderr("the traffic colour follows work across threads");
  }

  private static void coloured(String path) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    String url = "http://127.0.0.1:" + governed.port() + path;
    for (int i = 0; i < 3; i++) {
      for (String how : List.of("", "?async")) {
        assertThat(get(client, url + how, "X-Canary", "true").body())
            .as(how)
            .startsWith("200 two ")
            .endsWith(" canary=true");
        assertThat(get(client, url + how).body())
            .as(how)
            .startsWith("200 one ")
            .endsWith(" canary=null");
      }
    }
  }

  /** Each finds a handler for {@code /login} in some server or framework, or might. */
  private static final String[] SPELLINGS = {
    "/login",
    "//login",
    "///login",
    "/login/",
    "/login//",
    "//login//",
    "/login;x=1",
    "/login;",
    "/login;x=1;y=2",
    "/login;x=1/",
    "/login/;x=1",
    "//login;x=1",
    "/;a=b/login",
    "/;/login",
    "/;a=b//login",
    "/;a=b;c/login;d",
    "/log%69n",
    "/%6cogin",
    "/%6C%6F%67%69%6E",
    "//%6cogin",
    "/log%69n;x=1",
    "/log%69n/",
    "/./login",
    "/login/.",
    "/login/./",
    "/.//login",
    "//./login",
    "/%2e/login",
    "/%2E/login",
    "/.;/login",
    "/.;a=b/login",
    "/a/../login",
    "/a/b/../../login",
    "/a//../login",
    "/../login",
    "/login/..",
    "/login/a/..",
    "/a/%2e%2e/login",
    "/a/.%2e/login",
    "/a/%2E./login",
    "/a/..;/login",
    "/a/..;a=b/login",
    "/a/%2e%2e;/login",
    "/a/;/../login",
    "/%2Flogin",
    "/%2flogin",
    "/login%2F",
    "/a%2F..%2Flogin",
    "/a/..%2Flogin",
    "/a%2F../login",
    "/.%2Flogin",
    "/\\login",
    "/%5Clogin",
    "/a\\..\\login",
    "/a%5C..%5Clogin",
    "/login\\",
    "/login%3Bx=1",
    "/login%3B",
    "/log%2569n",
    "/%252Flogin",
    "/login%00",
    "/login%00.html",
    "/%c0%aflogin",
    "/%c0%ae%c0%ae/login",
    "/%e0%80%aflogin",
    "/login%20",
    "/login%09",
    "/login%0d",
    "/login?x=/a",
    "/login?;/../a",
    "/login#a",
    "/login.",
    "/login.html",
    "/LOGIN",
    "/Login",
    "/log%u0069n",
    "/log%zz",
    "/%",
    "http://shop/login",
    "http://shop//login;x=1",
  };

  @Test
  void aRuleOnAPathHoldsForEverySpellingThatFindsItsHandler() throws IOException {
    inForce("{\"qps\": 0, \"match\": \"path == '/login' && !exists header:X-Free\"}");
    Map<String, String> ran = new TreeMap<>();
    List<String> evading = new ArrayList<>();
    List<String> refusedWithoutNeed = new ArrayList<>();
    for (String spelling : SPELLINGS) {
      String free = outcome(spelling, "X-Free: 1");
      boolean runs = free.contains("login by");
      boolean refused = outcome(spelling).startsWith("429");
      if (runs) {
        ran.put(spelling, free.trim());
      }
      if (runs && !refused) {
        evading.add(spelling + " -> " + free);
      } else if (refused && !runs && !free.startsWith("4")) {
        refusedWithoutNeed.add(spelling + " -> " + free);
      }
    }
    assertThat(ran).containsKeys("/login", "/log%69n", "/login;x=1", "/login?x=/a");
    assertThat(evading).isEmpty();
    assertThat(refusedWithoutNeed).isEmpty();
  }

  /** Status and body; of a server that hangs up, nothing. */
  private static String outcome(String spelling, String... headers) throws IOException {
    try (Raw http = new Raw(governed.port())) {
      Raw.Answer a = http.ask("GET", spelling, null, headers);
      return a.status() + " " + a.body();
    } catch (EOFException hungUp) {
      return "4: hung up";
    }
  }

  @Test
  @Order(Integer.MAX_VALUE - 1)
  void neitherThreadsNorPlacesAreLeftBehind() throws IOException {
    inForce(
        "{\"qps\": 200, \"burst\": 1, \"max_wait_ms\": 60000, \"match\": \""
            + NOT_THE_PROBE
            + "\"}");
    int threads = 0;
    for (int round = 0; round < 3; round++) {
      List<Sent> all = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        for (String kind : caller.kinds()) {
          all.add(caller.send(kind));
        }
      }
      for (Sent sent : all) {
        try (sent) {
          assertThat(sent.reply().rejected()).isNull();
        }
      }
      int now = threads(governed);
      threads = round == 0 ? now : threads;
      assertThat(now).as("threads after round %d", round).isLessThanOrEqualTo(threads + 8);
    }
    assertThat(Metrics.of(governed).sum("weir_limit_in_flight")).isZero();
  }

  private static int threads(Jvm jvm) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + jvm.pid() + "/status")).stream()
        .filter(l -> l.startsWith("Threads:"))
        .mapToInt(l -> Integer.parseInt(l.replaceAll("\\D", "")))
        .sum();
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void nothingOfOursFailedOrComplained() {
    assertThat(governed.isAlive()).isTrue();
    assertThat(governed.complaints()).isEmpty();
    assertThat(Metrics.of(governed).page("/health")).contains("\"fail_open\":0");
  }

  /** So many requests, and no more for hours; the probe is none. */
  private static String once(int burst) {
    return "{\"qps\": 0.0001, \"burst\": " + burst + ", \"match\": \"" + NOT_THE_PROBE + "\"}";
  }

  /** One rule of a fresh id alone: an edited rule would keep the tokens of the one before. */
  private static String inForce(String rule) {
    String key = "service/shop/rate-limit/r";
    rules.remove(key + used++).put(key + used, rule);
    awaitInForce(rules, caller, governed);
    return "r" + used;
  }

  /** The last rule that was put refuses what nobody else sends, and is asked before the others. */
  private static void awaitInForce(Rules rules, ServerCaller caller, Jvm jvm) {
    String mark = Integer.toString(++probes);
    String rule = "probe-" + mark;
    rules.remove("service/shop/rate-limit/probe-" + (probes - 1));
    rules.put(
        "service/shop/rate-limit/" + rule,
        "{\"qps\": 0, \"by\": [\"header:X-Weir-Probe\"], \"on_missing\": \"skip\", \"match\":"
            + " \"header:X-Weir-Probe == '"
            + mark
            + "'\"}");
    Await.until(
        PATIENCE,
        () -> rule.equals(caller.ask(caller.plain(), "X-Weir-Probe: " + mark).rejected()),
        () -> "the rules in " + rules.directory() + " are not in force\n" + jvm.told());
  }
}
