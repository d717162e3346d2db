package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.instances.Instance;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.instrumentation.api.client.BodyTracker;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLHandshakeException;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OutcomeTest {
  private static final byte[] HALF_AN_ANSWER =
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ".getBytes(StandardCharsets.US_ASCII);

  Rig rig;

  @BeforeEach
  void start() throws IOException {
    rig = rig();
  }

  /** How bodies are watched. */
  Rig rig() throws IOException {
    return new Rig();
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  private void breaker(UnaryOperator<CircuitBreakerRule.Builder> and) {
    rig.rules(
        and.apply(CircuitBreakerRule.builder().id("b1").service(Rig.SERVICE).minCalls(20)).build());
  }

  void breaker() {
    breaker(b -> b);
  }

  private static void expect(CircuitBreaker b, long failed, long ignored) {
    assertThat(b.failedCount()).as("failed").isEqualTo(failed);
    assertThat(b.ignoredCount()).as("ignored").isEqualTo(ignored);
  }

  private static Failure failure(Throwable t, boolean cancelled, boolean overdue) {
    return new OkHttpLibrary("front").failures().of(t, cancelled, overdue);
  }

  /** What OkHttp throws, and what it is taken for. */
  private Failure kind(Call call) {
    AtomicReference<Failure> kind = new AtomicReference<>();
    long began = System.nanoTime();
    OkHttpClient c =
        rig.client
            .newBuilder()
            .addInterceptor(
                chain -> {
                  try {
                    return chain.proceed(chain.request());
                  } catch (IOException e) {
                    long limit = chain.call().timeout().timeoutNanos();
                    kind.set(
                        failure(
                            e,
                            chain.call().isCanceled(),
                            limit > 0 && System.nanoTime() - began >= limit));
                    throw e;
                  }
                })
            .build();
    assertThatThrownBy(() -> c.newCall(call.request()).execute().close())
        .isInstanceOf(IOException.class);
    return kind.get();
  }

  @Test
  void aServerErrorIsAFailureAndANotFoundIsNone() throws IOException {
    breaker();
    rig.call("/500").execute().close();
    rig.call("/a").execute().close();
    expect(rig.breaker(), 1, 0);
  }

  @Test
  void aRefusedConnectionIsAConnectFailure() throws IOException {
    breaker();
    Request r = Rig.request(Rig.closedPort(), "/");
    assertThatThrownBy(() -> rig.call(r).execute()).isInstanceOf(java.net.ConnectException.class);
    expect(rig.breaker(), 1, 0);
    assertThat(kind(rig.client.newCall(r))).isEqualTo(Failure.CONNECT);
  }

  @Test
  void aSilentServerIsATimeout() throws IOException {
    breaker();
    rig.client = rig.client.newBuilder().readTimeout(100, TimeUnit.MILLISECONDS).build();
    CountDownLatch end = new CountDownLatch(1);
    try (ServerSocket silent = Rig.peer((s, out) -> end.await())) {
      Request r = Rig.request(silent.getLocalPort(), "/");
      assertThatThrownBy(() -> rig.call(r).execute()).isInstanceOf(SocketTimeoutException.class);
      expect(rig.breaker(), 1, 0);
      assertThat(kind(rig.client.newCall(r))).isEqualTo(Failure.TIMEOUT);
    } finally {
      end.countDown();
    }
  }

  @Test
  void aWholeCallsTimeoutIsATimeoutAndNoCancel() throws IOException {
    breaker();
    rig.client = rig.client.newBuilder().callTimeout(100, TimeUnit.MILLISECONDS).build();
    CountDownLatch end = new CountDownLatch(1);
    try (ServerSocket silent = Rig.peer((s, out) -> end.await())) {
      Request r = Rig.request(silent.getLocalPort(), "/");
      assertThatThrownBy(() -> rig.call(r).execute()).isInstanceOf(InterruptedIOException.class);
      expect(rig.breaker(), 1, 0);
    } finally {
      end.countDown();
    }
  }

  @Test
  void aCancelledCallSaysNothingAboutItsTarget() throws Exception {
    breaker();
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    try (ServerSocket silent =
        Rig.peer(
            (s, out) -> {
              asked.countDown();
              end.await();
            })) {
      Call call = rig.call(Rig.request(silent.getLocalPort(), "/"));
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread t =
          new Thread(
              () -> {
                try {
                  call.execute().close();
                } catch (IOException e) {
                  thrown.set(e);
                }
              });
      t.start();
      asked.await();
      call.cancel();
      t.join();
      assertThat(thrown.get()).isInstanceOf(IOException.class);
      expect(rig.breaker(), 0, 1);
    } finally {
      end.countDown();
    }
  }

  @Test
  void whatCannotBeMadeHereByHandIsToldApartByItsException() {
    assertThat(failure(new SocketTimeoutException("Connect timed out"), false, false))
        .isEqualTo(Failure.CONNECT);
    assertThat(failure(new SocketTimeoutException("timeout"), true, false))
        .isEqualTo(Failure.TIMEOUT);
    assertThat(failure(new UnknownHostException("x"), false, false)).isEqualTo(Failure.LOCAL);
    assertThat(failure(new SSLHandshakeException("x"), false, false)).isEqualTo(Failure.LOCAL);
    SSLHandshakeException hungUp = new SSLHandshakeException("Remote host terminated");
    hungUp.initCause(new java.io.EOFException());
    assertThat(failure(hungUp, false, false)).isEqualTo(Failure.CONNECT);
    assertThat(failure(new IOException("unexpected end of stream"), false, false))
        .isEqualTo(Failure.EXCEPTION);
    assertThat(failure(new IllegalStateException("x"), false, false))
        .as("the application's own interceptor")
        .isEqualTo(Failure.LOCAL);
    assertThat(failure(new SocketException("Socket closed"), false, false))
        .isEqualTo(Failure.CANCELLED);
    assertThat(failure(new SocketException("Connection reset"), false, false))
        .isEqualTo(Failure.EXCEPTION);
    assertThat(failure(new InterruptedIOException("interrupted"), false, false))
        .isEqualTo(Failure.CANCELLED);
  }

  @Test
  void anAnswerWhoseBodyBreaksOffIsAFailure() throws IOException {
    breaker();
    try (ServerSocket half = Rig.peer((s, out) -> out.write(HALF_AN_ANSWER))) {
      Response r = rig.call(Rig.request(half.getLocalPort(), "/")).execute();
      assertThat(r.code()).isEqualTo(200);
      expect(rig.breaker(), 0, 0);
      assertThatThrownBy(() -> r.body().string()).isInstanceOf(IOException.class);
      expect(rig.breaker(), 1, 0);
      r.close();
      expect(rig.breaker(), 1, 0);
    }
  }

  @Test
  void readingOrClosingTheBodyEndsTheCall() throws IOException {
    Instance i = rig.instance(rig.port());
    Response read = rig.call("/a").execute();
    Response closed = rig.call("/b").execute();
    assertThat(i.inFlight()).isEqualTo(2);
    assertThat(read.body().string()).isEqualTo("you sent /a");
    assertThat(i.inFlight()).isEqualTo(1);
    closed.close();
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void aBodyNobodyClosesCountsByItsStatusAfterAWhile() throws IOException {
    Instance i = rig.instance(rig.port());
    List<Response> leaked = new ArrayList<>();
    for (int k = 0; k < 3; k++) {
      leaked.add(rig.call("/a").execute());
    }
    assertThat(i.inFlight()).isEqualTo(3);
    lookedAtForAWhile();
    rig.call("/b").execute().close();
    assertThat(i.inFlight()).isZero();
    leaked.forEach(Response::close);
    assertThat(i.inFlight()).isZero();
  }

  @Test
  void aBodyLeftByAThreadThatCallsNoMoreIsFoundByOthers() throws Exception {
    Instance i = rig.instance(rig.port());
    List<Response> leaked = leakedByAnotherThread(3);
    assertThat(i.inFlight()).isEqualTo(3);
    lookedAtForAWhile();
    rig.call("/b").execute().close();
    rig.call("/b").execute().close();
    assertThat(i.inFlight()).isZero();
    leaked.forEach(Response::close);
    assertThat(i.inFlight()).isZero();
  }

  /** Nobody has timed these calls: patience begins when they are looked at first. */
  private void lookedAtForAWhile() throws IOException {
    for (int k = 0; k < 2; k++) {
      rig.ahead.addAndGet(BodyTracker.PATIENCE_NANOS + 1);
      rig.call("/b").execute().close();
    }
    rig.ahead.addAndGet(BodyTracker.PATIENCE_NANOS + 1);
  }

  @Test
  void aLimitWhosePlacesAreAllLeftOpenIsNotFullForEver() throws Exception {
    rig.rules(
        RateLimitRule.builder()
            .service(Rig.SERVICE)
            .side(RateLimitRule.Side.CLIENT)
            .qps(1000)
            .maxConcurrent(1)
            .build());
    List<Response> leaked = leakedByAnotherThread(1);
    assertThat(status("/a")).as("the place is taken").isEqualTo(429);
    rig.ahead.addAndGet(BodyTracker.PATIENCE_NANOS + 1);
    status("/a"); // finds it
    assertThat(status("/a")).isEqualTo(200);
    leaked.forEach(Response::close);
  }

  private int status(String path) throws IOException {
    try (Response r = rig.call(path).execute()) {
      return r.code();
    }
  }

  private List<Response> leakedByAnotherThread(int calls) throws Exception {
    return CompletableFuture.supplyAsync(
            () -> {
              List<Response> leaked = new ArrayList<>();
              for (int k = 0; k < calls; k++) {
                try {
                  leaked.add(rig.call("/a").execute());
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
              return leaked;
            },
            r -> new Thread(r).start())
        .get();
  }

  @Test
  void aSlowReaderDoesNotMakeItsTargetSlow() throws IOException {
    breaker(b -> b.countWindow(2).minCalls(2).slowCallNanos(TimeUnit.SECONDS.toNanos(5)));
    for (int k = 0; k < 4; k++) {
      Response r = rig.call("/a").execute();
      rig.ahead.addAndGet(TimeUnit.SECONDS.toNanos(10));
      assertThat(r.code()).isEqualTo(200);
      r.close();
    }
    assertThat(rig.breaker().state()).isEqualTo("closed");
  }

  @Test
  void aBreakerOpensOnWhatThisSideSeesAndThenSparesTheTarget() throws IOException {
    breaker(b -> b.countWindow(4).minCalls(4).failureRatio(0.5));
    for (int k = 0; k < 4; k++) {
      rig.call("/500").execute().close();
    }
    int served = rig.served.get();
    try (Response r = rig.call("/a").execute()) {
      assertThat(r.code()).isEqualTo(503);
      assertThat(r.header("X-Weir-Rejected")).isEqualTo("b1");
    }
    assertThat(rig.served).hasValue(served);
  }
}
