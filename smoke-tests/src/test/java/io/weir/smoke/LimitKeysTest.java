package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What limits of a real server may be keyed by, what becomes of calls without a key, defaults,
 * answers and shadow. Every promise has a rule of its own, which the request asks for by the header
 * {@code X-Case}; all of them are in force at once.
 */
class LimitKeysTest {
  private static final Rules RULES = new Rules();
  private static Jvm jvm;

  @BeforeAll
  static void start() {
    for (String attribute :
        new String[] {
          "header:X-User",
          "query:user",
          "cookie:user",
          "tag:user",
          "path",
          "method",
          "host",
          "client-ip",
          "caller"
        }) {
      rule(attribute.replaceAll(":.*", ""), "\"by\": [\"" + attribute + "\"], ");
    }
    rule("both", "\"by\": [\"header:X-Region\", \"query:userId\"], ");
    for (String missing : new String[] {"shared", "skip", "reject"}) {
      rule("missing-" + missing, "\"by\": [\"query:k\"], \"on_missing\": \"" + missing + "\", ");
    }
    rule("shadow", "\"mode\": \"shadow\", ");
    rule(
        "response",
        "\"response\": {\"status\": 503, \"headers\": {\"X-Hint\": \"later\", \"Retry-After\":"
            + " \"7\", \"Content-Type\": \"text/html\"}, \"body\": \"<p>later</p>\"}, ");
    // one at once, and room in the line for one more
    RULES.put(
        "service/shop/rate-limit/gone",
        "{\"qps\": 0.002, \"burst\": 1, \"max_wait_ms\": 600000, \"match\": \"header:X-Case =="
            + " 'gone'\"}");
    rule("cost", "\"burst\": 10, \"cost\": 4, ");
    jvm =
        Sites.jvm(
                Matrix.cells("servlet").stream()
                    .filter(c -> c.name().equals("tomcat-9.0"))
                    .findFirst()
                    .orElseThrow())
            .weir("service=shop;admin.port=0;rules=" + RULES.location())
            .start();
    RULES.awaitInForce("shop", jvm, "/hello");
  }

  @AfterAll
  static void stop() {
    jvm.close();
  }

  @Test
  void byHeader() throws IOException {
    keyed("header", "/hello", "X-User: a", "/hello", "X-User: b");
  }

  @Test
  void byQuery() throws IOException {
    keyed("query", "/hello?user=a", "X: 1", "/hello?user=b", "X: 1");
  }

  @Test
  void byCookie() throws IOException {
    keyed("cookie", "/hello", "Cookie: x=1; user=a", "/hello", "Cookie: user=b");
  }

  @Test
  void byTag() throws IOException {
    keyed("tag", "/hello", "baggage: user=a", "/hello", "baggage: x=1,user=b");
  }

  @Test
  void byPath() throws IOException {
    keyed("path", "/hello", "X: 1", "/attributes", "X: 1");
  }

  @Test
  void byCaller() throws IOException {
    keyed("caller", "/hello", "X-Weir-Caller: web", "/hello", "X-Weir-Caller: batch");
  }

  @Test
  void byTwoAtOnce() throws IOException {
    keyed("both", "/hello?userId=1", "X-Region: eu", "/hello?userId=1", "X-Region: us");
    keyed("both", "/hello?userId=2", "X-Region: eu", "/hello?userId=2", "X-Region: us");
  }

