package io.weir.benchmarks.limit;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.github.bucket4j.Bucket;
import io.github.resilience4j.ratelimiter.RateLimiterRegistry;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * One bucket for each of 10 000 users, called by Zipf's law (exponent 1).
 *
 * <p>The plain ones get the same {@code String} object every time, which favours tables that use
 * {@code String.hashCode}, since it is cached in there. A server makes a new one for each request;
 * that is what {@code ...NewString} does, and what it allocates is this string.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class KeyedBenchmark {
  private static final int KEYS = 10_000;
  private static final int CALLS = 1 << 16;
  private static final int QPS = 500_000_000;

  private final String[] calls = new String[CALLS];
  private RateLimiters weir;
  private RateLimiterRegistry resilience4j;
  private Cache<String, Bucket> bucket4j;

  @State(Scope.Thread)
  public static class Caller {
    final CallLedger ledger = new CallLedger();
    private int i;

    String next(String[] calls) {
      return calls[i++ & (CALLS - 1)];
    }

    String nextNew(String[] calls) {
      return new StringBuilder(next(calls)).toString();
    }
  }

  @Setup
  public void setUp() {
    String[] users = new String[KEYS];
    double[] upTo = new double[KEYS];
    double sum = 0;
    for (int i = 0; i < KEYS; i++) {
      users[i] = "user-" + (1_000_000 + i * 7919L % 1_000_003);
      upTo[i] = sum += 1.0 / (i + 1);
    }
    Random random = new Random(42);
    for (int i = 0; i < CALLS; i++) {
      int at = java.util.Arrays.binarySearch(upTo, random.nextDouble() * sum);
      calls[i] = users[Math.min(at < 0 ? -at - 1 : at, KEYS - 1)];
    }
    weir = Subject.weir(Subject.keyed(QPS, QPS).build());
    resilience4j = RateLimiterRegistry.of(Subject.resilience4j(QPS));
    bucket4j =
        Caffeine.newBuilder().maximumSize(100_000).expireAfterAccess(1, TimeUnit.HOURS).build();
    Subject.sentinelHotKeys("keyed", QPS);
  }

  private boolean weir(Caller caller, String user) {
    long now = System.nanoTime();
    caller.ledger.begin(now, null);
    return weir.admit(Subject.SOURCE, user, now, caller.ledger);
  }

  private boolean bucket4j(String user) {
    return bucket4j.get(user, u -> Subject.bucket4j(QPS)).tryConsume(1);
  }

  @Benchmark
  public boolean weir(Caller caller) {
    return weir(caller, caller.next(calls));
  }

  @Benchmark
  public boolean weirNewString(Caller caller) {
    return weir(caller, caller.nextNew(calls));
  }

  @Benchmark
  public boolean resilience4j(Caller caller) {
    return resilience4j.rateLimiter(caller.next(calls)).acquirePermission();
  }

  @Benchmark
  public boolean bucket4jCaffeine(Caller caller) {
    return bucket4j(caller.next(calls));
  }

  @Benchmark
  public boolean bucket4jCaffeineNewString(Caller caller) {
    return bucket4j(caller.nextNew(calls));
  }

  @Benchmark
  public boolean sentinel(Caller caller) {
    try {
      Entry e = SphU.entry("keyed", EntryType.IN, 1, caller.next(calls));
      e.exit();
      return true;
    } catch (BlockException e) {
      return false;
    }
  }
}
