package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Apache HttpClient 4 keeps the contract of clients. */
class HttpClient4ContractTest extends ClientContract {
  private static final String ARTIFACT = "org.apache.httpcomponents:httpclient:";

  /** Sources of the application. */
  private static final String OLD = "client-httpclient4-4.0";

  private static final String NEW = "client-httpclient4-4.3";

  private static final String MINIMAL = "aMinimalClientIsGovernedAndRouted";
  private static final String UNREAD = "aResponseThatIsClosedUnreadHasEnded";
  private static final String MUTE = "aHandshakeThatNobodyAnswersEndsWithTheConnectTimeout";
  private static final String RIDERS = "whatRidesOnItIsGovernedAndRouted";

  @Override
  ClientRow row() {
    String blocking = "the client has no asynchronous calls";
    String since43 = "since 4.3";
    String whole = "httpcore 4.0 takes a body that breaks off for a whole one";
    String riders = "asked of the newest version";
    return new ClientRow("Apache HttpClient 4", "client-httpclient4", Protocol.HTTP)
        .blocking("execute", "handler")
        .cannot(
            "aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack",
            HttpClient5ContractTest.NO_TIMEOUT)
        .cannot("asynchronousCallsThatWaitHoldNoThread", blocking)
        .cannot("anAsynchronousCallThatIsCancelledWhileItWaitsGivesItsPlaceBack", blocking)
        .cannot("http2CallsAreGovernedLikeOthers", "the library has no HTTP/2")
        .cannot("aWebSocketWorksAsWithoutTheAgent", HttpClient5ContractTest.NO_SOCKETS)
        .version("4.0", 8, ARTIFACT + "4.0")
        .sources(OLD)
        .cannot("anAnswerWhoseBodyBreaksOffIsAFailure", whole)
        .cannot("aBodyThatBreaksOffThrowsTheLibrarysOwnException", whole)
        .cannot(MINIMAL, since43)
        .cannot(UNREAD, since43)
        .cannot(MUTE, "before 4.3 the socket timeout limits it")
        .cannot(RIDERS, riders)
        .version("4.0.3", 8, ARTIFACT + "4.0.3")
        .sources(OLD)
        .cannot("anAnswerWhoseBodyBreaksOffIsAFailure", whole)
        .cannot("aBodyThatBreaksOffThrowsTheLibrarysOwnException", whole)
        .cannot(MINIMAL, since43)
        .cannot(UNREAD, since43)
        .cannot(MUTE, "before 4.3 the socket timeout limits it")
        .cannot(RIDERS, riders)
        .version("4.2.6", 8, ARTIFACT + "4.2.6")
        .sources(OLD)
        .cannot(MINIMAL, since43)
        .cannot(UNREAD, since43)
        .cannot(MUTE, "before 4.3 the socket timeout limits it")
        .cannot(RIDERS, riders)
        .version("4.3", 8, ARTIFACT + "4.3")
        .sources(NEW)
        .everyTimeOn(11)
        .cannot(RIDERS, riders)
        .version("4.3.6", 8, ARTIFACT + "4.3.6")
        .sources(NEW)
        .cannot(RIDERS, riders)
        .version("4.5", 8, ARTIFACT + "4.5")
        .sources(NEW)
        .cannot(RIDERS, riders)
        .version(
            "4.5.14",
            8,
            ARTIFACT + "4.5.14",
            "org.springframework:spring-web:5.3.39",
            "io.github.openfeign:feign-httpclient:12.5")
        .sources(NEW, "client-httpclient4-riders");
  }

  /** The client of 4.0, which newer versions still have, with the manager it brings. */
  @Test
  void theOneConnectionOfADefaultHttpClientNeverMixesInstances() {
    rules().put("service/alternating/route", CANARY_ROUTE);
    instance("alternating", targets().plain("one"), "v1");
    instance("alternating", targets().plain("two"), "v2");
    rules().put("service/alternating-limited/rate-limit/a", "{\"qps\": 0, \"side\": \"client\"}");
    inForce();
    assertThat(own("default", "http://alternating/x"))
        .isEqualTo("200 one 200 two 200 one 200 two ");
    assertThat(own("default", "http://alternating-limited/x")).startsWith("429 ");
  }

