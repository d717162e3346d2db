package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.Connection;
import okhttp3.EventListener;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GovernorTest {
  private Rig rig;

  @BeforeEach
  void start() throws IOException {
    rig = new Rig();
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  private static RateLimitRule.Builder limit(double qps) {
    return RateLimitRule.builder()
        .id("l1")
        .service(Rig.SERVICE)
        .side(RateLimitRule.Side.CLIENT)
        .qps(qps)
        .burst(1);
  }

  private static RefusalResponse answer(boolean throwing) {
    return new RefusalResponse(0, Map.of("X-Why", "planned"), null, throwing);
  }

  @Test
  void aRefusedCallIsAnsweredBeforeAnyInterceptorOfTheApplication() throws IOException {
    List<String> seen = new ArrayList<>();
    rig.client =
        new OkHttpClient.Builder()
            .addInterceptor(
                chain -> {
                  seen.add(chain.request().url().encodedPath());
                  return chain.proceed(chain.request());
                })
            .build();
    rig.rules(limit(0.001).response(answer(false)).build());
    try (okhttp3.Response r = rig.call("/a").execute()) {
      assertThat(r.code()).isEqualTo(200);
    }
    try (okhttp3.Response r = rig.call("/b").execute()) {
      assertThat(r.code()).isEqualTo(429);
      assertThat(r.header("X-Weir-Rejected")).isEqualTo("l1");
      assertThat(r.header("Retry-After")).isNotNull();
      assertThat(r.header("RateLimit")).startsWith("\"l1\";r=0");
      assertThat(r.header("X-Why")).isEqualTo("planned");
      assertThat(r.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(r.request().url()).isEqualTo(rig.request("/b").url());
      assertThat(r.body().string()).contains("quota-exceeded");
    }
    assertThat(seen).containsExactly("/a");
    assertThat(rig.served).hasValue(1);
  }

  @Test
  void aRuleMayThrowInsteadOfAnswering() throws Exception {
    rig.rules(
        CircuitBreakerRule.builder()
            .id("b1")
            .service(Rig.SERVICE)
            .force(CircuitBreakerRule.Force.OPEN)
            .response(answer(true))
            .build());
    assertThatThrownBy(() -> rig.call("/a").execute())
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("call to 127.0.0.1 refused by Weir: circuit breaker \"b1\" is open");
    CompletableFuture<IOException> failure = new CompletableFuture<>();
    rig.call("/a")
        .enqueue(
            new Callback() {
              @Override
              public void onFailure(Call call, IOException e) {
                failure.complete(e);
              }

              @Override
              public void onResponse(Call call, okhttp3.Response response) {
                failure.complete(null);
              }
            });
    assertThat(failure.get(30, TimeUnit.SECONDS)).hasMessageContaining("\"b1\" is open");
    assertThat(rig.served).hasValue(0);
  }

  @Test
  void aRuleIdThatIsNoHeaderValueStillGivesAnAnswer() throws IOException {
    rig.rules(limit(0).id("größe\n1").build());
    try (okhttp3.Response r = rig.call("/a").execute()) {
      assertThat(r.header("X-Weir-Rejected")).isEqualTo("gr??e?1");
    }
  }

  @Test
  void theApplicationsClientStaysAsItIsAndIsDerivedOnce() {
    OkHttpClient client = rig.client;
    Call call = rig.call("/a");
    assertThat(client.interceptors()).isEmpty();
    OkHttpClient derived = rig.hook.derived(client);
    assertThat(rig.hook.derived(client)).isSameAs(derived);
    assertThat(derived.connectionPool()).isSameAs(client.connectionPool());
    assertThat(derived.dispatcher()).isSameAs(client.dispatcher());
    assertThat(derived.eventListenerFactory()).isSameAs(client.eventListenerFactory());
    assertThat(rig.hook.enter(derived, rig.request("/a"), null, null)).isNull();
    assertThat(call.request().url()).isEqualTo(rig.request("/a").url());
  }

  @Test
  void aCloneIsGovernedLikeTheCallItWasMadeFrom() throws IOException {
    rig.rules(limit(0.001).build());
    Call call = rig.call("/a");
    call.execute().close();
    try (okhttp3.Response r = call.clone().execute()) {
      assertThat(r.code()).isEqualTo(429);
    }
  }

  @Test
  void withoutRulesTheAnswerIsOkHttpsOwn() throws IOException {
    try (okhttp3.Response r = rig.call("/a").execute()) {
      assertThat(r.body().getClass().getName()).startsWith("okhttp3.internal.");
      assertThat(r.body().string()).isEqualTo("you sent /a");
    }
  }

  @Test
  void whateverTheEngineThrowsTheCallPasses() throws IOException {
    rig.rules(
        limit(0)
            .match(
                new MatchExpression() {
                  @Override
                  public <C> boolean test(AttributeSource<C> source, C call) {
                    throw new IllegalStateException("planted");
                  }
                })
            .build());
    try (okhttp3.Response r = rig.call("/a").execute()) {
      assertThat(r.code()).isEqualTo(200);
    }
  }

  @Test
  void aPacedCallIsMadeWhenItsTokenIsThere() throws IOException {
    rig.rules(limit(50).maxWaitNanos(TimeUnit.SECONDS.toNanos(10)).build());
    long began = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      try (okhttp3.Response r = rig.call("/" + i).execute()) {
        assertThat(r.code()).isEqualTo(200);
      }
    }
    // one token at once, then one per 20 ms: never sooner
    assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(59_000_000);
  }

  @Test
  void cancellingAWaitingCallEndsTheWaitAndGivesItsTokenBack() throws Exception {
    rig.rules(limit(0.02).maxWaitNanos(TimeUnit.SECONDS.toNanos(60)).build());
    rig.call("/a").execute().close();
    Call waiting = rig.call("/b");
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread t = new Thread(() -> thrown.set(thrownBy(waiting)));
    t.start();
    while (t.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    waiting.cancel();
    t.join();
    assertThat(thrown.get()).isExactlyInstanceOf(IOException.class).hasMessage("Canceled");
    rig.ahead.addAndGet(TimeUnit.SECONDS.toNanos(50));
    rig.call("/c").execute().close(); // the token that the cancelled call would have had
    assertThat(rig.served).hasValue(2);
  }

  @Test
  void interruptingAWaitingCallEndsTheWait() throws Exception {
    rig.rules(limit(0.02).maxWaitNanos(TimeUnit.SECONDS.toNanos(60)).build());
    rig.call("/a").execute().close();
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread t = new Thread(() -> thrown.set(thrownBy(rig.call("/b"))));
    t.start();
    while (t.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    t.interrupt();
    t.join();
    assertThat(thrown.get()).isInstanceOf(InterruptedIOException.class);
    assertThat(rig.served).hasValue(1);
  }

  @Test
  void anEnqueuedCallDecidesByTheColourOfTheThreadThatMadeIt() throws Exception {
    rig.rules(limit(0).match(MatchParser.parse("tag:x-user == 'eve'")).build());
    Colour before = Colour.swap(Colour.of("x-user", "eve"));
    Call coloured;
    try {
      coloured = rig.call("/a");
    } finally {
      Colour.swap(before);
    }
    assertThat(status(coloured)).isEqualTo(429);
    assertThat(status(rig.call("/a"))).isEqualTo(200);
    assertThat(Colour.current()).isSameAs(Colour.NONE);
  }

  @Test
  void callsThatWaitForOneServiceLeaveTheOthersFree() throws Exception {
    rig.rules(limit(0.02).maxWaitNanos(TimeUnit.HOURS.toNanos(1)).build());
    List<Call> waiting = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Call call = rig.call("/paced");
      waiting.add(call);
      call.enqueue(IGNORE);
    }
    Request elsewhere =
        new Request.Builder().url("http://localhost:" + rig.port() + "/other").build();
    for (int i = 0; i < 30; i++) {
      assertThat(status(rig.call(elsewhere))).isEqualTo(200);
    }
    assertThat(rig.served.get()).isBetween(30, 31); // one paced call had its token at once
    waiting.forEach(Call::cancel);
  }

  @Test
  void listenersSeeTheSameEventsInTheSameOrder() throws IOException {
    List<String> events = new CopyOnWriteArrayList<>();
    int closed = Rig.closedPort();
    rig.client =
        new OkHttpClient.Builder()
            .eventListenerFactory(
                call -> {
                  events.add("create");
                  return new Events(events);
                })
            .build();
    readsAndFails(rig.client::newCall, closed);
    List<String> bare = List.copyOf(events);
    assertThat(bare).contains("create", "connectStart", "responseBodyEnd", "callFailed");
    events.clear();
    rig.client.connectionPool().evictAll();
    rig.rules(CircuitBreakerRule.builder().service(Rig.SERVICE).build());
    readsAndFails(rig::call, closed);
    assertThat(events).isEqualTo(bare);
  }

  private void readsAndFails(Call.Factory factory, int closed) throws IOException {
    for (int i = 0; i < 2; i++) {
      try (okhttp3.Response r = factory.newCall(rig.request("/a")).execute()) {
        assertThat(r.body().string()).isEqualTo("you sent /a");
      }
    }
    assertThatThrownBy(() -> factory.newCall(Rig.request(closed, "/")).execute())
        .isInstanceOf(IOException.class);
  }

  private static final class Events extends EventListener {
    private final List<String> to;

    Events(List<String> to) {
      this.to = to;
    }

    @Override
    public void callStart(Call call) {
      to.add("callStart");
    }

    @Override
    public void connectStart(Call call, InetSocketAddress address, Proxy proxy) {
      to.add("connectStart");
    }

    @Override
    public void connectionAcquired(Call call, Connection connection) {
      to.add("connectionAcquired");
    }

    @Override
    public void requestHeadersEnd(Call call, Request request) {
      to.add("requestHeadersEnd");
    }

    @Override
    public void responseBodyEnd(Call call, long bytes) {
      to.add("responseBodyEnd");
    }

    @Override
    public void connectionReleased(Call call, Connection connection) {
      to.add("connectionReleased");
    }

    @Override
    public void callEnd(Call call) {
      to.add("callEnd");
    }

    @Override
    public void callFailed(Call call, IOException e) {
      to.add("callFailed");
    }
  }

  private static final Callback IGNORE =
      new Callback() {
        @Override
        public void onFailure(Call call, IOException e) {}

        @Override
        public void onResponse(Call call, okhttp3.Response response) {
          response.close();
        }
      };

  private static int status(Call call) throws Exception {
    CompletableFuture<Integer> status = new CompletableFuture<>();
    call.enqueue(
        new Callback() {
          @Override
          public void onFailure(Call call, IOException e) {
            status.completeExceptionally(e);
          }

          @Override
          public void onResponse(Call call, okhttp3.Response response) {
            response.close();
            status.complete(response.code());
          }
        });
    return status.get(30, TimeUnit.SECONDS);
  }

  private static Throwable thrownBy(Call call) {
    try {
      call.execute().close();
      return null;
    } catch (Throwable t) {
      return t;
    }
  }
}
