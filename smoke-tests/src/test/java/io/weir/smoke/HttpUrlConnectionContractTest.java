package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code HttpURLConnection} of the JDK keeps the contract of clients. */
class HttpUrlConnectionContractTest extends ClientContract {
  @Override
  ClientRow row() {
    String blocking = "it has no asynchronous calls";
    return new ClientRow("HttpURLConnection", "client-urlconnection", Protocol.HTTP)
        .blocking("code", "input", "connect")
        .cannot(
            "aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack",
            "it has no time-out for a whole call")
        .cannot("asynchronousCallsThatWaitHoldNoThread", blocking)
        .cannot("anAsynchronousCallThatIsCancelledWhileItWaitsGivesItsPlaceBack", blocking)
        .cannot("http2CallsAreGovernedLikeOthers", "it has no HTTP/2")
        .cannot("aWebSocketWorksAsWithoutTheAgent", "it has no WebSockets")
        .version("of Java 8 to 24", 8)
        .upTo(21)
        .everyTimeOn(17)
        .cannot(
            "anAnswerWhoseBodyBreaksOffIsAFailure",
            "before Java 25 a body that is shorter than it was said to be reads as a whole one")
        .version("of Java 25", 25);
  }

  @Test
  void aRefusedConnectionTellsAllThatTheJdkTellsOfAnAnswer() {
    rules()
        .put(
            "service/told/rate-limit/t",
            "{\"qps\": 0, \"side\": \"client\", \"response\": {\"headers\":"
                + " {\"Content-Type\": \"text/plain\"}, \"body\": \"at noon\"}}");
    rules()
        .put(
            "service/told-404/rate-limit/t",
            "{\"qps\": 0, \"side\": \"client\", \"response\": {\"status\": 404,"
                + " \"body\": \"at noon\"}}");
    inForce();
    assertThat(own("refused", "http://told/x"))
        .isEqualTo(
            "java.io.IOException Server returned HTTP response code: 429 for URL: http://told/x"
                + " code=429 message=Too Many Requests line=HTTP/1.1 429 Too Many Requests"
                + " length=7 type=text/plain error=at noon fields=true");
    assertThat(own("refused", "http://told-404/x"))
        .startsWith("java.io.FileNotFoundException http://told-404/x code=404 ");
    assertThat(own("refused", "https://told/x"))
        .startsWith("java.io.IOException Server returned HTTP response code: 429 for URL: https:")
        .endsWith(" error=at noon fields=true");
    assertThat(own("disconnected", "https://told/x")).isEqualTo("429 at noon");
    assertThat(own("output", "https://told/x")).isEqualTo("429 at noon");
    assertThat(own("head", "http://told/x")).isEqualTo("429 ");
    assertThat(own("output", "http://told/x")).isEqualTo("429 at noon");
    assertThat(own("disconnected", "http://told/x")).isEqualTo("429 at noon");
  }

  @Test
  void aConnectionThatIsAskedAgainIsOneCall() {
    rules()
        .put("service/again/rate-limit/a", "{\"qps\": 0.001, \"burst\": 1, \"side\": \"client\"}");
    rules()
        .put(
            "service/" + Targets.NAME + "/rate-limit/a",
            "{\"qps\": 0.001, \"burst\": 1, \"side\": \"client\","
                + " \"match\": \"path == '/again'\"}");
    instance("again", targets().plain("one"), "v1");
    instance(Targets.NAME, targets().secure("one"), "v1");
    inForce();
    for (String url : List.of("http://again/again", "https://" + Targets.NAME + "/again")) {
      assertThat(own("again", url)).isEqualTo("200");
      assertThat(own("head", url)).isEqualTo("429 ");
    }
  }

  @Test
  void headIsGovernedAndRouted() {
    rules().put("service/head/route", "default: [{version: v1}]");
    rules().put("service/head/rate-limit/m", "{\"max_concurrent\": 1, \"side\": \"client\"}");
    instance("head", targets().plain("one"), "v1");
    inForce();
    for (int i = 0; i < 3; i++) {
      assertThat(own("head", "http://head/x")).isEqualTo("200 ");
    }
  }

  /** The first lets go of its connection before the request is sent, and asks again. */
  @Test
  void aConnectionThatIsDisconnectedOrDroppedGivesItsPlaceBack() {
    rules().put("service/let-go/rate-limit/m", "{\"max_concurrent\": 3, \"side\": \"client\"}");
    instance("let-go", targets().plain("one"), "v1");
    inForce();
    for (int i = 0; i < 5; i++) {
      assertThat(own("disconnected", "http://let-go/x")).startsWith("200 one GET ");
    }
    for (int i = 0; i < 3; i++) {
      Await.until(
          Duration.ofSeconds(30),
          () -> own("head", "http://let-go/x").equals("200 "),
          governed()::told);
      assertThat(own("dropped", "http://let-go/x")).isEqualTo("dropped");
    }
  }

  @Test
  void cookiesOfARoutedCallAreThoseOfTheNameThatWasCalled() {
    rules().put("service/cookies/route", CANARY_ROUTE);
    instance("cookies", targets().plain("one"), "v1");
    inForce();
    assertThat(own("cookies", "http://cookies/headers"))
        .startsWith("200 one GET ")
        .contains("cookie=[x-cookie=known]");
  }

  @Test
  void failuresAreTheJdksOwnExceptions() {
    for (String service : List.of("failing", "failing-gone")) {
      rules().put("service/" + service + "/route", "default: [{version: v1}]");
    }
    rules()
        .put(
            "service/failing-late/route",
            "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 300}]");
    instance("failing", targets().plain("one"), "v1");
    instance("failing-late", targets().plain("one"), "v1");
    instance("failing-gone", "127.0.0.1:" + closedPort(), "v1");
    inForce();
    for (String way : List.of("code", "input", "connect")) {
      assertThat(call(way, "http://failing-gone/x")).startsWith("threw=java.net.ConnectException ");
      assertThat(call(way, "http://failing/hang", "readTimeout=200"))
          .startsWith("threw=java.net.SocketTimeoutException ");
      assertThat(call(way, "http://failing-late/hang"))
          .isEqualTo("threw=java.io.InterruptedIOException timeout: the route allows 300 ms");
    }
  }
}
