package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import org.junit.jupiter.api.Test;

class RuleEditTest {
  @Test
  void anEditKeepsTheWindow() {
    Rig r = new Rig(Rig.rule().build());
    r.bad(11);
    r.rules(Rig.rule().failureRatio(0.55).build());
    r.good(9);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void anEditOfTheLengthKeepsTheNewestOutcomes() {
    Rig r = new Rig(Rig.rule().build());
    r.good(10);
    r.bad(9);
    r.rules(Rig.rule().countWindow(10).minCalls(10).failureRatio(1).build());
    r.bad(1);
    assertThat(r.state()).isEqualTo("open");

    Rig t = new Rig(Rig.rule().timeWindow(5).minCalls(10).failureRatio(1).build());
    t.bad(9);
    t.pass(4);
    t.rules(Rig.rule().timeWindow(60).minCalls(10).failureRatio(1).build());
    t.pass(50);
    t.bad(1);
    assertThat(t.state()).isEqualTo("open");
  }

  @Test
  void anEditDoesNotCloseAnOpenBreaker() {
    Rig r = new Rig(Rig.rule().build());
    r.open();
    r.rules(Rig.rule().countWindow(50).build());
    r.refused();
  }

  @Test
  void anUnchangedRuleIsNotTouched() {
    Rig r = new Rig(Rig.rule().fingerprint("f").build());
    CircuitBreakers before = r.breakers;
    CallLedger t = r.call();
    r.rules(Rig.rule().fingerprint("f").build());
    CallLedger u = r.call();
    assertThat(u.breaker()).isSameAs(t.breaker());
    assertThat(r.breakers.all()).isEqualTo(before.all());
  }

  @Test
  void aCallIsJudgedByTheRuleItWasLetInUnder() {
    Rig r = new Rig(Rig.rule().countWindow(1).minCalls(1).failureRatio(1).build());
    CallLedger t = r.call();
    r.rules(Rig.rule().countWindow(1).minCalls(100).failureRatio(1).build());
    t.endHttp(500, r.now);
    assertThat(r.state()).isEqualTo("open");
  }

  @Test
  void aRemovedRuleForgetsAndANewOneStartsClosed() {
    Rig r = new Rig(Rig.rule().id("a").build());
    r.open();
    r.rules(Rig.rule().id("b").build());
    assertThat(r.state()).isEqualTo("closed");
  }
}
