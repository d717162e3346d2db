package io.weir.smoke;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One header at the edge colours the whole way: servlet, OkHttp, servlet, gRPC; and a slider on the
 * way splits by it. No application copies a header.
 */
class FourHopsTest {
  private static final String BY_HEADER =
      "routes: [{match: \"header:X-Canary == 'true'\", to: [{version: v2}]}]\n"
          + "default: [{version: v1}]\n";

  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static Rules rules;
  private static Jvm a;
  private static Jvm b;
  private static Jvm c;

  @BeforeAll
  static void start() {
    Jdk jdk = Jdk.find(17).orElseThrow();
    String libraries =
        Maven.resolve(
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "com.squareup.okhttp3:okhttp:4.12.0",
            "io.grpc:grpc-netty-shaded:1.85.1",
            "io.grpc:grpc-stub:1.85.1");
    String classpath = Apps.with(Apps.compile("hops", libraries, Map.of()), libraries);
    rules = new Rules();
    a = jvm(jdk, classpath, "a", "web", "http", "a");
    b = jvm(jdk, classpath, "b", "web", "grpc", "b1", "b2");
    c = jvm(jdk, classpath, "c", "grpc", "c1", "c2");
    for (Jvm jvm : List.of(a, b, c)) {
      jvm.awaitReady();
    }
    for (int i = 0; i < 2; i++) {
      String version = "{\"version\": \"v" + (i + 1) + "\"}";
      rules.put("services/b/instances/127.0.0.1:" + port(b, i), version);
      rules.put("services/c/instances/127.0.0.1:" + port(c, i), version);
    }
    rules.put("service/c/route", BY_HEADER);
    routeB(BY_HEADER);
    rules.awaitInForce("b", b, "/");
    for (Jvm jvm : List.of(a, b)) {
      jvm.awaitStderr("the traffic colour follows work across threads");
    }
  }

  @AfterAll
  static void stop() {
    for (Jvm jvm : new Jvm[] {a, b, c}) {
      if (jvm != null) {
        jvm.close();
      }
    }
  }

  private static Jvm jvm(Jdk jdk, String classpath, String service, String... arguments) {
    return Jvm.of(jdk, classpath, "Hops")
        .weir(
            "service="
                + service
                + ";colour.to=example.org;services.b=127.0.0.77:1;rules="
                + rules.location())
        .arguments(arguments)
        .launch();
  }

  private static int port(Jvm jvm, int i) {
    return Integer.parseInt(jvm.awaitStdout("PORTS").split(" ")[i + 1]);
  }

  private static void routeB(String rule) {
    rules.put("service/b/route", rule);
    rules.awaitInForce("a", a, "/");
  }

  private static String get(String how, String... headers) throws Exception {
    return ask("how=" + how, headers);
  }