  @Test
  void aMinimalClientIsGovernedAndRouted() {
    rules().put("service/minimal-limited/rate-limit/m", "{\"qps\": 0, \"side\": \"client\"}");
    rules().put("service/minimal/route", "default: [{version: v1}]");
    instance("minimal", targets().plain("one"), "v1");
    inForce();
    assertThat(own("minimal", "http://minimal-limited/x")).startsWith("429 ");
    assertThat(own("minimal", "http://minimal/x")).startsWith("200 one ").contains("host=minimal");
  }

  /** The target of such a request is named beside it. */
  @Test
  void aRequestThatNamesNoHostIsGovernedAndRouted() {
    rules().put("service/relative-limited/rate-limit/r", "{\"qps\": 0, \"side\": \"client\"}");
    rules()
        .put(
            "service/relative/route",
            "routes: [{match: \"path == '/x'\", to: [{version: v1}], set_headers: {X-Arm:"
                + " canary}}]");
    instance("relative", targets().plain("one"), "v1");
    inForce();
    assertThat(own("relative", "http://relative-limited/x")).startsWith("429 ");
    assertThat(own("relative", "http://relative/x"))
        .startsWith("200 one ")
        .contains("host=relative", "arm=canary");
  }

  /** One call at once: the next would be refused had the one before not ended. */
  @Test
  void aResponseThatIsClosedUnreadHasEnded() {
    rules().put("service/unread/rate-limit/m", "{\"max_concurrent\": 1, \"side\": \"client\"}");
    instance("unread", targets().plain("one"), "v1");
    inForce();
    assertThat(own("unread", "http://unread/x")).isEqualTo("200 200 200 ");
  }

  @Test
  void aHandshakeThatNobodyAnswersEndsWithTheConnectTimeout() throws IOException {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      rules().put("service/mute/route", "default: [{version: v1}]");
      instance("mute", "127.0.0.1:" + mute.getLocalPort(), "v1");
      inForce();
      assertThat(own("mute", "https://mute/x")).isEqualTo("threw java.net.SocketTimeoutException");
    }
  }

  @Test
  void aRequestThatIsUsedAgainIsAsItWas() {
    rules()
        .put(
            "service/reused/route",
            "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 300,"
                + " set_headers: {X-Arm: canary}}]");
    instance("reused", targets().plain("one"), "v1");
    inForce();
    assertThat(own("reused", "http://reused/x")).isEqualTo("200 200 headers=0 cancelled=false");
    String late = "timeout: the route allows 300 ms ";
    assertThat(own("reused", "http://reused/hang"))
        .isEqualTo(late + late + "headers=0 cancelled=false");
  }

  @Test
  void failuresAreTheLibrarysOwnExceptions() {
    for (String service : List.of("failing", "failing-gone")) {
      rules().put("service/" + service + "/route", "default: [{version: v1}]");
    }
    instance("failing", targets().plain("one"), "v1");
    instance("failing-gone", "127.0.0.1:" + closedPort(), "v1");
    inForce();
    for (String way : List.of("execute", "handler")) {
      assertThat(call(way, "http://failing-gone/x"))
          .startsWith("threw=org.apache.http.conn.HttpHostConnectException ");
      assertThat(call(way, "http://failing/hang", "readTimeout=200"))
          .startsWith("threw=java.net.SocketTimeoutException ");
    }
  }

  @Test
  void aBodyThatBreaksOffThrowsTheLibrarysOwnException() {
    rules().put("service/breaking/route", "default: [{version: v1}]");
    instance("breaking", targets().plain("one"), "v1");
    inForce();
    for (String way : List.of("execute", "handler")) {
      assertThat(call(way, "http://breaking/half"))
          .startsWith("threw=org.apache.http.ConnectionClosedException ");
    }
  }

  @Test
  void whatRidesOnItIsGovernedAndRouted() {
    rules().put("service/ridden-limited/rate-limit/r", "{\"qps\": 0, \"side\": \"client\"}");
    rules().put("service/ridden/route", "default: [{version: v1}]");
    instance("ridden", targets().plain("one"), "v1");
    inForce();
    for (String rider : List.of("resttemplate", "feign")) {
      assertThat(own(rider, "http://ridden-limited/x")).as(rider).startsWith("429 ");
      assertThat(own(rider, "http://ridden/x"))
          .as(rider)
          .startsWith("one ")
          .contains("host=ridden");
    }
  }
}
