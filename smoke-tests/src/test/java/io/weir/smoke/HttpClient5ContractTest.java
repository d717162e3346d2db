package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The classic client of Apache HttpClient 5 keeps the contract of clients. */
class HttpClient5ContractTest extends ClientContract {
  static final String NO_TIMEOUT = "the library has no time-out for a whole call";
  static final String NO_SOCKETS = "the library has no WebSockets";

  static final String ARTIFACT = "org.apache.httpcomponents.client5:httpclient5:";

  @Override
  ClientRow row() {
    String blocking = "the classic client has no asynchronous calls";
    String virtual = "before 5.4 TLS goes by the target";
    return new ClientRow("Apache HttpClient 5", "client-httpclient5", Protocol.HTTP)
        .blocking("execute", "handler")
        .cannot("aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack", NO_TIMEOUT)
        .cannot("asynchronousCallsThatWaitHoldNoThread", blocking)
        .cannot("anAsynchronousCallThatIsCancelledWhileItWaitsGivesItsPlaceBack", blocking)
        .cannot("http2CallsAreGovernedLikeOthers", "the classic client has no HTTP/2")
        .cannot("aWebSocketWorksAsWithoutTheAgent", NO_SOCKETS)
        .version("5.0", 8, ARTIFACT + "5.0")
        .cannot("tlsGoesByTheRequestsHostWhereItsTargetIsAnother", virtual)
        .version("5.2.3", 8, ARTIFACT + "5.2.3")
        .cannot("tlsGoesByTheRequestsHostWhereItsTargetIsAnother", virtual)
        .version("5.6.4", 8, ARTIFACT + "5.6.4");
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

  /** The application names a target to connect to, and another host in the request. */
  @Test
  void tlsGoesByTheRequestsHostWhereItsTargetIsAnother() {
    rules().put("service/" + Targets.NAME + "/route", CANARY_ROUTE);
    instance(Targets.NAME, targets().secure("one"), "v1");
    inForce();
    assertThat(own("virtual", "https://" + Targets.NAME + "/x"))
        .startsWith("200 one ")
        .contains("host=" + Targets.NAME);
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
          .startsWith("threw=org.apache.hc.client5.http.HttpHostConnectException ");
      assertThat(call(way, "http://failing/hang", "readTimeout=200"))
          .startsWith("threw=java.net.SocketTimeoutException ");
      assertThat(call(way, "http://failing/half"))
          .startsWith("threw=org.apache.hc.core5.http.ConnectionClosedException ");
    }
  }
}
