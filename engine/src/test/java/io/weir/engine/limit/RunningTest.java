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
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rules as they run: what they say of themselves, and a rate that is put into force. */
class RunningTest {
  private static final long S = 1_000_000_000L;

  private static RateLimitRule.Builder tuned(double qps, long burst) {
    return rule(qps, burst).auto(new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 10, 1000));
  }

  @Test
  void aRuleSaysWhatItDoes() {
    RateLimiters l =
        limits(
            0,
            rule(5, 2).id("rated").build(),
            RateLimitRule.builder().id("most").maxConcurrent(7).build());
    RateLimiters.Running rated = l.running().get(0);
    RateLimiters.Running most = l.running().get(1);
    admittedOf(5, l, 0);
    assertThat(rated.rule().id).isEqualTo("rated");
    assertThat(rated.qps()).isEqualTo(5);
    assertThat(rated.admitted()).isEqualTo(2);
    assertThat(rated.exceeded()).isEqualTo(3);
    assertThat(rated.concurrencyLimit()).isZero();
    assertThat(rated.inFlight()).isZero();
    assertThat(most.qps()).isInfinite();
    assertThat(most.concurrencyLimit()).isEqualTo(7);
    assertThat(most.inFlight()).isEqualTo(2);
    assertThat(most.admitted()).isEqualTo(2);
    assertThat(most.exceeded()).isZero();
  }

  @Test
  void keyedRulesAreAskedFirst() {
    RateLimiters l =
        limits(
            0,
            rule(1, 2).id("all").build(),
            rule(1, 1).id("path").by(by("path")).build(),
            rule(1, 1).id("host").by(by("host")).build());
    assertThat(l.running()).extracting(r -> r.rule().id).containsExactly("path", "host", "all");
    admitted(l, 0, "path", "/", "host", "a");
    admitted(l, 0, "path", "/x", "host", "b");
    List<String> read = new ArrayList<>();
    l.read(
        (rule, hits, exceeded, keys, overflowed) ->
            read.add(rule.id + " " + hits + " " + exceeded + " " + keys + " " + overflowed));
    assertThat(read).containsExactly("path 2 0 2 0", "host 2 0 2 0", "all 2 0 0 0");
  }

  @Test
  void onlyARuleThatActsMakesCallsWait() {
    assertThat(limits(0, rule(1, 1).build()).paces()).isFalse();
    assertThat(limits(0, rule(1, 1).maxWaitNanos(1).build()).paces()).isTrue();
    assertThat(limits(0, rule(1, 1).maxWaitNanos(1).shadow(true).build()).paces()).isFalse();
    assertThat(limits(0, rule(1, 1).maxWaitNanos(1).build(), rule(1, 1).id("b").build()).paces())
        .isTrue();
  }

  @Test
  void aRateIsPutIntoForceWithinItsBoundsAndTokensCarryOver() {
    RateLimiters l = limits(0, tuned(100, 50).build());
    RateLimiters.Running r = l.running().get(0);
    assertThat(admittedOf(100, l, 0)).isEqualTo(50);
    r.retune(200, 0);
    assertThat(r.qps()).isEqualTo(200);
    assertThat(admittedOf(100, l, 0)).as("no fresh burst").isZero();
    assertThat(admittedOf(100, l, S / 10)).isEqualTo(20);
    assertThat(admittedOf(1000, l, 10 * S)).as("a burst of as long a time").isEqualTo(100);
    r.retune(5000, 10 * S);
    assertThat(r.qps()).isEqualTo(1000);
    r.retune(1, 10 * S);
    assertThat(r.qps()).isEqualTo(10);
    assertThat(admittedOf(1000, l, 100 * S)).isEqualTo(5);
    assertThat(call(l, 100 * S).refusal().policy()).isEqualTo("\"default\";q=5;w=1");
  }

  @Test
  void theRateThatIsInForceIsNotTouched() {
    RateLimiters l = limits(0, tuned(100, 10).build());
    RateLimiters.Running r = l.running().get(0);
    CallLedger t = call(l, 0);
    r.retune(100, S);
    assertThat(admittedOf(100, l, 0)).isEqualTo(9);
    t.abandon(0);
    assertThat(admittedOf(100, l, 0)).isEqualTo(1);
  }

  @Test
  void aBurstShrinksNoFurtherThanWhatACallCosts() {
    RateLimiters l = limits(0, tuned(1000, 8).cost(4).build());
    l.running().get(0).retune(10, 0);
    assertThat(admittedOf(10, l, 100 * S)).isEqualTo(1);
    RateLimiters one = limits(0, tuned(1000, 8).build());
    one.running().get(0).retune(10, 0);
    assertThat(admittedOf(10, one, 100 * S)).isEqualTo(1);
  }

  @Test
  void everyKeyGetsTheNewRate() {
    RateLimiters l = limits(0, tuned(100, 50).by(by("header:u")).build());
    assertThat(admittedOf(100, l, 0, "header:u", "a")).isEqualTo(50);
    assertThat(admittedOf(10, l, 0)).as("without the key").isEqualTo(10);
    l.running().get(0).retune(1000, 0);
    assertThat(admittedOf(200, l, S / 10, "header:u", "a")).isEqualTo(100);
    assertThat(admittedOf(1000, l, S / 10, "header:u", "new")).isEqualTo(500);
  }

  @Test
  void anEditKeepsATunedRateWithinTheNewBounds() {
    RateLimiters l = limits(0, tuned(100, 50).build());
    l.running().get(0).retune(500, 0);
    RateLimiters same = swap(l, 0, tuned(100, 60).build());
    assertThat(same.running().get(0).qps()).isEqualTo(500);
    RateLimitRule.Auto lower = new RateLimitRule.Auto(RateLimitRule.Metric.P99, 100, 10, 300);
    RateLimiters bounded = swap(same, 0, rule(100, 50).auto(lower).build());
    assertThat(bounded.running().get(0).qps()).isEqualTo(300);
    RateLimiters fixed = swap(bounded, 0, rule(100, 50).build());
    assertThat(fixed.running().get(0).qps()).isEqualTo(100);
    RateLimiters again = swap(fixed, 0, tuned(70, 50).build());
    assertThat(again.running().get(0).qps()).as("starts at its own").isEqualTo(70);
  }

  @Test
  void anotherKeyMeansOtherBuckets() {
    RateLimiters one = limits(0, rule(1, 3).by(by("header:u")).build());
    assertThat(admittedOf(5, one, 0, "header:u", "a", "header:v", "a")).isEqualTo(3);
    RateLimiters two = swap(one, 0, rule(1, 3).by(by("header:v")).build());
    assertThat(admittedOf(5, two, 0, "header:u", "a", "header:v", "a")).isEqualTo(3);
    RateLimiters global = swap(two, 0, rule(1, 3).build());
    assertThat(admittedOf(5, global, 0)).isEqualTo(3);
    RateLimiters keyed = swap(global, 0, rule(1, 3).by(by("header:u")).build());
    assertThat(admittedOf(5, keyed, 0, "header:u", "a")).isEqualTo(3);
  }

  @Test
  void aRuleMayGetAndLoseItsRateAndItsPlaces() {
    RateLimiters one = limits(0, rule(1, 3).build());
    assertThat(admittedOf(5, one, 0)).isEqualTo(3);
    RateLimiters most = swap(one, 0, RateLimitRule.builder().maxConcurrent(2).build());
    assertThat(admittedOf(5, most, 0)).isEqualTo(2);
    RateLimiters both = swap(most, 0, rule(1, 3).maxConcurrent(4).build());
    assertThat(both.running().get(0).inFlight()).isEqualTo(2);
    assertThat(admittedOf(5, both, 0)).isEqualTo(2);
    RateLimiters rated = swap(both, 0, rule(1, 3).build());
    assertThat(rated.running().get(0).concurrencyLimit()).isZero();
  }

  @Test
  void aSkippedCallIsNeitherAHitNorAnExcess() {
    RateLimiters l =
        limits(0, rule(1, 1).by(by("header:u")).onMissing(RateLimitRule.OnMissing.SKIP).build());
    assertThat(admittedOf(5, l, 0)).isEqualTo(5);
    assertThat(l.running().get(0).admitted()).isZero();
    assertThat(l.running().get(0).exceeded()).isZero();
  }

  @Test
  void aRejectedCallIsToldNoTimeToRetry() {
    RateLimiters l =
        limits(0, rule(1, 1).by(by("header:u")).onMissing(RateLimitRule.OnMissing.REJECT).build());
    assertThat(call(l, 0).retryAfterNanos()).isZero();
    assertThat(call(l, 0).refusal()).isNotNull();
  }
}
