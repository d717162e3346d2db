package io.weir.benchmarks.whole;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.RuleConstant;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The whole decision of an outgoing call, from the service's plan to its outcome: a limit, a
 * breaker, one of 100 instances by a row with weights; the peers' limiter and breaker, which route
 * nothing.
 *
 * <p>{@code floor} is what nobody can leave out, written by hand: the clock at both ends, a
 * compare-and-set on the bucket, the breaker's state read and its window counted, a comparison, a
 * drawn number, the less busy of two instances and its count of calls up and down.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class WholeBenchmark {
  private static final int QPS = 500_000_000;
  private static final int INSTANCES = 100;

  private final ServicePlan[] plans = new ServicePlan[2];
  private final Engine[] engines = new Engine[2];
  private AtomicRateLimiter limiter;
  private CircuitBreaker breaker;

  private final AtomicLong bucket = new AtomicLong();
  private final AtomicLong window = new AtomicLong();
  private final AtomicInteger[] inFlight = new AtomicInteger[INSTANCES];
  private volatile int state;

  /** Adapters keep one per call or reuse it; here it is reused. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
    String env = "prod";
  }

  /**
   * Of {@code Object}: the compiler takes a call whose signature names a nested class for too new.
   */
  private static final AttributeSource<Object> SOURCE =
      new AttributeSource<Object>() {
        @Override
        public String header(Object call, String name) {
          return ((Call) call).env;
        }

        @Override
        public String path(Object call) {
          return "/";
        }

        @Override
        public String method(Object call) {
          return "GET";
        }

        @Override
        public String host(Object call) {
          return "payment";
        }
      };

  @Setup
  public void setUp() {
    for (int keyed = 0; keyed < 2; keyed++) {
      engines[keyed] = engine(keyed == 1);
      plans[keyed] = engines[keyed].plan("payment");
    }
    limiter =
        new AtomicRateLimiter(
            "b",
            RateLimiterConfig.custom()
                .limitForPeriod(QPS)
                .limitRefreshPeriod(Duration.ofSeconds(1))
                .timeoutDuration(Duration.ZERO)
                .build());
    breaker = CircuitBreaker.of("b", CircuitBreakerConfig.custom().slidingWindowSize(20).build());
    for (int i = 0; i < INSTANCES; i++) {
      inFlight[i] = new AtomicInteger();
    }
    FlowRule flow = new FlowRule("payment");
    flow.setGrade(RuleConstant.FLOW_GRADE_QPS);
    flow.setCount(QPS);
    FlowRuleManager.loadRules(Collections.singletonList(flow));
    DegradeRule degrade = new DegradeRule("payment");
    degrade.setGrade(RuleConstant.DEGRADE_GRADE_EXCEPTION_RATIO);
    degrade.setCount(0.6);
    degrade.setMinRequestAmount(20);
    degrade.setTimeWindow(60);
    DegradeRuleManager.loadRules(Collections.singletonList(degrade));
  }

  private static Engine engine(boolean keyed) {
    RateLimitRule.Builder limit =
        RateLimitRule.builder()
            .service("payment")
            .side(RateLimitRule.Side.CLIENT)
            .qps(QPS)
            .burst(QPS);
    if (keyed) {
      limit.by(Collections.singletonList(Attribute.parse("header:X-Env")));
    }
    RuleBook.Builder book = new RuleBook.Builder();
    book.add(limit.build());
    book.add(CircuitBreakerRule.builder().service("payment").countWindow(20).fleet(false).build());
    book.add(
        RouteRule.builder()
            .id("r")
            .service("payment")
            .routes(
                List.of(
                    new RouteRule.Route(
                        MatchParser.parse("header:X-Env == 'prod'"),
                        "",
                        List.of(
                            new RouteRule.Arm("v1", Collections.emptyMap(), 95),
                            new RouteRule.Arm("v2", Collections.emptyMap(), 5)),
                        null,
                        RouteRule.Fallback.DEFAULT,
                        Collections.emptyMap(),
                        0)))
            .build());
    for (int i = 0; i < INSTANCES; i++) {
      book.instance(
          new Instance(
              "payment",
              "127.0.1." + (i + 1),
              8080,
              i % 10 == 0 ? "v2" : "v1",
              null,
              null,
              Collections.emptyMap(),
              100,
              null));
    }
    Engine engine = new Engine(EngineOptions.of("shop", System::nanoTime));
    engine.apply(book.build());
    return engine;
  }

  @Benchmark
  public int floor(Call call) {
    long now = System.nanoTime();
    long tat = bucket.get();
    long next = Math.max(tat, now - 1_000_000_000) + 2;
    if (next > now + 1_000_000_000 || !bucket.compareAndSet(tat, next) || state != 0) {
      return -1;
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    int all = "prod".equals(call.env) && random.nextInt(100) < 95 ? INSTANCES : INSTANCES / 10;
    int a = random.nextInt(all);
    int b = random.nextInt(all);
    AtomicInteger chosen = inFlight[a].get() <= inFlight[b].get() ? inFlight[a] : inFlight[b];
    chosen.incrementAndGet();
    long took = System.nanoTime() - now;
    chosen.decrementAndGet();
    long counts = window.get();
    window.compareAndSet(counts, (counts << 1 | (took > 1_000_000_000L ? 1 : 0)) & 0xFFFFF);
    return a;
  }

  private Instance weir(int keyed, Call call) {
    Engine engine = engines[keyed];
    engine.outbound(plans[keyed], SOURCE, call, call.ledger);
    Instance chosen = call.ledger.instance();
    call.ledger.endHttp(200, engine.now());
    return chosen;
  }

  @Benchmark
  public Instance weir(Call call) {
    return weir(0, call);
  }

  /** The limit counts by a header. */
  @Benchmark
  public Instance weirKeyed(Call call) {
    return weir(1, call);
  }

  @Benchmark
  public boolean resilience4j() {
    boolean in = limiter.acquirePermission() && breaker.tryAcquirePermission();
    long start = breaker.getCurrentTimestamp();
    breaker.onSuccess(breaker.getCurrentTimestamp() - start, breaker.getTimestampUnit());
    return in;
  }

  @Benchmark
  public boolean sentinel() {
    try {
      Entry e = SphU.entry("payment");
      e.exit();
      return true;
    } catch (BlockException e) {
      return false;
    }
  }
}