  private static String ask(String query, String... headers) throws Exception {
    HttpRequest.Builder ask =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port(a, 0) + "/?" + query))
            .timeout(Duration.ofSeconds(30));
    if (headers.length > 0) {
      ask.headers(headers);
    }
    return HTTP.send(ask.build(), BodyHandlers.ofString()).body();
  }

  @ParameterizedTest
  @ValueSource(strings = {"direct", "pool", "future", "enqueue", "async"})
  void colouredRequestsLandOnTheCanaryAtEveryHopAndPlainOnesNever(String how) throws Exception {
    routeB(BY_HEADER);
    for (int i = 0; i < 20; i++) {
      assertThat(get(how, "X-Canary", "true")).as(told()).isEqualTo("a b2 c2");
      assertThat(get(how)).as(told()).isEqualTo("a b1 c1");
    }
  }

  @Test
  void baggageFromOutsideColoursAsWell() throws Exception {
    routeB(BY_HEADER);
    assertThat(get("direct", "baggage", "other=1, x-canary=true;p=2")).isEqualTo("a b2 c2");
    // the request's own header is nearer than its baggage
    assertThat(get("direct", "baggage", "x-canary=true", "X-Canary", "false")).isEqualTo("a b1 c1");
  }

  /** A stranger's headers are carried within bounds: they do not make the hops behind us fail. */
  @Test
  void hostileBaggageFailsNoCallAndOpensNoBreaker() throws Exception {
    routeB(BY_HEADER);
    rules.put("service/c/circuit-breaker", "{\"min_calls\": 5}");
    rules.awaitInForce("b", b, "/");
    String quotes = "\"".repeat(2600); // three times as long when it is encoded anew
    String[] hostile = {
      "x-canary=" + quotes,
      "x-user-id=" + quotes + ",x-canary=false",
      "x-canary=" + "x".repeat(7000),
      "other=" + "x".repeat(7000) + ",x-canary=false",
      "x-canary=%ff,".repeat(500),
      "a=1,".repeat(1700)
    };
    try {
      for (String baggage : hostile) {
        for (int i = 0; i < 20; i++) {
          assertThat(get("direct", "baggage", baggage)).as(told()).isEqualTo("a b1 c1");
        }
      }
      assertThat(get("direct", "baggage", "x-canary=true," + "b=2,".repeat(60)))
          .as("and what is asked for among much that is not gets through")
          .isEqualTo("a b2 c2");
    } finally {
      rules.remove("service/c/circuit-breaker");
    }
  }

  /** A header that a rule looks at may identify a user: it is nobody's business outside. */
  @Test
  void strangersSeeNoColourAndNamesThatCannotBePublicDo() throws Exception {
    routeB(BY_HEADER);
    HttpServer anybody = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    anybody.createContext(
        "/",
        exchange -> {
          Headers h = exchange.getRequestHeaders();
          byte[] said = (h.getFirst("X-Canary") + " " + h.getFirst("baggage")).getBytes(UTF_8);
          exchange.sendResponseHeaders(200, said.length);
          exchange.getResponseBody().write(said);
          exchange.close();
        });
    anybody.start();
    try {
      int port = anybody.getAddress().getPort();
      for (String[] host :
          new String[][] {
            {"api.example.com", "null null"},
            {"legacy", "true null"},
            {"legacy.shop.internal", "true null"},
            // configured: weir.colour.to
            {"pay.example.org", "true null"}
          }) {
        String url = "http://" + host[0] + ":" + port + "/";
        assertThat(ask("out=" + url, "X-Canary", "true")).as(host[0]).isEqualTo(host[1]);
        assertThat(ask("out=" + url)).as(host[0]).isEqualTo("null null");
      }
    } finally {
      anybody.stop(0);
    }
  }

  /** Header before query before user; and the hop after the decision, which asks nobody, agrees. */
  @Test
  void anExperimentDecidesByHeaderThenQueryThenUserAndTheNextHopAgrees() throws Exception {
    rules.put(
        "service/c/route",
        "routes: [{match: \"header:X-Ab-Version == 'v2'\", to: [{version: v2}]}]\n"
            + "default: [{version: v1}]\n");
    rules.awaitInForce("b", b, "/");
    routeB(
        "ab:\n  header: X-Ab-Version\n  query: ab_version\n  user: \"header:X-User-Id | jwt:sub\"\n"
            + "  arms: [{v1: 50}, {v2: 50}]\n");
    try {
      Set<String> arms = new HashSet<>();
      for (int u = 0; u < 30; u++) {
        String user = "user-" + u;
        String answer = get("direct", "X-User-Id", user);
        assertThat(answer).isIn("a b1 c1", "a b2 c2");
        assertThat(get("direct", "X-User-Id", user)).isEqualTo(answer);
        arms.add(answer);
        String b = answer.split(" ")[1];
        // the same user, known by the token that the application sends along
        String claims = "{\"sub\":\"" + user + "\"}";
        String token =
            "e30."
                + Base64.getUrlEncoder().withoutPadding().encodeToString(claims.getBytes(UTF_8))
                + ".x";
        assertThat(ask("bearer=" + token + "&out=http://b/")).isEqualTo(b);
        for (String arm : List.of("1", "2")) {
          String out = "out=http://b/%3Fab_version=v" + arm;
          assertThat(ask(out, "X-User-Id", user)).isEqualTo("b" + arm);
          assertThat(ask(out, "X-User-Id", user, "X-Ab-Version", "v1")).isEqualTo("b1");
          assertThat(get("direct", "X-User-Id", user, "X-Ab-Version", "v" + arm))
              .isEqualTo("a b" + arm + " c" + arm);
        }
      }
      assertThat(arms).hasSize(2);
    } finally {
      rules.put("service/c/route", BY_HEADER);
      rules.awaitInForce("b", b, "/");
    }
  }

  /** Nobody listens there: who gets an answer was routed. */
  @Test
  void aHardWiredAddressIsRoutedAsItsServiceAndAnyOtherIsLeftAlone() throws Exception {
    routeB(BY_HEADER);
    String wired = "out=http://127.0.0.77:1/";
    assertThat(ask(wired)).isEqualTo("b1");
    assertThat(ask(wired, "X-Canary", "true")).isEqualTo("b2");
    assertThat(ask("out=http://127.0.0.77:2/")).isEqualTo("nobody listens");
    assertThat(ask("out=http://127.0.0.1:" + port(b, 1) + "/")).isEqualTo("b2");
  }

  @Test
  void aSliderMovesUsersToTheCanaryAndNoneBack() throws Exception {
    Map<String, String> before = new HashMap<>();
    for (int percent : new int[] {0, 10, 50, 100}) {
      routeB(
          "routes: [{to: [{version: v1, weight: "
              + (100 - percent)
              + "}, {version: v2, weight: "
              + percent
              + "}], sticky: header:X-User}]\n");
      int canary = 0;
      for (int u = 0; u < 200; u++) {
        String answer = get("direct", "X-User", "user-" + u);
        if (answer.equals("a b2 c1")) {
          canary++;
        } else {
          assertThat(answer).as(told()).isEqualTo("a b1 c1");
          assertThat(before.get("user-" + u)).isNotEqualTo("a b2 c1");
        }
        before.put("user-" + u, answer);
      }
      double bound = 5 * Math.sqrt(percent / 100.0 * (1 - percent / 100.0) / 200);
      assertThat(canary / 200.0).isBetween(percent / 100.0 - bound, percent / 100.0 + bound);
    }
  }

  private static String told() {
    return a.told() + "\n" + b.told() + "\n" + c.told();
  }
}
