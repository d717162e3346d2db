package io.weir.engine.breaker;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.Arrays;
import java.util.Random;

/** Breakers under a clock and a dice of the test's own; the "call" is its path. */
final class Rig {
  static final long SECOND = 1_000_000_000L;
  static final AttributeSource<String> PATHS =
      new AttributeSource<>() {
        @Override
        public String header(String call, String name) {
          return null;
        }

        @Override
        public String path(String call) {
          return call;
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

  final Random random = new Random(42);
  long now = -5 * SECOND; // nanoTime may be negative
  CircuitBreakers breakers;

  Rig(CircuitBreakerRule... rules) {
    rules(rules);
  }

  void rules(CircuitBreakerRule... rules) {
    breakers =
        CircuitBreakers.build("order", breakers, Arrays.asList(rules), now, random::nextDouble);
  }

  static CircuitBreakerRule.Builder rule() {
    return CircuitBreakerRule.builder().service("order").fleet(false);
  }

  CircuitBreaker breaker() {
    return breakers.all().get(0);
  }

  String state() {
    return breaker().state();
  }

  /** A call that is let in, or null. */
  CallLedger call() {
    return call("/");
  }

  CallLedger call(String path) {
    CallLedger t = new CallLedger();
    t.begin(now, null);
    return breakers.admit(PATHS, path, now, t) ? t : null;
  }

  CallLedger refused() {
    CallLedger t = new CallLedger();
    t.begin(now, null);
    if (breakers.admit(PATHS, "/", now, t)) {
      throw new AssertionError("let in: " + breaker());
    }
    return t;
  }

  void good(int times) {
    for (int i = 0; i < times; i++) {
      call().endHttp(200, now);
    }
  }

  void bad(int times) {
    for (int i = 0; i < times; i++) {
      call().endHttp(503, now);
    }
  }

  /** Opens a breaker that has the default window. */
  void open() {
    bad(20);
    if (!state().equals("open")) {
      throw new AssertionError(breaker().toString());
    }
  }

  void connectFailure() {
    call().endFailure(Failure.CONNECT, new java.net.ConnectException(), now);
  }

  void pass(double seconds) {
    now += (long) (seconds * SECOND);
  }
}
