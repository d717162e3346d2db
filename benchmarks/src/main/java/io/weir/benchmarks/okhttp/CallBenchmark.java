package io.weir.benchmarks.okhttp;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import io.weir.instrumentation.okhttp.adapter.BodyHook;
import io.weir.instrumentation.okhttp.adapter.NewCallHook;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.Okio;
import okio.Source;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * A call made, answered by an interceptor of the application without any network, and its body
 * read; bare, and as woven code makes it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CallBenchmark {
  private static final byte[] BODY = "{\"ok\":true}".getBytes(StandardCharsets.UTF_8);

  private final Request request = new Request.Builder().url("http://pay/orders?id=1").build();
  private final OkHttpClient client = answering(raw -> raw);
  private final BodyHook woven = new BodyHook(new Engine(EngineOptions.of("shop", Ticker.SYSTEM)));
  private final OkHttpClient wovenClient =
      answering(
          raw -> {
            Object watched = woven.enter(this, raw, null, null);
            return watched == null ? raw : (Source) watched;
          });
  private NewCallHook withoutRules;
  private NewCallHook limited;
  private NewCallHook guarded;
  private NewCallHook refused;

  @Setup
  public void setUp() {
    RateLimitRule.Builder limit =
        RateLimitRule.builder()
            .service("pay")
            .side(RateLimitRule.Side.CLIENT)
            .qps(5e8)
            .burst(500_000_000);
    CircuitBreakerRule.Builder breaker = CircuitBreakerRule.builder().service("pay");
    withoutRules = hook();
    limited = hook(limit.build());
    guarded = hook(limit.build(), breaker.build());
    refused = hook(breaker.force(CircuitBreakerRule.Force.OPEN).build());
  }

  /** A client whose bodies are opened as OkHttp opens those of the network. */
  private static OkHttpClient answering(UnaryOperator<Source> opened) {
    return new OkHttpClient.Builder()
        .addInterceptor(
            chain ->
                new Response.Builder()
                    .request(chain.request())
                    .protocol(Protocol.HTTP_1_1)
                    .code(200)
                    .message("OK")
                    .body(
                        ResponseBody.create(
                            null, BODY.length, Okio.buffer(opened.apply(new Buffer().write(BODY)))))
                    .build())
        .build();
  }

  private static NewCallHook hook(Rule... rules) {
    Engine engine = new Engine(EngineOptions.of("shop", Ticker.SYSTEM));
    RuleBook.Builder book = new RuleBook.Builder();
    for (Rule rule : rules) {
      book.add(rule);
    }
    if (rules.length == 2) {
      book.instance(
          new Instance(
              "pay", "10.0.0.7", 80, null, null, null, Collections.emptyMap(), 100, "http"));
    }
    engine.apply(book.build());
    return new NewCallHook(engine);
  }

  private long made(NewCallHook hook) throws IOException {
    Object state = hook.enter(wovenClient, request, null, null);
    return answer((Call) Bridge.instead(state, null));
  }

  private static long answer(Call call) throws IOException {
    try (Response r = call.execute()) {
      return r.body().bytes().length;
    }
  }

  @Benchmark
  public long bare() throws IOException {
    return answer(client.newCall(request));
  }

  @Benchmark
  public long withoutRules() throws IOException {
    return made(withoutRules);
  }

  @Benchmark
  public long limited() throws IOException {
    return made(limited);
  }

  /** Limit, breaker and an instance to go to; the body is watched where it is opened. */
  @Benchmark
  public long guarded() throws IOException {
    return made(guarded);
  }

  @Benchmark
  public long refused() throws IOException {
    return made(refused);
  }

  /** An application that makes a client per call: what that costs it anyway. */
  @Benchmark
  public OkHttpClient clientPerCallBare() {
    return client.newBuilder().build();
  }

  /** The same, and the derived client for it. */
  @Benchmark
  public Object clientPerCall() {
    return withoutRules.enter(client.newBuilder().build(), request, null, null);
  }
}
