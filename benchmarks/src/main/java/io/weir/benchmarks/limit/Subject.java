package io.weir.benchmarks.limit;

import com.alibaba.csp.sentinel.slots.block.RuleConstant;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRuleManager;
import io.github.bucket4j.Bucket;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicLong;

/** Ours and the peers, each set up as its manual says, for one rate. */
final class Subject {
  /** Our requests: the request is its own and only header. */
  static final AttributeSource<String> SOURCE =
      new AttributeSource<String>() {
        @Override
        public String header(String call, String name) {
          return call;
        }

        @Override
        public String path(String call) {
          return "/";
        }

        @Override
        public String method(String call) {
          return "GET";
        }

        @Override
        public String host(String call) {
          return "localhost";
        }
      };

  private Subject() {}

  /** What no limiter can do without: the clock, and one compare-and-set on the time. */
  static boolean floor(AtomicLong floor) {
    long now = System.nanoTime();
    for (; ; ) {
      long tat = floor.get();
      long next = Math.max(tat, now - 1_000_000_000) + 2;
      if (next > now) {
        return false;
      }
      if (floor.compareAndSet(tat, next)) {
        return true;
      }
    }
  }

  static RateLimitRule.Builder rule(double qps, long burst) {
    return RateLimitRule.builder().qps(qps).burst(burst);
  }

  static RateLimitRule.Builder keyed(double qps, long burst) {
    return rule(qps, burst).by(Collections.singletonList(Attribute.parse("header:user")));
  }

  static RateLimiters weir(RateLimitRule rule) {
    return RateLimiters.build(
        null, Collections.singletonList(rule), RateLimitRule.Side.SERVER, System.nanoTime());
  }

  static RateLimiterConfig resilience4j(int perSecond) {
    return RateLimiterConfig.custom()
        .limitForPeriod(perSecond)
        .limitRefreshPeriod(Duration.ofSeconds(1))
        .timeoutDuration(Duration.ZERO)
        .build();
  }

  static Bucket bucket4j(long perSecond) {
    return Bucket.builder()
        .addLimit(l -> l.capacity(perSecond).refillGreedy(perSecond, Duration.ofSeconds(1)))
        .withNanosecondPrecision()
        .build();
  }

  static void sentinelFlow(String resource, double qps) {
    FlowRule rule = new FlowRule(resource);
    rule.setGrade(RuleConstant.FLOW_GRADE_QPS);
    rule.setCount(qps);
    FlowRuleManager.loadRules(Collections.singletonList(rule));
  }

  static void sentinelHotKeys(String resource, double qps) {
    ParamFlowRule rule = new ParamFlowRule(resource).setParamIdx(0);
    rule.setCount(qps);
    ParamFlowRuleManager.loadRules(Collections.singletonList(rule));
  }
}
