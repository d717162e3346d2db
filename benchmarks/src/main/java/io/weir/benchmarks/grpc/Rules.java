package io.weir.benchmarks.grpc;

import io.grpc.MethodDescriptor;
import io.grpc.internal.FixedObjectPool;
import io.grpc.internal.ObjectPool;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Collections;
import java.util.concurrent.Executor;

/** What the benchmarks of this area share. */
final class Rules {
  static final Executor DIRECT = Runnable::run;
  static final ObjectPool<Executor> POOL = new FixedObjectPool<>(DIRECT);
  static final MethodDescriptor<String, String> METHOD =
      MethodDescriptor.<String, String>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("shop.Stock/Get")
          .setRequestMarshaller(new Nothing())
          .setResponseMarshaller(new Nothing())
          .build();

  private Rules() {}

  /** An engine of service {@code stock} without rules for it. */
  static Engine none() {
    return new Engine(EngineOptions.of("stock", Ticker.SYSTEM));
  }

  /** One limit on either side that never refuses, and a breaker that stays closed. */
  static Engine passing() {
    Engine e = none();
    e.apply(generous().build());
    return e;
  }

  /** The same, and one instance that every call goes to. */
  static Engine routing() {
    Engine e = none();
    e.apply(
        generous()
            .instance(
                new Instance(
                    "stock", "127.0.0.1", 80, null, null, null, Collections.emptyMap(), 100, null))
            .build());
    return e;
  }

  private static RuleBook.Builder generous() {
    RuleBook.Builder b = new RuleBook.Builder();
    for (RateLimitRule.Side side : RateLimitRule.Side.values()) {
      b.add(limit(side).qps(1e9).burst(1_000_000_000).build());
    }
    return b.add(CircuitBreakerRule.builder().service("stock").build());
  }

  /** Limits on either side that refuse every call. */
  static Engine refusing() {
    Engine e = none();
    RuleBook.Builder b = new RuleBook.Builder();
    for (RateLimitRule.Side side : RateLimitRule.Side.values()) {
      b.add(limit(side).qps(0).build());
    }
    e.apply(b.build());
    return e;
  }

  private static RateLimitRule.Builder limit(RateLimitRule.Side side) {
    return RateLimitRule.builder().id(side.name()).service("stock").side(side);
  }

  private static final class Nothing implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(new byte[0]);
    }

    @Override
    public String parse(InputStream stream) {
      return "";
    }
  }
}
