package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import org.junit.jupiter.api.Test;

/** Instances that vanished all at once are used where there is nobody else. */
class LastResortTest {
  private final Service service = new Service();

  private Instance vanish(int i) {
    Instance ghost = service.instances.get(i).asLastResort();
    service.instances.set(i, ghost);
    return ghost;
  }

  private Instance chosen() {
    CallLedger t = service.call(Request.of());
    return t.refusal() == null ? t.instance() : null;
  }

  @Test
  void aRegisteredInstanceIsPreferred() {
    service.with(3, "v1");
    vanish(0);
    vanish(1);
    service.build();
    for (int i = 0; i < 50; i++) {
      assertThat(chosen()).isSameAs(service.instances.get(2));
    }
  }

  @Test
  void anArmWithoutRegisteredInstancesUsesThoseThatVanishedBeforeItFallsBack() {
    service.with(2, "v1").with(1, "v2");
    vanish(0);
    vanish(1);
    service.route(null, Fallback.ANY, arm("v1", 1)).build();
    for (int i = 0; i < 20; i++) {
      assertThat(chosen().version()).isEqualTo("v1");
    }
  }

  @Test
  void oneThatDoesNotAnswerOnceIsOutAndWithoutAnyOtherTheRuleFallsBack() {
    service.with(2, "v1").with(1, "v2");
    Instance first = vanish(0);
    Instance second = vanish(1);
    service.route(null, Fallback.ANY, arm("v1", 1)).build();
    first.callStarted();
    first.callEnded(Outcome.http(500), service.now);
    assertThat(first.deaf()).as("an answer is an answer").isFalse();
    first.callStarted();
    first.callEnded(Outcome.failed(Failure.CONNECT), service.now);
    for (int i = 0; i < 20; i++) {
      assertThat(chosen()).isSameAs(second);
    }
    second.eject(service.now + 1000);
    assertThat(chosen().version()).as("no panic among those that vanished").isEqualTo("v2");
  }

  @Test
  void whereNobodyIsRegisteredAndNobodyAnswersCallsGoWhereTheyWereAimed() {
    service.with(1, "v1");
    Instance only = vanish(0);
    service.route(null, Fallback.NONE, arm("v1", 1)).build();
    assertThat(chosen()).isSameAs(only);
    only.callStarted();
    only.callEnded(Outcome.failed(Failure.CONNECT), service.now);
    CallLedger t = service.call(Request.of());
    assertThat(t.refusal()).isNull();
    assertThat(t.instance()).isNull();
  }

  @Test
  void oneThatIsBackIsAnOrdinaryOneWithItsCallsUnderWay() {
    service.with(1, "v1");
    Instance before = service.instances.get(0);
    service.build();
    before.callStarted();
    Instance ghost = vanish(0);
    service.build();
    assertThat(ghost.inFlight()).isOne();
    ghost.callEnded(Outcome.failed(Failure.CONNECT), service.now);
    service.instances.clear();
    Instance back = service.instance("v1", null, null, 100);
    service.build();
    assertThat(chosen()).isSameAs(back);
    assertThat(back.inFlight()).isZero();
  }
}
