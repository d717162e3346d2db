package io.weir.benchmarks.stress;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.rules.RateLimitRule;
import java.util.Collections;

/** A limiter whose clock stands, so that tokens are only ever taken and given back. */
class Limited {
  private static final AttributeSource<String> SOURCE =
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

  volatile RateLimiters limits;

  Limited(RateLimitRule.Builder rule) {
    edit(rule);
  }

  static RateLimitRule.Builder rule(long burst) {
    return RateLimitRule.builder().qps(1).burst(burst);
  }

  static RateLimitRule.Builder keyed(long burst, int maxKeys) {
    return rule(burst).by(Collections.singletonList(Attribute.parse("header:k"))).maxKeys(maxKeys);
  }

  final void edit(RateLimitRule.Builder rule) {
    limits =
        RateLimiters.build(
            limits, Collections.singletonList(rule.build()), RateLimitRule.Side.SERVER, 0);
  }

  /** One call with this key. */
  final CallLedger call(String key) {
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    limits.admit(SOURCE, key, 0, ledger);
    return ledger;
  }

  /** 1 when a call with this key is admitted. */
  final int take(String key) {
    return call(key).refusal() == null ? 1 : 0;
  }

  /** How many calls are admitted now. */
  final int drain(String key) {
    int n = 0;
    while (take(key) == 1) {
      n++;
    }
    return n;
  }
}
