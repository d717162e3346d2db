package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The asynchronous clients of Apache HttpClient 5 keep the contract of clients. */
class HttpAsyncClient5ContractTest extends ClientContract {
  @Override
  ClientRow row() {
    String artifact = HttpClient5ContractTest.ARTIFACT;
    return new ClientRow("Apache HttpAsyncClient 5", "client-httpclient5", Protocol.HTTP)
        .asynchronous("async")
        .cannot(
            "aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack",
            HttpClient5ContractTest.NO_TIMEOUT)
        .cannot(
            "aBlockingCallThatIsCancelledWhileItWaitsGivesItsPlaceBack",
            "the asynchronous client has no blocking calls")
        .cannot("aWebSocketWorksAsWithoutTheAgent", HttpClient5ContractTest.NO_SOCKETS)
        .version("5.0", 8, artifact + "5.0")
        .version("5.2.3", 8, artifact + "5.2.3")
        .version("5.6.4", 8, artifact + "5.6.4");
  }

  @Test
  void minimalClientsAreGovernedAndRouted() {
    rules().put("service/tiny-limited/rate-limit/m", "{\"qps\": 0, \"side\": \"client\"}");
    rules().put("service/tiny/route", "default: [{version: v1}]");
    rules().put("service/tiny-h2/route", "default: [{version: v1}]");
    instance("tiny", targets().plain("one"), "v1");
    instance("tiny-h2", targets().http2("one"), "v1");
    inForce();
    assertThat(own("minimal-async", "http://tiny-limited/x")).startsWith("429 ");
    assertThat(own("minimal-async", "http://tiny/x")).startsWith("200 one ").contains("host=tiny");
    assertThat(own("minimal-h2", "http://tiny-limited/x")).startsWith("429 ");
    if (!cell.version().name.equals("5.0")) { // its pool is of another library
      assertThat(own("minimal-h2", "http://tiny-h2:80/x")).startsWith("200 one ");
    }
  }

  @Test
  void aFutureTellsOfTheRoutesDeadline() {
    rules()
        .put(
            "service/due/route",
            "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 300}]");
    instance("due", targets().plain("one"), "v1");
    inForce();
    assertThat(own("future", "http://due/x")).startsWith("200 one ");
    assertThat(own("future", "http://due/hang"))
        .isEqualTo(
            "threw java.io.InterruptedIOException: timeout: the route allows 300 ms"
                + " cancelled=false");
  }
}
