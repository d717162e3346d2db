package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a web application sees of the agent, in each container of the matrix: nothing without rules;
 * with one, each request counted once and refusals that any client understands.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("cells")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ServletMatrixTest {
  private static final String NOT_THE_PROBE = "!exists header:X-Weir-Probe";

  // one governed JVM for all tests of a cell: starting one is what costs
  private static Rules rules;
  private static Jvm governed;
  private static int used;

  // what each path answers without the agent, told by the first test
  private static final Map<String, String> PLAIN = new HashMap<>();

  @Parameter Matrix.Cell cell;

  static List<Matrix.Cell> cells() {
    return Matrix.cells("servlet");
  }

  @BeforeParameterizedClassInvocation
  static void start(Matrix.Cell cell) {
    rules = new Rules();
    governed = site(cell).weir("service=shop;rules=" + rules.location()).start();
  }

  /** With a filter before the servlets on the newer JDK, without on the older: both ways in. */
  private static Jvm.Builder site(Matrix.Cell cell) {
    return cell.jdk().version() > 17 ? Sites.jvm(cell, "filter") : Sites.jvm(cell);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    governed.close();
  }

  @Test
  @Order(1)
  void withoutRulesEveryAnswerIsTheSameAsWithoutTheAgent() throws IOException {
    try (Jvm plain = site(cell).start()) {
      for (String path : paths()) {
        PLAIN.put(path, answer(plain, path));
        assertThat(answer(governed, path)).as(path).isEqualTo(PLAIN.get(path));
      }
      assertThat(governed.stdout()).as("nothing on stdout").hasSameSizeAs(plain.stdout());
    }
  }

  @Test
  @Order(2)
  void eachRequestIsGovernedExactlyOnce() throws IOException {
    List<String> paths = paths();
    inForce(
        "{\"qps\": 0.0001, \"burst\": " + paths.size() + ", \"match\": \"" + NOT_THE_PROBE + "\"}");
    List<Integer> statuses = new ArrayList<>();
    for (String path : paths) {
      statuses.add(send(governed, path).status());
    }
    assertThat(statuses).as("as many as the burst pass: %s", paths).doesNotContain(429);
    assertThat(send(governed, "/hello").status()).as("one more does not").isEqualTo(429);
  }

  @Test
  @Order(3)
  void refusedCallerIsToldWhenToComeBackAndItsConnectionGoesOn() throws IOException {
    inForce("{\"qps\": 0.5, \"burst\": 1, \"match\": \"path == '/hello'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.get("/hello").status()).isEqualTo(200);
      Raw.Answer refused = http.get("/hello");

      assertThat(refused.status()).isEqualTo(429);
      assertThat(refused.header("X-Weir-Rejected")).isEqualTo("r" + used);
      assertThat(refused.header("Retry-After")).isIn("1", "2");
      assertThat(refused.header("RateLimit-Policy")).isEqualTo("\"r" + used + "\";q=1;w=2");
      assertThat(refused.header("RateLimit")).startsWith("\"r" + used + "\";r=0;t=");
      assertThat(refused.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(refused.body())
          .contains("quota-exceeded", "\"status\":429")
          .doesNotContain("hello");
      assertThat(http.get("/attributes").status()).as("same connection").isEqualTo(200);

      Raw.Answer head = http.ask("HEAD", "/hello", null);
      assertThat(head.status()).isEqualTo(429);
      assertThat(http.get("/attributes").status()).as("HEAD had no body").isEqualTo(200);
    }
  }

  @Test
  @Order(4)
  void refusedPostLeavesItsConnectionUsable() throws IOException {
    inForce("{\"qps\": 0, \"match\": \"path == '/echo'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.ask("POST", "/echo", new byte[64 << 10]).status()).isEqualTo(429);
      assertThat(http.get("/hello").body()).isEqualTo("hello\n");
    }
  }

  @Test
  @Order(5)
  void pathRuleSeesTheDecodedPath() throws IOException {
    inForce("{\"qps\": 0, \"match\": \"path == '/hello'\"}");
    try (Raw http = new Raw(governed.port())) {
      assertThat(http.get("/h%65llo").status()).isEqualTo(429);
      assertThat(http.get("/hello;x=1").status()).isEqualTo(429);
      assertThat(http.get("/hello?a=1").status()).isEqualTo(429);
    }
  }

  @Test
  @Order(6)
  void everyAttributeOfARequestCanBeAskedFor() throws IOException {
    inForce(
        "{\"qps\": 0, \"match\": \"header:X-A == 'h' && query:q == 'ä b' && cookie:c == 'k' &&"
            + " method == 'POST' && host == 'shop' && client-ip == '127.0.0.1' && caller =="
            + " 'web'\"}");
    try (Raw http = new Raw(governed.port())) {
      byte[] form = "q=never".getBytes();
      String[] headers = {
        "x-a: h",
        "Cookie: b=1; c=k",
        "X-Weir-Caller: web",
        "Content-Type: application/x-www-form-urlencoded"
      };
      assertThat(http.ask("POST", "/echo?q=%C3%A4+b", form, headers).status()).isEqualTo(429);
      assertThat(http.ask("POST", "/echo?q=other", form, headers).body())
          .as("the body is still there")
          .isNotEqualTo("read 0\n");
    }
  }

  @Test
  @Order(7)
  void pacedRequestWaitsWhereItWouldBeRefused() throws IOException {
    inForce("{\"qps\": 2, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"path == '/hello'\"}");
    try (Raw http = new Raw(governed.port())) {
      for (int i = 0; i < 4; i++) {
        assertThat(http.get("/hello").status()).isEqualTo(200);
      }
    }
  }

  /** Four workers (Jetty: six), 24 requests that wait, and the server still answers others. */
  @Test
  @Order(8)
  void pacedRequestsHoldNoWorker() throws Exception {
    inForce("{\"qps\": 60, \"burst\": 1, \"max_wait_ms\": 60000, \"match\": \"path == '/hello'\"}");
    int n = 24;
    List<Integer> done = new CopyOnWriteArrayList<>();
    List<Thread> paced = new ArrayList<>();
    List<Raw> connections = new ArrayList<>();
    long began = System.nanoTime();
    for (int i = 0; i < n; i++) {
      Raw http = new Raw(governed.port());
      connections.add(http);
      http.send("GET", "/hello", null);
    }
    for (Raw http : connections) {
      paced.add(new Thread(() -> done.add(status(http))));
    }
    paced.forEach(Thread::start);
    int before = -1;
    for (int i = 0; i < 3; i++) {
      assertThat(send(governed, "/plain").status()).isEqualTo(200);
      before = done.size();
    }
    for (Thread t : paced) {
      t.join(60_000);
    }
    long took = System.nanoTime() - began;
    for (Raw http : connections) {
      http.close();
    }
    assertThat(done).as("all of them pass").hasSize(n).containsOnly(200);
    assertThat(before).as("others are answered while paced ones wait").isLessThan(n);
    assertThat(took).as("at the rule's pace").isGreaterThan((n - 1) * 1_000_000_000L / 60);
  }

  @Test
  @Order(9)
  void aPacedRequestIsAnsweredLikeAnyOther() throws IOException {
    inForce(
        "{\"qps\": 50, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"" + NOT_THE_PROBE + "\"}");
    // all at once: the first takes the burst, every other one has to wait
    List<String> paths = new ArrayList<>(paths());
    paths.remove("/listened");
    paths.add(0, "/hello");
    List<Raw> connections = new ArrayList<>();
    long began = System.nanoTime();
    for (String path : paths) {
      Raw http = new Raw(governed.port());
      connections.add(http);
      request(http, path);
    }
    for (int i = 0; i < paths.size(); i++) {
      try (Raw http = connections.get(i)) {
        String path = paths.get(i);
        assertThat(comparable(path, http.answer("GET"))).as(path).isEqualTo(PLAIN.get(path));
      }
    }
    assertThat(System.nanoTime() - began)
        .as("they have waited")
        .isGreaterThan((paths.size() - 1) * 1_000_000_000L / 50);
    if (!cell.name().startsWith("tomcat")) {
      // Tomcat tells its listeners twice that an asynchronous dispatch to sendError is over, also
      // when it is the application's own: docs/instrumentations.md
      assertThat(answer(governed, "/listened")).isEqualTo(PLAIN.get("/listened"));
    }
    try (Raw http = new Raw(governed.port())) {
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
    assertThat(governed.stderr()).noneMatch(l -> l.contains("fail-open"));
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
  @Order(10)
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

  private static int status(Raw http) {
    try {
      return http.answer("GET").status();
    } catch (IOException e) {
      return -1;
    }
  }

  /** One rule of a fresh id alone: an edited rule would keep the tokens of the one before. */
  private void inForce(String rule) {
    String key = "service/shop/rate-limit/r";
    rules.remove(key + used++).put(key + used, rule).awaitInForce("shop", governed, "/hello");
  }

  private List<String> paths() {
    return List.of(
        "/hello",
        "/echo",
        "/async",
        "/async-dispatch",
        "/forward",
        "/include",
        "/fail",
        "/send-error",
        "/attributes",
        "/plain",
        "/listened",
        "/hello?again");
  }

  private static Raw.Answer send(Jvm jvm, String path) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      request(http, path);
      return http.answer("GET");
    }
  }

  private static void request(Raw http, String path) throws IOException {
    if (path.equals("/echo")) {
      http.send("POST", path, new byte[10_000], "Content-Type: application/octet-stream");
    } else {
      http.send("GET", path, null);
    }
  }

  private static String answer(Jvm jvm, String path) throws IOException {
    Raw.Answer answer = send(jvm, path);
    // a container may tell its listeners after the answer has gone: let the one before settle
    for (int i = 0;
        i < 200 && path.equals("/listened") && answer.body().matches("[^1] under.*\\n");
        i++) {
      answer = send(jvm, path);
    }
    return comparable(path, answer);
  }

  /** All of an answer but what differs from run to run. */
  private static String comparable(String path, Raw.Answer a) {
    Map<String, String> headers = new TreeMap<>(a.headers());
    headers.remove("Date");
    if (path.equals("/attributes")) {
      headers.remove("Content-Length"); // a governed request has one more, which is documented
    }
    return a.status()
        + "\n"
        + headers
        + "\n"
        + a.body()
            .replaceAll("io\\.weir\\.call(, )?", "")
            .replaceAll("@[0-9a-f]+|\"timestamp\":\"[^\"]*\"|:\\d{4,5}", "@")
            .replaceAll("(?s)(at |Caused).*", "");
  }
}
