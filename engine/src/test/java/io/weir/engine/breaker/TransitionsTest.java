package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each change of state is counted once, with who made it. */
class TransitionsTest {
  private static CircuitBreakerRule.Builder rule() {
    return Rig.rule().countWindow(2).minCalls(2).openNanos(1_000_000_000L).probeSuccesses(1);
  }

  @Test
  void whatTheInstanceSawItself() {
    Rig rig = new Rig(rule().build());
    rig.call().endHttp(500, rig.now);
    rig.call().endHttp(500, rig.now);
    rig.now += 2 * Rig.SECOND;
    rig.call().endHttp(500, rig.now);
    rig.now += 20 * Rig.SECOND;
    rig.call().endHttp(200, rig.now);
    assertThat(moves(rig))
        .containsExactlyInAnyOrder(
            "closed>open self 1",
            "open>half-open self 2",
            "half-open>open self 1",
            "half-open>closed self 1");
  }

  @Test
  void whatTheFleetAgreedOn() {
    Rig rig = new Rig(rule().fleet(true).build());
    CircuitBreaker b = rig.breaker();
    b.imposeOpen(1, 0, rig.now + Rig.SECOND, true, rig.now);
    b.imposeOpen(1, 0, rig.now + 2 * Rig.SECOND, true, rig.now);
    b.imposeWaiting(1, 0, rig.now);
    b.imposeClosed(2, rig.now);
    assertThat(moves(rig))
        .containsExactlyInAnyOrder(
            "closed>open fleet 1", "open>half-open fleet 1", "half-open>closed fleet 1");
  }

  @Test
  void whatAnOperatorForced() {
    Rig rig = new Rig(rule().build());
    rig.rules(rule().force(CircuitBreakerRule.Force.OPEN).build());
    rig.rules(rule().build());
    rig.breaker().force(CircuitBreakerRule.Force.CLOSED);
    rig.breaker().force(CircuitBreakerRule.Force.OPEN);
    rig.breaker().force(CircuitBreakerRule.Force.NONE);
    assertThat(moves(rig))
        .containsExactlyInAnyOrder("closed>open operator 2", "open>closed operator 2");
  }

  private static List<String> moves(Rig rig) {
    List<String> all = new ArrayList<>();
    rig.breaker().moves().read((from, to, by, n) -> all.add(from + ">" + to + " " + by + " " + n));
    return all;
  }
}
