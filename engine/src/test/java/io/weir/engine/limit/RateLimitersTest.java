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
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class RateLimitersTest {
  private static final long S = 1_000_000_000L;

  @Test
  void noRuleForTheSideIsNoLimits() {
    RateLimitRule server = rule(1, 1).build();
    assertThat(
            RateLimiters.build(
                null, Collections.singletonList(server), RateLimitRule.Side.CLIENT, 0))
        .isNull();
    assertThat(limits(0, rule(1, 1).enabled(false).build())).isNull();
  }

  @Test
  void admitsTheBurstAndThenTheRate() {
    RateLimiters l = limits(0, rule(10, 5).build());
    assertThat(admittedOf(20, l, 0)).isEqualTo(5);
    assertThat(admittedOf(20, l, S / 10)).isEqualTo(1);
    assertThat(admittedOf(20, l, S)).isEqualTo(5);
  }

  @Test
  void aRefusedCallIsToldWhenToRetryAndThenAdmitted() {
    RateLimiters l = limits(0, rule(10, 1).build());
    call(l, 0);
    CallLedger refused = call(l, S / 100);
    assertThat(refused.refusal().ruleId()).isEqualTo("default");
    // time is told in whole units, 1/1024 of a token
    assertThat(refused.retryAfterNanos()).isBetween(S / 100 * 9, S / 100 * 9 + S / 10 / 1024);
    assertThat(admitted(l, S / 100 + refused.retryAfterNanos() - S / 10 / 1024 - 3)).isFalse();
    assertThat(admitted(l, S / 100 + refused.retryAfterNanos())).isTrue();
  }

  @Test
  void allRulesMustAdmitAndARefusalDrainsNoOther() {
    RateLimiters l =
        limits(0, rule(1, 10).id("all").build(), rule(1, 3).id("user").by(by("header:u")).build());
    assertThat(admittedOf(100, l, 0, "header:u", "a")).isEqualTo(3);
    // 97 calls refused by the keyed rule took nothing from the global one
    assertThat(admittedOf(100, l, 0, "header:u", "b")).isEqualTo(3);
    assertThat(admittedOf(100, l, 0, "header:u", "c")).isEqualTo(3);
    assertThat(admittedOf(100, l, 0, "header:u", "d")).isEqualTo(1);
    // 99 calls of d refused by the global rule took nothing from d's bucket
    assertThat(admittedOf(100, l, 100 * S, "header:u", "e")).isEqualTo(3);
    assertThat(call(l, 0, "header:u", "a").refusal().ruleId()).isEqualTo("user");
  }

  @Test
  void aRefusalNamesTheRuleThatRefused() {
    RateLimiters l =
        limits(0, rule(1, 2).id("all").build(), rule(1, 1).id("user").by(by("header:u")).build());
    assertThat(admitted(l, 0, "header:u", "a")).isTrue();
    assertThat(call(l, 0, "header:u", "a").refusal().policy()).isEqualTo("\"user\";q=1;w=1");
    assertThat(admitted(l, 0, "header:u", "b")).isTrue();
    assertThat(call(l, 0, "header:u", "c").refusal().policy()).isEqualTo("\"all\";q=2;w=2");
  }

  @Test
  void costIsTakenAndGivenBack() {
    RateLimiters l = limits(0, rule(1, 10).cost(4).build());
    CallLedger first = call(l, 0);
    assertThat(admitted(l, 0)).isTrue();
    assertThat(admitted(l, 0)).isFalse();
    first.giveBackTokens(0);
    assertThat(admitted(l, 0)).isTrue();
    assertThat(admitted(l, 0)).isFalse();
  }

  @Test
  void zeroDeniesAllAndNamesNoTimeToRetry() {
    RateLimiters l = limits(0, rule(0, 5).build());
    CallLedger t = call(l, 100 * S);
    assertThat(t.refusal()).isNotNull();
    List<String> names = new ArrayList<>();
    t.refusal().headers(t, (n, v) -> names.add(n + ": " + v));
    assertThat(names)
        .containsExactly(
            "X-Weir-Rejected: default",
            "RateLimit-Policy: \"default\";q=0",
            "RateLimit: \"default\";r=0");
  }

  @Test
  void aCallThatCostsMoreThanTheBucketEverHoldsIsRefusedAtOnce() {
    RateLimiters l = limits(0, rule(5, 5).cost(5000).build());
    assertThat(call(l, 1000 * S).retryAfterNanos()).isZero();
    assertThat(admitted(l, 10_000 * S)).isFalse();
  }

  @Test
  void shadowDecidesAndCountsAndRefusesNobody() {
    RateLimiters l = limits(0, rule(1, 2).shadow(true).maxWaitNanos(S).build());
    for (int i = 0; i < 10; i++) {
      CallLedger t = call(l, 0);
      assertThat(t.refusal()).isNull();
      assertThat(t.waitNanos()).isZero();
    }
    l.read(
        (rule, hits, exceeded, keys, overflowed) -> {
          assertThat(hits).isEqualTo(3);
          assertThat(exceeded).isEqualTo(7);
        });
  }

  @Test
  void onlyMatchingCallsCount() {
    RateLimiters l = limits(0, rule(1, 1).match(new Calls.Method("POST")).build());
    assertThat(admittedOf(10, l, 0, "method", "GET")).isEqualTo(10);
    assertThat(admittedOf(10, l, 0, "method", "POST")).isEqualTo(1);
  }

  @Test
  void everyCombinationOfACompositeKeyHasItsBucket() {
    RateLimiters l = limits(0, rule(1, 1).by(by("header:a", "query:b")).build());
    assertThat(admittedOf(5, l, 0, "header:a", "x", "query:b", "yz")).isEqualTo(1);
    assertThat(admittedOf(5, l, 0, "header:a", "xy", "query:b", "z")).isEqualTo(1);
    assertThat(admittedOf(5, l, 0, "header:a", "yz", "query:b", "x")).isEqualTo(1);
    assertThat(admittedOf(5, l, 0, "header:a", "", "query:b", "xyz")).isEqualTo(1);
    assertThat(admittedOf(5, l, 0, "header:a", "xyz", "query:b", "")).isEqualTo(1);
    assertThat(admittedOf(5, l, 0, "header:a", "xy", "query:b", "z")).isZero();
  }

  @Test
  void aCallWithoutTheKeySharesIsSkippedOrRejectedAsTheRuleSays() {
    RateLimitRule.Builder r = rule(1, 2).by(by("header:a", "header:b"));
    RateLimiters shared = limits(0, r.onMissing(RateLimitRule.OnMissing.SHARED).build());
    assertThat(admittedOf(5, shared, 0, "header:a", "1") + admittedOf(5, shared, 0)).isEqualTo(2);
    assertThat(admittedOf(5, shared, 0, "header:a", "1", "header:b", "1")).isEqualTo(2);
    RateLimiters skip = limits(0, r.onMissing(RateLimitRule.OnMissing.SKIP).build());
    assertThat(admittedOf(5, skip, 0, "header:b", "1")).isEqualTo(5);
    RateLimiters reject = limits(0, r.onMissing(RateLimitRule.OnMissing.REJECT).build());
    assertThat(admittedOf(5, reject, 0, "header:b", "1")).isZero();
    assertThat(admittedOf(5, reject, 0, "header:a", "1", "header:b", "1")).isEqualTo(2);
  }

  @Test
  void pacedCallsWaitInOrderAndTooLongAWaitIsRefusedAtOnce() {
    RateLimiters l = limits(0, rule(10, 1).maxWaitNanos(S / 4).build());
    assertThat(call(l, 0).waitNanos()).isZero();
    assertThat(call(l, 0).waitNanos()).isBetween(S / 10, S / 10 + 2);
    CallLedger second = call(l, 0);
    assertThat(second.waitNanos()).isBetween(S / 5, S / 5 + 2);
    CallLedger refused = call(l, 0);
    assertThat(refused.refusal()).isNotNull();
    assertThat(refused.retryAfterNanos()).isBetween(S / 20, S / 20 + 2);
    second.abandon(0);
    assertThat(second.waitNanos()).isZero();
    assertThat(call(l, 0).waitNanos()).isBetween(S / 5, S / 5 + 2);
  }

  @Test
  void anEditCarriesTokensByRuleId() {
    RateLimiters one = limits(0, rule(1, 10).build());
    assertThat(admittedOf(7, one, 0)).isEqualTo(7);
    RateLimiters two = swap(one, 0, rule(1000, 100).build());
    assertThat(admittedOf(200, two, 0)).isEqualTo(3);
    // who still holds the old rules takes from the same bucket
    assertThat(admittedOf(200, one, S / 100)).isEqualTo(10);
    assertThat(admittedOf(200, two, S / 100)).isZero();
    RateLimiters lower = swap(two, S, rule(1, 2).build());
    assertThat(admittedOf(200, lower, S)).isEqualTo(2);
    RateLimiters other = swap(lower, S, rule(1, 2).id("other").build());
    assertThat(admittedOf(200, other, S)).isEqualTo(2);
  }

  @Test
  void anEditKeepsDebt() {
    RateLimiters one = limits(0, rule(10, 1).maxWaitNanos(S).build());
    for (int i = 0; i < 6; i++) {
      assertThat(admitted(one, 0)).isTrue();
    }
    // five calls are reserved ahead: at 5/s the next token is six fifths of a second away
    RateLimiters two = swap(one, 0, rule(5, 1).build());
    assertThat(admitted(two, S / 5 * 6 - 1000)).isFalse();
    assertThat(admitted(two, S / 5 * 6)).isTrue();
  }

  @Test
  void anEditCarriesEveryKey() {
    RateLimitRule.Builder keyed = rule(1, 10).by(by("header:u"));
    RateLimiters one = limits(0, keyed.build());
    assertThat(admittedOf(4, one, 0, "header:u", "a")).isEqualTo(4);
    assertThat(admittedOf(9, one, 0, "header:u", "b")).isEqualTo(9);
    assertThat(admittedOf(8, one, 0)).isEqualTo(8);
    RateLimiters two = swap(one, 0, keyed.qps(2).burst(20).build());
    RateLimiters three = swap(two, 0, keyed.qps(3).build());
    assertThat(admittedOf(50, three, 0, "header:u", "a")).isEqualTo(6);
    assertThat(admittedOf(50, three, 0, "header:u", "b")).isEqualTo(1);
    assertThat(admittedOf(50, three, 0)).isEqualTo(2);
    assertThat(admittedOf(50, one, 0, "header:u", "a")).isZero();
    assertThat(admittedOf(50, three, 0, "header:u", "new")).isEqualTo(20);
  }

  @Test
  void anUnchangedRuleIsNotTouched() {
    RateLimitRule.Builder r = rule(1, 10).fingerprint("same");
    RateLimiters one = limits(0, r.build());
    assertThat(admittedOf(4, one, 0)).isEqualTo(4);
    RateLimiters two = swap(one, S / 2, r.build());
    // the half token minted since counts on as if nothing had happened
    assertThat(admittedOf(50, two, S)).isEqualTo(7);
  }

  @Test
  void tokensTakenBeforeAnEditGoBackToTheBucketAfterIt() {
    RateLimiters one = limits(0, rule(1, 2).build());
    CallLedger t = call(one, 0);
    assertThat(admitted(one, 0)).isTrue();
    RateLimiters two = swap(one, 0, rule(1, 5).build());
    assertThat(admitted(two, 0)).isFalse();
    t.abandon(0);
    assertThat(admittedOf(5, two, 0)).isEqualTo(1);
  }

  @Test
  @Tag("no-mutation")
  void aCallMayOutliveAnyNumberOfEdits() {
    RateLimiters first = limits(0, rule(1, 2).build());
    CallLedger t = call(first, 0);
    RateLimiters last = first;
    for (int i = 0; i < 50_000; i++) {
      last = swap(last, 0, rule(1, 2).build());
    }
    assertThat(admitted(first, 0)).isTrue();
    assertThat(admitted(last, 0)).isFalse();
    t.abandon(0);
    assertThat(admittedOf(5, last, 0)).isEqualTo(1);
  }

  @Test
  void countsGoOnAcrossEdits() {
    RateLimiters one = limits(0, rule(1, 2).build());
    admittedOf(5, one, 0);
    RateLimiters two = swap(one, 0, rule(1, 3).build());
    admittedOf(5, two, S);
    two.read(
        (rule, hits, exceeded, keys, overflowed) -> {
          assertThat(rule.burst).isEqualTo(3);
          assertThat(hits).isEqualTo(3);
          assertThat(exceeded).isEqualTo(7);
        });
  }
}