  @Test
  void byMethod() throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      assertThat(http.get("/hello", "X-Case: method").status()).isEqualTo(200);
      assertThat(http.get("/hello", "X-Case: method").status()).isEqualTo(429);
      assertThat(http.ask("POST", "/echo", new byte[1], "X-Case: method").status()).isEqualTo(200);
      assertThat(http.ask("POST", "/echo", new byte[1], "X-Case: method").status()).isEqualTo(429);
    }
  }

  @Test
  void byHost() throws IOException {
    for (String host : new String[] {"a.shop", "b.shop"}) {
      try (Raw http = new Raw(jvm.port()).host(host)) {
        assertThat(http.get("/hello", "X-Case: host").status()).isEqualTo(200);
        assertThat(http.get("/hello", "X-Case: host").status()).isEqualTo(429);
      }
    }
  }

  @Test
  void byClientIp() throws IOException {
    for (String from : new String[] {"127.0.0.1", "127.0.0.2"}) {
      try (Raw http = new Raw(from, jvm.port())) {
        assertThat(http.get("/hello", "X-Case: client-ip").status()).isEqualTo(200);
        assertThat(http.get("/hello", "X-Case: client-ip").status()).isEqualTo(429);
      }
    }
  }

  @Test
  void callsWithoutTheKeyShareABucketGoFreeOrAreRejected() throws IOException {
    assertThat(statuses("missing-shared", 3)).isEqualTo("200 429 429 ");
    assertThat(statuses("missing-skip", 3)).isEqualTo("200 200 200 ");
    assertThat(statuses("missing-reject", 3)).isEqualTo("429 429 429 ");
    try (Raw http = new Raw(jvm.port())) {
      assertThat(http.get("/hello?k=1", "X-Case: missing-shared").status()).isEqualTo(200);
      assertThat(http.get("/hello?k=1", "X-Case: missing-reject").status()).isEqualTo(200);
      assertThat(http.get("/hello", "X-Case: missing-reject").header("Retry-After"))
          .as("no time helps")
          .isNull();
    }
  }

  @Test
  void aShadowRuleCountsAndRefusesNobody() throws IOException {
    assertThat(statuses("shadow", 5)).isEqualTo("200 200 200 200 200 ");
    try (Raw http = new Raw(adminPort()).host("127.0.0.1:" + adminPort())) {
      String metrics = http.get("/metrics").body();
      assertThat(metrics.lines().filter(l -> l.contains("\"shadow\"")))
          .as(metrics)
          .anyMatch(l -> l.endsWith(" 4") || l.endsWith(" 4.0"));
    }
  }

  @Test
  void aRulesOwnAnswerIsWhatARefusedCallerSees() throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      http.get("/hello", "X-Case: response");
      Raw.Answer refused = http.get("/hello", "X-Case: response");
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.body()).isEqualTo("<p>later</p>");
      assertThat(refused.headers())
          .containsAllEntriesOf(Map.of("X-Hint", "later", "Retry-After", "7"))
          .hasEntrySatisfying("Content-Type", t -> assertThat(t).startsWith("text/html"));
      assertThat(refused.header("X-Weir-Rejected")).as("named all the same").isEqualTo("response");
    }
    jvm.awaitStderr("rate limit \"response\" refused 1 call to this service (shop)");
  }

  @Test
  void aCallMayCostMoreThanOne() throws IOException {
    assertThat(statuses("cost", 4)).isEqualTo("200 200 429 429 ");
  }

  @Test
  void aWaitingCallerThatGoesAwayGivesItsPlaceBack() throws Exception {
    HttpRequest.Builder any =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + "/hello"));
    HttpRequest request = any.copy().header("X-Case", "gone").build();
    assertThat(overHttp2(HttpClient.newHttpClient(), request)).isEqualTo(200);
    for (int i = 0; i < 3; i++) {
      int round = i;
      // a connection for each: Tomcat closes one whose client cancels often ("too much overhead"),
      // and does not tell those who wait on it
      HttpClient client = HttpClient.newHttpClient();
      assertThat(overHttp2(client, any.build())).isEqualTo(200);
      List<CompletableFuture<HttpResponse<Void>>> two = new ArrayList<>();
      // the place of the round before comes back when the server has read that nobody waits for it
      Await.until(
          Duration.ofSeconds(20),
          () -> {
            two.forEach(f -> f.cancel(true));
            two.clear();
            two.add(client.sendAsync(request, HttpResponse.BodyHandlers.discarding()));
            two.add(client.sendAsync(request, HttpResponse.BodyHandlers.discarding()));
            CompletableFuture.anyOf(two.get(0), two.get(1)).get(10, TimeUnit.SECONDS);
            Thread.sleep(100); // were the other one refused as well, it would be known by now
            return !two.get(0).isDone() || !two.get(1).isDone();
          },
          () -> "round " + round + ": nobody waits\n" + jvm.told());
      two.forEach(f -> f.cancel(true));
    }
  }

  private static int overHttp2(HttpClient client, HttpRequest request) throws Exception {
    HttpResponse<Void> r = client.send(request, HttpResponse.BodyHandlers.discarding());
    assertThat(r.version()).isEqualTo(HttpClient.Version.HTTP_2);
    return r.statusCode();
  }

  @Test
  void defaultsGovernAServiceWithoutRulesOfItsOwn() throws IOException {
    Rules defaults = new Rules().put("service/*/rate-limit", "{\"qps\": 0.001, \"burst\": 2}");
    try (Jvm other =
            Sites.jvm(
                    Matrix.cells("servlet").stream()
                        .filter(c -> c.name().equals("tomcat-9.0"))
                        .findFirst()
                        .orElseThrow())
                .weir("service=unheard-of;rules=" + defaults.location())
                .start();
        Raw http = new Raw(other.port())) {
      Await.until(Duration.ofSeconds(15), () -> http.get("/hello").status() == 429, other::told);
      // its own rule wins: the probe's is one, and nobody else is limited any more
      defaults.awaitInForce("unheard-of", other, "/hello");
      assertThat(http.get("/hello").status()).isEqualTo(200);
    }
  }

  private static int adminPort() {
    return Integer.parseInt(
        jvm.awaitStderr("admin endpoint on http://127.0.0.1:")
            .replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
  }

  private static void rule(String name, String more) {
    RULES.put(
        "service/shop/rate-limit/" + name,
        "{\"qps\": 0.001, "
            + (more.contains("burst") ? "" : "\"burst\": 1, ")
            + more
            + "\"match\": \"header:X-Case == '"
            + name
            + "'\"}");
  }

  /** Two keys, one call each. */
  private static void keyed(String rule, String one, String oneIs, String two, String twoIs)
      throws IOException {
    String test = "X-Case: " + rule;
    try (Raw http = new Raw(jvm.port())) {
      assertThat(http.get(one, test, oneIs).status()).isEqualTo(200);
      assertThat(http.get(one, test, oneIs).status()).isEqualTo(429);
      assertThat(http.get(two, test, twoIs).status()).isEqualTo(200);
      assertThat(http.get(two, test, twoIs).status()).isEqualTo(429);
      assertThat(http.get(one, test, oneIs).status()).isEqualTo(429);
    }
  }

  private static String statuses(String rule, int n) throws IOException {
    StringBuilder all = new StringBuilder();
    try (Raw http = new Raw(jvm.port())) {
      for (int i = 0; i < n; i++) {
        all.append(http.get("/hello", "X-Case: " + rule).status()).append(' ');
      }
    }
    return all.toString();
  }
}
