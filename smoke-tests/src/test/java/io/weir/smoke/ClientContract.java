package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.smoke.Row.Cell;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;

/**
 * What every instrumentation of a client promises. One governed application and one without the
 * agent serve all promises of a cell. Each promise calls services of its own, so none stands on the
 * remains of another; they are addressed as {@code http://NAME/PATH}, and the registry tells where
 * they are.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class ClientContract extends Contract {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** Fails once where the breaker of a service opens at the first failure. */
  private static final String TOUCHY = "{\"consecutive_failures\": 1, \"min_seconds\": 0}";

  static final String CANARY_ROUTE =
      """
      routes:
        - match: "header:X-Canary == 'true'"
          to: [{version: v2, weight: 100}]
          set_headers: {X-Arm: canary}
      default: [{version: v1}]
      """;

  private static ClientRow client;
  private static Protocol protocol;
  private static Targets targets;
  private static Rules rules;
  private static Rules rulesOfTheBareOne;
  private static Jvm governed;
  private static Jvm bare;
  private static final AtomicInteger IDS = new AtomicInteger();

  @Override
  abstract ClientRow row();

  @BeforeParameterizedClassInvocation
  static void start(Cell cell) {
    begins(cell);
    client = (ClientRow) cell.row();
    protocol = client.protocol();
    rules = new Rules();
    rulesOfTheBareOne = new Rules();
    targets = client.targets();
    governed =
        client
            .application(cell, targets.trustStore())
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .launch();
    bare = client.application(cell, targets.trustStore()).launch();
    governed.awaitReady();
    bare.awaitReady();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    try {
      for (Jvm jvm : new Jvm[] {governed, bare}) {
        if (jvm != null) {
          jvm.close();
        }
      }
      if (targets != null) {
        targets.close();
      }
    } finally {
      governed = null;
      bare = null;
      targets = null;
      ends();
    }
  }

  @Test
  @Order(1)
  void withoutARuleACallCarriesAndGetsTheSameAsWithoutTheAgent() {
    for (String way : client.ways()) {
      for (String path : List.of("/headers", "/a?b=c", "/500", "/redirect")) {
        String url = "http://" + targets.plain("one") + path;
        for (String method : List.of("", "method=POST")) {
          String without = say(bare, way, url, method).get();
          assertThat(say(governed, way, url, method).get()).as(way + url).isEqualTo(without);
          assertThat(without).as("it answers").startsWith("status=");
        }
      }
    }
  }

  @Test
  void aLimitRefusesInEveryWayOfCallingAndWhatIsRefusedIsNotSent() {
    rules.put("service/limited/rate-limit/l1", limit("0.001", client.ways().size()));
    instance("limited", targets.plain("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://limited/limited")).containsPattern(protocol.ok());
    }
    int sent = targets.seen("/limited");
    for (String way : client.ways()) {
      assertThat(call(way, "http://limited/limited"))
          .as(way)
          .containsPattern(protocol.limited("l1"))
          .doesNotContain(" retry=null ");
      assertThat(call(way, "http://limited/limited", "method=POST"))
          .as(way)
          .containsPattern(protocol.limited("l1"));
    }
    assertThat(targets.seen("/limited")).isEqualTo(sent);
  }

  @Test
  void aRefusalIsWhatTheRuleSays() {
    rules.put(
        "service/worded/rate-limit/w",
        "{\"qps\": 0, \"side\": \"client\", \"response\": {\"status\": 418, \"headers\":"
            + " {\"X-Hint\": \"later\"}, \"body\": \"come back at noon\"}}");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://worded/x"))
          .as(way)
          .containsPattern(protocol.worded("w", "come back at noon"))
          .contains(" hint=later ");
    }
  }

  @Test
  void aRuleMayThrowInsteadOfAnswering() {
    rules.put(
        "service/throwing/circuit-breaker",
        "{\"force\": \"open\", \"response\": {\"throw\": true}}");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://throwing/"))
          .startsWith("threw=")
          .contains("call to throwing refused by Weir");
    }
  }

  @Test
  void rulesSeeEveryAttributeOfACall() {
    for (String service : List.of("seen", "seen-less")) {
      rules.put(
          "service/" + service + "/rate-limit/s",
          "{\"qps\": 0, \"side\": \"client\", \"match\": \""
              + client.protocol().attributes(service)
              + "\"}");
    }
    instance("seen-less", targets.plain("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://seen/x%20y?q=%C3%A4", "header.X-A=h", "header.Cookie=b=1;c=k"))
          .as(way)
          .containsPattern(protocol.limited("s"));
      assertThat(
              call(way, "http://seen-less/x%20y?q=%C3%A4", "header.X-A=i", "header.Cookie=b=1;c=k"))
          .as(way)
          .containsPattern(protocol.ok());
    }
  }

  @Test
  void oneCallIsOneDecisionWhateverTheLibraryDoesBelow() {
    int calls = 2 * client.ways().size();
    rules.put("service/once/rate-limit/o", limit("0.001", calls));
    instance("once", targets.plain("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://once/redirect")).containsPattern(protocol.ok());
      assertThat(call(way, "http://once/x", "method=POST")).containsPattern(protocol.ok());
    }
    assertThat(call(client.ways().get(0), "http://once/x"))
        .as("as many as the burst passed, and one more does not")
        .containsPattern(protocol.limited("o"));
  }

  @Test
  void serverErrorsOpenTheBreaker() {
    for (String way : client.ways()) {
      String service = "broken-" + way;
      rules.put(
          "service/" + service + "/circuit-breaker/b",
          "{\"window\": {\"type\": \"count\", \"size\": 3}, \"failure_ratio\": 0.5,"
              + " \"min_seconds\": 0}");
      instance(service, targets.plain("one"), "v1");
    }
    inForce();
    for (String way : client.ways()) {
      String url = "http://broken-" + way;
      for (int i = 0; i < 3; i++) {
        assertThat(call(way, url + "/500")).as(way).containsPattern(protocol.serverError());
      }
      int sent = targets.seen("/after-500");
      assertThat(call(way, url + "/after-500")).as(way).containsPattern(protocol.open("b"));
      assertThat(targets.seen("/after-500")).isEqualTo(sent);
    }
  }

  @Test
  void aConnectionThatIsRefusedIsAFailure() {
    opensAfter("gone", "127.0.0.1:" + closedPort(), "/");
  }

  @Test
  void anAnswerThatDoesNotComeInTimeIsAFailure() {
    opensAfter("silent", targets.plain("one"), "/hang", "readTimeout=200");
  }

  /** The outcome is told at the body's end, not at its beginning. */
  @Test
  void anAnswerWhoseBodyBreaksOffIsAFailure() {
    opensAfter("half", targets.plain("one"), "/half");
  }

  /** One call that fails opens the breaker, in each way. */
  private void opensAfter(String service, String instance, String path, String... options) {
    for (String way : client.ways()) {
      rules.put("service/" + service + "-" + way + "/circuit-breaker/t", TOUCHY);
      instance(service + "-" + way, instance, "v1");
    }
    inForce();
    for (String way : client.ways()) {
      String url = "http://" + service + "-" + way + path;
      assertThat(call(way, url, options))
          .as(way)
          .doesNotContainPattern(protocol.ok())
          .doesNotContainPattern(protocol.open("t"));
      assertThat(call(way, url)).as(way).containsPattern(protocol.open("t"));
    }
  }

  @Test
  void aCallThatIsCancelledSaysNothingAboutItsTarget() {
    for (String way : client.ways()) {
      rules.put("service/quiet-" + way + "/circuit-breaker/t", TOUCHY);
      instance("quiet-" + way, targets.plain("one"), "v1");
    }
    inForce();
    for (String way : client.ways()) {
      for (int i = 0; i < 2; i++) {
        int before = targets.seen("/hang");
        Told waiting = say(way, "http://quiet-" + way + "/hang");
        Await.until(PATIENCE, () -> targets.seen("/hang") > before, governed::told);
        governed.say(waiting.id + " cancel");
        assertThat(waiting.get())
            .as(way)
            .doesNotContainPattern(protocol.ok())
            .doesNotContainPattern(protocol.open("t"));
      }
      assertThat(call(way, "http://quiet-" + way + "/x")).containsPattern(protocol.ok());
    }
  }

  @Test
  void aRoutedCallLandsWhereItsHeadersSayAndCarriesWhatTheRouteSets() {
    routed("pay");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://pay/x?y=1"))
          .as(way)
          .containsPattern(protocol.ok())
          .contains(" body=one ")
          .contains("/x?y=1 host=pay arm=null");
      assertThat(call(way, "http://pay/x", "header.X-Canary=true"))
          .as(way)
          .containsPattern(protocol.ok())
          .contains(" body=two ")
          .contains("/x host=pay arm=canary")
          .containsPattern("url=(null|http://pay/x) ");
    }
  }

  /** Both instances listen on the same port, at 127.0.0.1 and 127.0.0.2. */
  @Test
  void pooledConnectionsAreUsedAgainAndNeverMixInstances() {
    routed("pooled");
    inForce();
    for (int i = 0; i < 6; i++) {
      for (String way : client.ways()) {
        assertThat(call(way, "http://pooled/pooled")).contains(" body=one ");
        assertThat(call(way, "http://pooled/pooled", "header.X-Canary=true"))
            .contains(" body=two ");
      }
    }
    assertThat(targets.connections("/pooled"))
        .as("connections for %d calls", 12 * client.ways().size())
        .isLessThanOrEqualTo(2 * client.ways().size());
  }

  @Test
  void tlsToAnInstanceKeepsNameAndCertificate() {
    rules.put("service/" + Targets.NAME + "/route", CANARY_ROUTE);
    rules.put("service/impostor/route", CANARY_ROUTE);
    instance(Targets.NAME, targets.secure("one"), "v1");
    instance(Targets.NAME, targets.secure("two"), "v2");
    instance("impostor", targets.secure("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      for (int i = 0; i < 2; i++) {
        assertThat(call(way, "https://" + Targets.NAME + "/x"))
            .containsPattern(protocol.ok())
            .contains(" body=one ", "host=" + Targets.NAME);
        assertThat(call(way, "https://" + Targets.NAME + "/x", "header.X-Canary=true"))
            .contains(" body=two ");
      }
      assertThat(call(way, "https://impostor/x"))
          .as("a server that cannot prove the name is not spoken to")
          .doesNotContainPattern(protocol.ok());
    }
  }

  @Test
  void aRoutesTimeoutEndsACall() {
    for (String service : List.of("hasty", "hasty-one")) {
      rules.put(
          "service/" + service + "/route",
          "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 300}]");
      instance(service, targets.plain("one"), "v1");
    }
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://hasty/hang")).as(way).containsPattern(protocol.timeout());
      assertThat(call(way, "http://hasty-one/x")).as(way).containsPattern(protocol.ok());
    }
  }

  @Test
  void http2CallsAreGovernedLikeOthers() {
    rules.put("service/h2/route", CANARY_ROUTE);
    instance("h2", targets.http2("one"), "v1");
    instance("h2", targets.http2("two"), "v2");
    rules.put("service/h2-limited/rate-limit/l2", limit("0", 0));
    rules.put("service/h2-broken/circuit-breaker/t", TOUCHY);
    instance("h2-broken", targets.http2("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      for (int i = 0; i < 2; i++) {
        assertThat(call(way, "http://h2/x", "client=h2"))
            .containsPattern(protocol.ok())
            .contains(" body=one ", "host=h2");
        assertThat(call(way, "http://h2/x", "client=h2", "header.X-Canary=true"))
            .contains(" body=two ", "arm=canary");
      }
      assertThat(call(way, "http://h2-limited/x", "client=h2"))
          .containsPattern(protocol.limited("l2"));
      int before = targets.seen("/hang");
      Told waiting = say(way, "http://h2-broken/hang", "client=h2");
      Await.until(PATIENCE, () -> targets.seen("/hang") > before, governed::told);
      governed.say(waiting.id + " cancel");
      assertThat(waiting.get()).doesNotContainPattern(protocol.ok());
    }
    String way = client.ways().get(0);
    assertThat(call(way, "http://h2-broken/500", "client=h2"))
        .as("those that were cancelled say nothing")
        .containsPattern(protocol.serverError());
    assertThat(call(way, "http://h2-broken/x", "client=h2")).containsPattern(protocol.open("t"));
  }

  /** A routed call goes to its instance itself: the proxy would resolve the name. */
  @Test
  void callsByAProxyAreGovernedAndRoutedOnesReachTheirInstance() {
    routed("proxied");
    rules.put("service/behind-proxy/rate-limit/p", limit("0.001", client.ways().size()));
    inForce();
    String proxy = "client=proxy:" + targets.proxyPort();
    for (String way : client.ways()) {
      assertThat(call(way, protocol.behindProxy("behind-proxy", targets), proxy))
          .as(way)
          .containsPattern(protocol.ok());
      assertThat(targets.proxied()).as("calls, or a tunnel for all").isPositive();
      assertThat(call(way, "http://proxied/x", proxy, "header.X-Canary=true"))
          .as(way)
          .contains(" body=two ", "host=proxied");
    }
    for (String way : client.ways()) {
      assertThat(call(way, protocol.behindProxy("behind-proxy", targets), proxy))
          .as(way)
          .containsPattern(protocol.limited("p"));
    }
  }

  @Test
  void aWebSocketWorksAsWithoutTheAgent() {
    String url = "http://127.0.0.1:" + targets.webSocketPort() + "/echo";
    String without = say(bare, "socket", url).get();
    assertThat(without).startsWith("hello");
    assertThat(say(governed, "socket", url).get()).isEqualTo(without);
  }

  @Test
  void aServiceThatAsksWhoCallsIsToldAndNoOtherIs() {
    rules.put("service/asking/rate-limit", "{\"qps\": 1000, \"by\": [\"caller\"]}");
    instance("asking", targets.plain("one"), "v1");
    instance("not-asking", targets.plain("one"), "v1");
    inForce();
    for (String way : client.ways()) {
      assertThat(call(way, "http://asking/x")).contains(" caller=shop ");
      assertThat(call(way, "http://asking/x", "header.X-Weir-Caller=me")).contains(" caller=me ");
      assertThat(call(way, "http://not-asking/x")).contains(" caller=null ");
    }
  }

  /** The colour is that of the request on whose thread the call is made. */
  @Test
  void theColourOfTheRequestThatIsServedGoesOutAndDecides() throws Exception {
    routed("coloured");
    inForce();
    governed.awaitStderr("the traffic colour follows work across threads");
    String front = say(governed, "front", "").get().substring("front=".length());
    for (int i = 0; i < 3; i++) {
      for (String way : client.ways()) {
        String ask =
            "http://127.0.0.1:"
                + front
                + "/?"
                + URLEncoder.encode(way + " http://coloured/x", StandardCharsets.UTF_8);
        assertThat(get(ask, "X-Canary", "true"))
            .as(way)
            .contains(" body=two ", " arm=canary ", " canary=true");
        assertThat(get(ask)).as(way).contains(" body=one ").endsWith(" canary=null");
      }
    }
  }

  private static String get(String url, String... headers) throws Exception {
    HttpRequest.Builder ask = HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE);
    if (headers.length > 0) {
      ask.headers(headers);
    }
    return HttpClient.newHttpClient()
        .send(ask.build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  @Test
  void aPacedCallWaitsInsteadOfBeingRefused() {
    rules.put(
        "service/paced/rate-limit",
        "{\"qps\": 40, \"burst\": 1, \"max_wait_ms\": 60000, \"side\": \"client\"}");
    instance("paced", targets.plain("one"), "v1");
    inForce();
    long began = System.nanoTime();
    for (String way : client.ways()) {
      List<Told> calls = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        calls.add(say(way, "http://paced/x"));
      }
      for (Told told : calls) {
        assertThat(told.get()).as(way).containsPattern(protocol.ok());
      }
    }
    assertThat(System.nanoTime() - began)
        .isGreaterThan((4L * client.ways().size() - 1) * 1_000_000_000L / 41);
  }

  /** Four threads, 24 calls that wait, and the client still makes others. */
  @Test
  void asynchronousCallsThatWaitHoldNoThread() {
    for (String way : client.asynchronous()) {
      rules.put(
          "service/held-" + way + "/rate-limit",
          "{\"qps\": 40, \"burst\": 1, \"max_wait_ms\": 60000, \"side\": \"client\"}");
      instance("held-" + way, targets.plain("one"), "v1");
    }
    inForce();
    for (String way : client.asynchronous()) {
      long began = System.nanoTime();
      List<Told> waiting = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        waiting.add(say(way, "http://held-" + way + "/x", "client=few"));
      }
      String other = "http://" + targets.plain("one") + "/x";
      assertThat(say(way, other, "client=few").get()).as(way).containsPattern(protocol.ok());
      assertThat(waiting.stream().filter(Told::isThere))
          .as("the one that need not wait came back before they were through")
          .hasSizeLessThan(24);
      for (Told told : waiting) {
        assertThat(told.get()).as(way).containsPattern(protocol.ok());
      }
      assertThat(System.nanoTime() - began).isGreaterThan(23 * 1_000_000_000L / 41);
    }
  }

  @Test
  void aBlockingCallThatIsCancelledWhileItWaitsGivesItsPlaceBack() {
    givesItsPlaceBack(client.blocking());
  }

  @Test
  void anAsynchronousCallThatIsCancelledWhileItWaitsGivesItsPlaceBack() {
    givesItsPlaceBack(client.asynchronous());
  }

  private void givesItsPlaceBack(List<String> ways) {
    for (String way : ways) {
      patient("patient-" + way);
    }
    inForce();
    for (String way : ways) {
      String url = "http://patient-" + way + "/patient";
      assertThat(call(way, url)).containsPattern(protocol.ok());
      int sent = targets.seen("/patient");
      for (int i = 0; i < 3; i++) {
        Told waiting = oneOfTwoWaits(way, url);
        governed.say(waiting.id + " cancel");
        assertThat(waiting.get())
            .as(way)
            .doesNotContainPattern(protocol.ok())
            .doesNotContainPattern(protocol.limited("p"));
      }
      assertThat(targets.seen("/patient")).as("it is never made").isEqualTo(sent);
    }
  }

  @Test
  void aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack() {
    for (String way : client.ways()) {
      patient("timed-" + way);
    }
    inForce();
    for (String way : client.ways()) {
      String url = "http://timed-" + way + "/timed";
      assertThat(call(way, url)).containsPattern(protocol.ok());
      int sent = targets.seen("/timed");
      for (int i = 0; i < 3; i++) {
        assertThat(oneOfTwoWaits(way, url, "callTimeout=200").get())
            .as(way)
            .containsPattern(protocol.timeout());
      }
      assertThat(targets.seen("/timed")).isEqualTo(sent);
    }
  }

  /** One call at once, and room in the line for one more. */
  private void patient(String service) {
    rules.put(
        "service/" + service + "/rate-limit/p",
        "{\"qps\": 0.002, \"burst\": 1, \"max_wait_ms\": 600000, \"side\": \"client\"}");
    instance(service, targets.plain("one"), "v1");
  }

  /** There is room for one: the other is refused. Nobody would wait had it not been given back. */
  private Told oneOfTwoWaits(String way, String url, String... options) {
    Told a = say(way, url, options);
    Told b = say(way, url, options);
    Await.until(PATIENCE, () -> a.isRefused() || b.isRefused(), governed::told);
    return a.isRefused() ? b : a;
  }

  @Test
  void whateverBecomesOfACallItsPlaceIsFreeAfterwards() {
    rules.put("service/most/rate-limit/m", "{\"max_concurrent\": 2, \"side\": \"client\"}");
    instance("most", targets.plain("one"), "v1");
    rules.put("service/most-gone/rate-limit/m", "{\"max_concurrent\": 2, \"side\": \"client\"}");
    instance("most-gone", "127.0.0.1:" + closedPort(), "v1");
    inForce();
    for (String way : client.ways()) {
      for (String path : List.of("most/x", "most/500", "most/half", "most-gone/x", "most/hang")) {
        String[] options = path.endsWith("hang") ? new String[] {"readTimeout=100"} : new String[0];
        assertThat(call(way, "http://" + path, options))
            .as(way + path)
            .doesNotContainPattern(protocol.limited("m"));
        awaitInFlight(0);
      }
      int before = targets.seen("/hang");
      List<Told> hung = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        hung.add(say(way, "http://most/hang"));
      }
      Await.until(PATIENCE, () -> targets.seen("/hang") == before + 2, governed::told);
      assertThat(inFlight()).isEqualTo(2);
      assertThat(call(way, "http://most/x")).as(way).containsPattern(protocol.full("m"));
      for (Told told : hung) {
        governed.say(told.id + " cancel");
        assertThat(told.get()).as(way).doesNotContainPattern(protocol.ok());
      }
      awaitInFlight(0);
      assertThat(call(way, "http://most/x")).as(way).containsPattern(protocol.ok());
    }
  }

  private static double inFlight() {
    return Metrics.of(governed).sum("weir_limit_in_flight");
  }

  private static void awaitInFlight(int n) {
    Await.until(
        PATIENCE,
        () -> inFlight() == n,
        () -> inFlight() + " under way, not " + n + "\n" + governed.told());
  }

  @Test
  @Order(2)
  void attachedToARunningJvmItGovernsItsCalls() {
    attach();
    for (String way : client.ways()) {
      assertThat(say(bare, way, "http://attached/x", "client=fresh").get())
          .as(way)
          .containsPattern(protocol.open("default"));
    }
  }

  @Test
  @Order(3)
  void attachedToARunningJvmItGovernsClientsThatWereThereBefore() {
    for (String way : client.ways()) {
      assertThat(say(bare, way, "http://" + targets.plain("one") + "/x").get())
          .as(way)
          .containsPattern(protocol.open("default"));
    }
    assertThat(bare.complaints()).isEmpty();
  }

  private void attach() {
    for (String service : List.of("attached", "127.0.0.1")) {
      rulesOfTheBareOne.put(
          "service/" + service + "/circuit-breaker",
          "{\"force\": \"open\", \"sharing\": \"local\"}");
    }
    new Cli(rulesOfTheBareOne.directory())
        .run(
            "attach",
            Long.toString(bare.pid()),
            "--options",
            "service=shop;rules=" + rulesOfTheBareOne.location())
        .exits(0);
    String way = client.ways().get(0);
    Await.until(
        PATIENCE,
        () ->
            say(bare, way, "http://attached/x", "client=fresh")
                .get()
                .matches("(?s)" + protocol.open("default") + ".*"),
        bare::told);
  }

  @Test
  @Order(Integer.MAX_VALUE - 1)
  void neitherThreadsNorConnectionsNorBodiesAreLeftBehind() {
    rules.put("service/left-refused/rate-limit/l", limit("0", 0));
    rules.put(
        "service/left-paced/rate-limit/l",
        "{\"qps\": 200, \"burst\": 1, \"max_wait_ms\": 60000, \"side\": \"client\"}");
    routed("left");
    routed("left-paced");
    instance("left-gone", "127.0.0.1:" + closedPort(), "v1");
    inForce();
    int threads = 0;
    for (int round = 0; round < 3; round++) {
      for (String way : client.ways()) {
        for (String call :
            List.of(
                "http://left-refused/x",
                "http://left/x",
                "http://left/500",
                "http://left/half",
                "http://left-gone/x",
                "http://left-paced/x",
                "http://left/hang readTimeout=100",
                "http://left/x header.X-Canary=true")) {
          for (String which : List.of("", " client=one")) {
            assertThat(call(way, call + which)).as(way + call).doesNotContain("NEVER", "TIMES");
          }
        }
      }
      Await.until(PATIENCE, () -> say(governed, "busy", "").get().equals("busy=0"), governed::told);
      int now = Integer.parseInt(say(governed, "threads", "").get().substring("threads=".length()));
      threads = round == 0 ? now : threads;
      assertThat(now).as("threads after round %d", round).isLessThanOrEqualTo(threads + 8);
    }
    for (String way : client.ways()) {
      assertThat(call(way, "http://left/x", "client=one"))
          .as("the one connection is free")
          .containsPattern(protocol.ok());
    }
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void nothingOfOursFailedOrComplained() {
    assertThat(governed.isAlive()).isTrue();
    assertThat(governed.complaints()).isEmpty();
    assertThat(Metrics.of(governed).page("/health")).contains("\"fail_open\":0");
  }

  private static String limit(String qps, int burst) {
    return "{\"qps\": "
        + qps
        + (burst > 0 ? ", \"burst\": " + burst : "")
        + ", \"side\": \"client\"}";
  }

  /** Two instances, the second for calls with {@code X-Canary}. */
  private static void routed(String service) {
    rules.put("service/" + service + "/route", CANARY_ROUTE);
    instance(service, targets.plain("one"), "v1");
    instance(service, targets.plain("two"), "v2");
  }

  static void instance(String service, String address, String version) {
    rules.put(
        "services/" + service + "/instances/" + address, "{\"version\": \"" + version + "\"}");
  }

  /** What is put into force with {@link #inForce}. */
  static Rules rules() {
    return rules;
  }

  static Targets targets() {
    return targets;
  }

  static Jvm governed() {
    return governed;
  }

  /** All that was put so far is in force: the last rule refuses what nobody else calls. */
  static void inForce() {
    String probe = "probe-" + IDS.incrementAndGet();
    rules.put("service/" + probe + "/rate-limit/probe", limit("0", 0));
    String way = client.ways().get(0);
    Await.until(
        PATIENCE,
        () -> call(way, "http://" + probe + "/").matches("(?s)" + protocol.limited("probe") + ".*"),
        governed::told);
  }

  /** A call, of which the application will tell. */
  private static final class Told implements Supplier<String> {
    final Jvm jvm;
    final String id;

    Told(Jvm jvm, String id) {
      this.jvm = jvm;
      this.id = id;
    }

    boolean isThere() {
      return jvm.stdout().stream().anyMatch(l -> l.startsWith(id + " "));
    }

    boolean isRefused() {
      return isThere() && get().matches("(?s)" + protocol.limited("p") + ".*");
    }

    @Override
    public String get() {
      return jvm.awaitStdout(id + " ").substring(id.length() + 1);
    }
  }

  /** What only a library's own row asks. */
  static String own(String what, String url) {
    return say("own", what + " " + url).get();
  }

  static String call(String way, String url, String... options) {
    return say(way, url, options).get();
  }

  private static Told say(String way, String url, String... options) {
    return say(governed, way, url, options);
  }

  private static Told say(Jvm jvm, String way, String url, String... options) {
    String id = "c" + IDS.incrementAndGet() + ":";
    jvm.say((id + " " + way + " " + url + " " + String.join(" ", options)).trim());
    return new Told(jvm, id);
  }

  static int closedPort() {
    try (java.net.ServerSocket s =
        new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
