package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** OkHttp keeps the contract of clients. */
class OkHttpContractTest extends ClientContract {
  private static final String WAITING =
      "before 3.9 an interceptor cannot see its call, so one that waits on its thread does not"
          + " notice";

  @Override
  ClientRow row() {
    return new ClientRow("OkHttp", "client-okhttp", Protocol.HTTP)
        .blocking("execute")
        .asynchronous("enqueue")
        .version("3.3.1", 8, "com.squareup.okhttp3:okhttp:3.3.1")
        .sources("client-okhttp-3.3")
        .cannot("aBlockingCallThatIsCancelledWhileItWaitsGivesItsPlaceBack", WAITING)
        .cannot("aCallThatWaitsEndsWithItsTimeoutAndGivesItsPlaceBack", "no call time-out yet")
        .cannot("aRoutesTimeoutEndsACall", WAITING)
        .cannot("http2CallsAreGovernedLikeOthers", "HTTP/2 by ALPN only, which needs a boot jar")
        .cannot("theAnswerIsOkHttpsOwnUnlessADeadlineHasToShow", "from 3.14 on")
        .cannot("aWebSocketWorksAsWithoutTheAgent", "in an artifact of its own until 3.5")
        .version("3.14.9", 8, "com.squareup.okhttp3:okhttp:3.14.9")
        .sources("client-okhttp-3.5")
        .everyTimeOn(11)
        .version("4.12.0", 8, "com.squareup.okhttp3:okhttp:4.12.0")
        .sources("client-okhttp-3.5")
        .everyTimeOn(17, 21)
        .version("5.5.1", 8, "com.squareup.okhttp3:okhttp-jvm:5.5.1")
        .sources("client-okhttp-3.5");
  }

  @Test
  void theAnswerIsOkHttpsOwnUnlessADeadlineHasToShow() {
    rules().put("service/own/route", "default: [{version: v1}]");
    rules()
        .put(
            "service/own-timed/route",
            "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 60000}]");
    instance("own", targets().plain("one"), "v1");
    instance("own-timed", targets().plain("one"), "v1");
    inForce();
    assertThat(call("own same", "http://own/x")).isEqualTo("same=true status=200");
    assertThat(call("own same", "http://own-timed/x")).isEqualTo("same=false status=200");
  }

  @Test
  void failuresAreOkHttpsOwnExceptions() {
    for (String service : List.of("failing", "failing-late")) {
      instance(service, targets().plain("one"), "v1");
    }
    instance("failing-gone", "127.0.0.1:" + closedPort(), "v1");
    rules()
        .put(
            "service/failing-late/route",
            "routes: [{match: \"method != 'NONE'\", to: [{version: v1}], timeout_ms: 300}]");
    inForce();
    for (String way : List.of("execute", "enqueue")) {
      assertThat(call(way, "http://failing-gone/x")).startsWith("threw=java.net.ConnectException ");
      assertThat(call(way, "http://failing/hang", "readTimeout=200"))
          .startsWith("threw=java.net.SocketTimeoutException ");
      assertThat(call(way, "http://failing/half")).startsWith("threw=java.net.ProtocolException ");
      if (!cell.version().name.startsWith("3.3.")) {
        assertThat(call(way, "http://failing-late/hang"))
            .isEqualTo("threw=java.io.InterruptedIOException timeout: the route allows 300 ms");
      }
    }
  }
}
