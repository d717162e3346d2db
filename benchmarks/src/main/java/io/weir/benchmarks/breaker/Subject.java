package io.weir.benchmarks.breaker;

import com.alibaba.csp.sentinel.slots.block.RuleConstant;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import dev.failsafe.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.rules.CircuitBreakerRule;
import java.time.Duration;
import java.util.Collections;

/** The breakers that are compared: 20 calls or 10 seconds, 60 % failures, open for 60 s. */
final class Subject {
  static final AttributeSource<String> SOURCE =
      new AttributeSource<>() {
        @Override
        public String header(String call, String name) {
          return null;
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
          return "order";
        }
      };

  private Subject() {}

  static CircuitBreakers weir(boolean count) {
    CircuitBreakerRule.Builder b = CircuitBreakerRule.builder().service("order").fleet(false);
    CircuitBreakerRule rule = (count ? b.countWindow(20) : b.timeWindow(10)).build();
    return CircuitBreakers.build("order", null, Collections.singletonList(rule), System.nanoTime());
  }

  static io.github.resilience4j.circuitbreaker.CircuitBreaker resilience4j(boolean count) {
    return io.github.resilience4j.circuitbreaker.CircuitBreaker.of(
        "b",
        CircuitBreakerConfig.custom()
            .failureRateThreshold(60)
            .minimumNumberOfCalls(20)
            .slidingWindowType(count ? SlidingWindowType.COUNT_BASED : SlidingWindowType.TIME_BASED)
            .slidingWindowSize(count ? 20 : 10)
            .waitDurationInOpenState(Duration.ofSeconds(60))
            .writableStackTraceEnabled(false)
            .build());
  }

  static CircuitBreaker<Object> failsafe(boolean count) {
    return count
        ? CircuitBreaker.builder()
            .withFailureThreshold(12, 20)
            .withDelay(Duration.ofSeconds(60))
            .build()
        : CircuitBreaker.builder()
            .withFailureRateThreshold(60, 20, Duration.ofSeconds(10))
            .withDelay(Duration.ofSeconds(60))
            .build();
  }

  static void sentinel(String resource) {
    DegradeRule rule = new DegradeRule(resource);
    rule.setGrade(RuleConstant.DEGRADE_GRADE_EXCEPTION_RATIO);
    rule.setCount(0.6);
    rule.setMinRequestAmount(20);
    rule.setStatIntervalMs(10_000);
    rule.setTimeWindow(60);
    DegradeRuleManager.loadRules(Collections.singletonList(rule));
  }
}
