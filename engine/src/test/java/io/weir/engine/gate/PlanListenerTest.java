package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PlanListenerTest {
  private static final long SECOND = 1_000_000_000L;

  private long now = 1;
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> now));
  private final List<String> told = new ArrayList<>();

  /** Finds in the engine what it is told of. */
  private final PlanListener listener =
      new PlanListener() {
        @Override
        public void rulesApplied() {
          told.add("rules " + engine.snapshot().plans().size());
        }

        @Override
        public void planOpened(ServicePlan plan) {
          assertThat(engine.snapshot().planOf(plan.service())).isSameAs(plan);
          told.add("opened " + plan.service());
        }

        @Override
        public void planClosed(ServicePlan plan) {
          assertThat(engine.snapshot().planOf(plan.service())).isNull();
          told.add("closed " + plan.service());
        }
      };

  private static RuleBook all() {
    return new RuleBook.Builder()
        .add(CircuitBreakerRule.builder().id("all").service("*").fingerprint("all").build())
        .build();
  }

  @Test
  void aListenerIsToldOnceThatAServiceWithDefaultsIsCalled() {
    engine.addPlanListener(listener);
    engine.apply(all());
    assertThat(told).containsExactly("rules 2");
    told.clear();
    engine.plan("stock");
    engine.plan("stock");
    engine.plan("pay");
    assertThat(told).containsExactly("opened stock", "opened pay");
    engine.apply(all());
    assertThat(told).as("carried over").endsWith("opened pay", "rules 4");
  }

  @Test
  void aPlanThatMakesRoomIsToldToo() {
    engine.apply(all());
    engine.addPlanListener(listener);
    for (int i = 0; i < RulesInForce.MAX_DEFAULTED; i++) {
      engine.plan("h" + i + ".internal");
    }
    assertThat(told).hasSize(RulesInForce.MAX_DEFAULTED);
    told.clear();
    now += 2 * SECOND;
    engine.plan("marks-all.internal");
    now += 2 * SECOND;
    engine.plan("late.internal");
    assertThat(told)
        .contains("closed h0.internal", "closed h1999.internal", "opened late.internal");
    assertThat(told).hasSize(RulesInForce.MAX_DEFAULTED + 1);
  }

  @Test
  void nobodyIsToldOfServicesWithoutARuleOrOfThoseThatAreOnlyMeasured() {
    engine.addPlanListener(listener);
    engine.plan("stock");
    engine.measuring().start();
    assertThat(engine.plan("stock")).isNotNull();
    assertThat(told).isEmpty();
  }

  @Test
  void whoIsRemovedIsToldNothing() {
    engine.addPlanListener(listener);
    engine.removePlanListener(listener);
    engine.removePlanListener(listener);
    engine.apply(all());
    engine.plan("stock");
    assertThat(told).isEmpty();
  }

  @Test
  void ofManyFirstCallsAtOnceOneIsTold() throws Exception {
    AtomicInteger opened = new AtomicInteger();
    engine.addPlanListener(
        new PlanListener() {
          @Override
          public void rulesApplied() {}

          @Override
          public void planOpened(ServicePlan plan) {
            opened.incrementAndGet();
          }

          @Override
          public void planClosed(ServicePlan plan) {}
        });
    engine.apply(all());
    CountDownLatch go = new CountDownLatch(1);
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread t =
          new Thread(
              () -> {
                try {
                  go.await();
                } catch (InterruptedException e) {
                  return;
                }
                for (int s = 0; s < 500; s++) {
                  engine.plan("s" + s);
                }
              });
      t.start();
      callers.add(t);
    }
    go.countDown();
    for (Thread t : callers) {
      t.join();
    }
    assertThat(opened).hasValue(500);
  }
}
