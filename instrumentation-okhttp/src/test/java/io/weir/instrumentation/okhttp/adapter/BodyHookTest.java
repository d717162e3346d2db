package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.bootstrap.Bridge;
import io.weir.engine.instances.Instance;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.Call;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.junit.jupiter.api.Test;

/**
 * All that is told of outcomes, with bodies watched where OkHttp opens them; and what only then may
 * go wrong.
 */
class BodyHookTest extends OutcomeTest {
  @Override
  Rig rig() throws IOException {
    return new Rig().weaveBodies();
  }

  private void with(Interceptor application) {
    rig.client = rig.client.newBuilder().addInterceptor(application).build();
  }

  @Test
  void theCallerGetsTheVeryAnswerAndItsBodyEndsTheCall() throws IOException {
    Instance i = rig.instance(rig.port());
    AtomicReference<Response> given = new AtomicReference<>();
    with(
        chain -> {
          given.set(chain.proceed(chain.request()));
          return given.get();
        });
    Response read = rig.call("/a").execute();
    assertThat(read).isSameAs(given.get());
    Response closed = rig.call("/b").execute();
    assertThat(i.inFlight()).isEqualTo(2);
    assertThat(read.body().string()).isEqualTo("you sent /a");
    assertThat(i.inFlight()).isEqualTo(1);
    closed.close();
    closed.close();
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void aRedirectsOwnBodyEndsNothing() throws IOException {
    Instance i = rig.instance(rig.port());
    Response r = rig.call("/302").execute();
    assertThat(r.priorResponse()).isNotNull();
    assertThat(i.inFlight()).isEqualTo(1);
    r.close();
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void whatAnInterceptorReadsAndAsksForAgainIsItsOwnAffair() throws IOException {
    Instance i = rig.instance(rig.port());
    with(
        chain -> {
          chain.proceed(chain.request()).close();
          return chain.proceed(chain.request());
        });
    Response r = rig.call("/a").execute();
    assertThat(i.inFlight()).isEqualTo(1);
    r.close();
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void aBodyThatAnInterceptorHasReadIsOverWhenTheAnswerComes() throws IOException {
    Instance i = rig.instance(rig.port());
    with(
        chain -> {
          Response r = chain.proceed(chain.request());
          String all = r.body().string();
          return r.newBuilder().body(ResponseBody.create(null, all + "!")).build();
        });
    Response r = rig.call("/a").execute();
    assertThat(i.inFlight()).isZero();
    assertThat(r.body().string()).isEqualTo("you sent /a!");
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void aCallWithinTheCallEndsItsOwn() throws IOException {
    Instance i = rig.instance(rig.port());
    OkHttpClient plain = rig.client;
    String elsewhere = "http://localhost:" + rig.port() + "/inner";
    with(
        chain -> {
          Response r = chain.proceed(chain.request());
          if (chain.request().url().encodedPath().equals("/outer")) {
            Request inner = new Request.Builder().url(elsewhere).build();
            Object state = rig.hook.enter(plain, inner, null, null);
            ((Call) Bridge.instead(state, null)).execute().close();
          }
          return r;
        });
    Response r = rig.call("/outer").execute();
    assertThat(i.inFlight()).isEqualTo(1);
    r.close();
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void anAnswerThatCannotBeDecodedIsAFailure() throws IOException {
    breaker();
    byte[] garbage =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\nno gzip it"
            .getBytes(StandardCharsets.US_ASCII);
    try (ServerSocket peer = Rig.peer((s, out) -> out.write(garbage))) {
      Response r = rig.call(Rig.request(peer.getLocalPort(), "/")).execute();
      assertThat(r.code()).isEqualTo(200);
      assertThatThrownBy(() -> r.body().string()).isInstanceOf(IOException.class);
      assertThat(rig.breaker().failedCount()).isEqualTo(1);
      r.close();
    }
  }
}
