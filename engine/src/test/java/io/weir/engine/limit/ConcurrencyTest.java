package io.weir.engine.limit;

import static io.weir.engine.limit.Calls.admitted;
import static io.weir.engine.limit.Calls.admittedOf;
import static io.weir.engine.limit.Calls.by;
import static io.weir.engine.limit.Calls.call;
import static io.weir.engine.limit.Calls.limits;
import static io.weir.engine.limit.Calls.rule;
import static io.weir.engine.limit.Calls.swap;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ConcurrencyTest {
  private static RateLimitRule.Builder most(int n) {
    return RateLimitRule.builder().maxConcurrent(n);
  }

  private static int inFlight(RateLimiters l) {
    return l.running().get(0).inFlight();
  }

  @Test
  void soManyCallsAreUnderWayAtOnceAndNoMore() {
    RateLimiters l = limits(0, most(3).build());
    List<CallLedger> under = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      under.add(call(l, 0));
    }
    assertThat(admittedOf(10, l, 0)).isZero();
    under.remove(0).endHttp(200, 5);
    assertThat(admittedOf(10, l, 0)).isOne();
    assertThat(inFlight(l)).isEqualTo(3);
  }

  @Test
  void aPlaceIsFreedOnceWhateverBecomesOfTheCall() {
    RateLimiters l = limits(0, most(10).build());
    CallLedger[] calls = new CallLedger[6];
    for (int i = 0; i < calls.length; i++) {
      calls[i] = call(l, 0);
    }
    calls[0].endHttp(500, 1);
    calls[0].endHttp(200, 2);
    calls[0].abandon(3);
    calls[1].endFailure(Failure.CANCELLED, null, 1);
    calls[2].endFailure(Failure.TIMEOUT, null, 1);
    calls[3].abandon(1);
    calls[3].abandon(2);
    calls[4].endGrpc(14, null, 1);
    calls[4].giveBackTokens(2);
    calls[5].giveBackTokens(1);
    calls[5].endHttp(200, 2);
    assertThat(inFlight(l)).isZero();
  }

  @Test
  void aCallRefusedByALaterLimitHoldsNoPlace() {
    RateLimiters l =
        limits(0, most(10).id("a").build(), most(2).id("b").build(), rule(1, 1).build());
    assertThat(admittedOf(5, l, 0)).isOne();
    assertThat(l.running()).extracting(RateLimiters.Running::inFlight).containsExactly(1, 1, 0);
  }

  @Test
  void aRuleMayLimitBothAndAPlaceRefusedTakesNoToken() {
    RateLimiters l = limits(0, rule(1, 3).maxConcurrent(2).build());
    CallLedger first = call(l, 0);
    assertThat(admitted(l, 0)).isTrue();
    assertThat(call(l, 0).refusal().description())
        .isEqualTo("concurrency limit \"default\" reached");
    first.endHttp(200, 0);
    // one of three tokens is left, then there are places but no token
    CallLedger third = call(l, 0);
    assertThat(third.refusal()).isNull();
    third.endHttp(200, 0);
    assertThat(call(l, 0).refusal().description()).isEqualTo("rate limit \"default\" exceeded");
    assertThat(inFlight(l)).isOne();
  }

  @Test
  void aRefusedCallerIsToldTheLimitAndNoTime() {
    RateLimiters l = limits(0, most(1).build());
    call(l, 0);
    CallLedger refused = call(l, 0);
    List<String> headers = new ArrayList<>();
    refused.refusal().headers(refused, (n, v) -> headers.add(n + ": " + v));
    assertThat(headers)
        .containsExactly(
            "X-Weir-Rejected: default",
            "RateLimit-Policy: \"default\";q=1;qu=\"concurrent-requests\"",
            "RateLimit: \"default\";r=0");
    assertThat(refused.refusal().status()).isEqualTo(429);
    assertThat(refused.refusal().grpcStatus()).isEqualTo(8);
    assertThat(refused.retryAfterNanos()).isZero();
  }

  @Test
  void aRefusedCallerIsToldTheLimitInForceNotTheUpperBound() {
    RateLimitRule adapts = most(100).adaptive(new RateLimitRule.Adaptive(1, 3, 1.5)).build();
    RateLimiters l = limits(0, adapts);
    assertThat(admittedOf(10, l, 0)).isEqualTo(3);
    assertThat(policy(call(l, 0))).isEqualTo("\"default\";q=3;qu=\"concurrent-requests\"");
    // a window of calls that are used, and quick: it doubles, and more
    // windows of quick calls that use it: a probe, then it doubles
    l = limits(0, adapts);
    long now = 0;
    for (int i = 0; i < 200; i++) {
      List<CallLedger> under = List.of(call(l, now), call(l, now), call(l, now));
      now += 5_000_000;
      for (CallLedger t : under) {
        t.endHttp(200, now);
      }
    }
    int limit = l.running().get(0).concurrencyLimit();
    assertThat(limit).isBetween(4, 100);
    assertThat(admittedOf(100, l, now)).isEqualTo(limit);
    assertThat(policy(call(l, now)))
        .isEqualTo("\"default\";q=" + limit + ";qu=\"concurrent-requests\"");
  }

  private static String policy(CallLedger refused) {
    List<String> policy = new ArrayList<>();
    refused.refused().headers(refused, (n, v) -> policy.add(n + ": " + v));
    return policy.get(1).substring("RateLimit-Policy: ".length());
  }

  @Test
  void anEditKeepsTheCallsUnderWayCounted() {
    RateLimiters l = limits(0, most(4).build());
    List<CallLedger> under = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      under.add(call(l, 0));
    }
    RateLimiters fewer = swap(l, 1, most(2).match(new Calls.Method("POST")).build());
    assertThat(admitted(fewer, 1, "method", "POST")).isFalse();
    assertThat(admitted(fewer, 1, "method", "GET")).isTrue();
    RateLimiters more = swap(fewer, 2, most(6).build());
    assertThat(admittedOf(10, more, 2)).isEqualTo(2);
    under.forEach(t -> t.endHttp(200, 3));
    assertThat(inFlight(more)).isEqualTo(2);
    // a caller that still holds the rules before counts all the same
    assertThat(admittedOf(10, l, 3)).isEqualTo(4);
  }

  @Test
  void shadowCountsPlacesAndRefusesNobody() {
    RateLimiters l = limits(0, most(2).shadow(true).build());
    List<CallLedger> under = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      under.add(call(l, 0));
      assertThat(under.get(i).refusal()).isNull();
    }
    assertThat(inFlight(l)).isEqualTo(2);
    assertThat(l.running().get(0).exceeded()).isEqualTo(3);
    under.forEach(t -> t.endHttp(200, 1));
    assertThat(inFlight(l)).isZero();
  }

  @Test
  void inShadowACallWithoutATokenHoldsNoPlace() {
    RateLimiters l = limits(0, rule(1, 1).maxConcurrent(5).shadow(true).build());
    List<CallLedger> under = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      under.add(call(l, 0));
    }
    assertThat(inFlight(l)).isOne();
    under.forEach(t -> t.endHttp(200, 1));
    assertThat(inFlight(l)).isZero();
  }

  @Test
  void aKeyedRuleOfItsOwnGoesWithIt() {
    RateLimiters l =
        limits(0, most(3).id("all").build(), rule(1, 1).id("u").by(by("header:u")).build());
    assertThat(admitted(l, 0, "header:u", "a")).isTrue();
    assertThat(admitted(l, 0, "header:u", "a")).isFalse();
    assertThat(l.running().get(1).inFlight()).isOne();
  }

  /**
   * Two threads make calls and end them in every way there is while a third edits the rule: at no
   * instant are more under way than the largest limit there was, and in the end none is.
   */
  @Tag("no-mutation")
  @Test
  void noEditLosesOrMintsAPlace() throws Exception {
    int largest = 40;
    RateLimiters[] current = {limits(0, most(largest).build())};
    AtomicBoolean done = new AtomicBoolean();
    AtomicInteger under = new AtomicInteger();
    AtomicInteger highest = new AtomicInteger();
    ExecutorService pool = Executors.newFixedThreadPool(2);
    AtomicInteger visible = new AtomicInteger();
    try {
      List<Future<Integer>> callers = new ArrayList<>();
      for (int t = 0; t < 2; t++) {
        int seed = t;
        callers.add(
            pool.submit(
                () -> {
                  Random random = new Random(seed);
                  List<CallLedger> held = new ArrayList<>();
                  int refused = 0;
                  while (!done.get()) {
                    visible.get();
                    CallLedger ledger = new CallLedger();
                    ledger.begin(0, null);
                    if (current[0].admit(Calls.SOURCE, Collections.emptyMap(), 0, ledger)) {
                      highest.accumulateAndGet(under.incrementAndGet(), Math::max);
                      held.add(ledger);
                    } else {
                      refused++;
                    }
                    if (random.nextInt(held.size() + 10) < held.size()) {
                      under.decrementAndGet();
                      end(held.remove(random.nextInt(held.size())), random.nextInt(4));
                    }
                  }
                  for (CallLedger left : held) {
                    end(left, random.nextInt(4));
                  }
                  return refused;
                }));
      }
      for (int i = 0; i < 20_000; i++) {
        int n = 1 + i % largest;
        RateLimitRule.Builder b = most(n);
        if (i % 3 == 1) {
          b.adaptive(new RateLimitRule.Adaptive(1, Math.max(1, n / 2), 1.5));
        }
        current[0] = swap(current[0], 0, b.build());
        visible.incrementAndGet();
      }
      done.set(true);
      for (Future<Integer> caller : callers) {
        caller.get();
      }
    } finally {
      done.set(true);
      pool.shutdownNow();
    }
    assertThat(highest.get()).isBetween(1, largest);
    current[0] = swap(current[0], 0, most(largest).build());
    assertThat(inFlight(current[0])).isZero();
    assertThat(admittedOf(100, current[0], 0)).isEqualTo(largest);
  }

  private static void end(CallLedger ledger, int how) {
    switch (how) {
      case 0 -> ledger.endHttp(200, 1);
      case 1 -> ledger.endFailure(Failure.EXCEPTION, null, 1);
      case 2 -> ledger.abandon(1);
      default -> {
        ledger.endGrpc(0, null, 1);
        ledger.abandon(2);
      }
    }
  }
}
