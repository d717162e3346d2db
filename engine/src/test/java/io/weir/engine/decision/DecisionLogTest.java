package io.weir.engine.decision;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.decision.DecisionLog.Decision;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Fixed;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class DecisionLogTest {
  private final Engine engine = new Engine(EngineOptions.of("shop", () -> 5));
  private final DecisionLog decisions = new DecisionLog("x", true);
  private final CallLedger ledger = new CallLedger();

  private void rules() {
    engine.listeners().add(decisions);
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().service("shop").id("none").qps(0.001).burst(1).build())
            .instance(instance("10.0.0.1"))
            .build());
  }

  private static Instance instance(String host) {
    return new Instance("payment", host, 80, "v1", "r1", null, Collections.emptyMap(), 100, "http");
  }

  private void refused() {
    engine.inbound(Fixed.SOURCE, new Fixed("prod", "u", "/orders"), ledger);
  }

  private void routed() {
    ServicePlan plan = engine.plan("payment");
    assertThat(engine.outbound(plan, Fixed.SOURCE, new Fixed("prod", "u", "/pay"), ledger))
        .isTrue();
    ledger.endHttp(200, 5);
  }

  @Test
  void aRefusalIsFoundByTheIdItsCallerWasTold() {
    rules();
    engine.inbound(Fixed.SOURCE, new Fixed("prod", "u", "/orders"), ledger); // the burst
    refused();
    assertThat(ledger.refusal()).isNotNull();
    List<String> headers = new ArrayList<>();
    ledger.refusal().headers(ledger, (name, value) -> headers.add(name + ": " + value));
    assertThat(headers).contains("X-Weir-Decision: " + ledger.id());
    Decision d = decisions.find(ledger.id());
    assertThat(d.refusal.ruleId()).isEqualTo("none");
    assertThat(d.inbound).isTrue();
    assertThat(d.service).isEqualTo("shop");
    assertThat(d.path).isEqualTo("/orders");
    assertThat(decisions.find("y-1")).isNull();
    assertThat(decisions.find("x-?")).isNull();
    assertThat(decisions.find("x-zzz")).isNull();
  }

  @Test
  void aChoiceOfInstanceIsRememberedAndAnAdmissionIsNot() {
    rules();
    engine.inbound(Fixed.SOURCE, new Fixed("prod", "u", "/"), ledger);
    routed();
    assertThat(decisions.newest(10)).hasSize(1);
    Decision d = decisions.newest(10).get(0);
    assertThat(d.instance.host()).isEqualTo("10.0.0.1");
    assertThat(d.refusal).isNull();
    assertThat(d.path).as("a library may have to make a string of it").isNull();
  }

  @Test
  void theLastThousandAreKeptNewestFirst() {
    rules();
    for (int i = 0; i < 3 * DecisionLog.SIZE; i++) {
      routed();
    }
    List<Decision> all = decisions.newest(Integer.MAX_VALUE);
    assertThat(all).hasSize(DecisionLog.SIZE);
    assertThat(all.get(0).id).isEqualTo("x-" + Long.toString(3 * DecisionLog.SIZE, 36));
    assertThat(decisions.find("x-1")).as("long gone").isNull();
    assertThat(decisions.dropped()).isZero();
  }

  @Tag("no-mutation")
  @Test
  void decidingAllocatesNothing() {
    rules();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    ServicePlan plan = engine.plan("payment");
    Fixed call = new Fixed("prod", "u", "/");
    long bytes = 0;
    int calls = 20_000;
    for (int round = 0; round < 3; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < calls; i++) {
        engine.outbound(plan, Fixed.SOURCE, call, ledger);
        ledger.endHttp(200, 5);
      }
      bytes = threads.getThreadAllocatedBytes(id) - before;
    }
    assertThat(bytes).as("bytes in %d calls", calls).isLessThan(calls);
  }

  /** Each writer's decisions carry its own name twice; a torn row would mix two. */
  @Tag("no-mutation")
  @Test
  void noReaderSeesHalfOfTwoDecisions() throws InterruptedException {
    Instance[] instances = {instance("a"), instance("b"), instance("c")};
    AtomicBoolean stop = new AtomicBoolean();
    List<Thread> writers = new ArrayList<>();
    for (Instance i : instances) {
      Thread t =
          new Thread(
              () -> {
                CallLedger own = new CallLedger();
                Fixed call = new Fixed("", "", "/");
                while (!stop.get()) {
                  own.begin(0, null);
                  own.routed(i, i.host());
                  decisions.decided(own, i.host(), false, Fixed.SOURCE, call, 0);
                }
              });
      t.start();
      writers.add(t);
    }
    long seen = 0;
    // on a busy machine the writers may begin after all two thousand looks
    for (int i = 0; i < 2000 || seen == 0; i++) {
      for (Decision d : decisions.newest(Integer.MAX_VALUE)) {
        seen++;
        assertThat(d.service).isEqualTo(d.arm).isEqualTo(d.instance.host());
      }
    }
    stop.set(true);
    for (Thread t : writers) {
      t.join();
    }
    assertThat(seen).isPositive();
  }

  private static Fixed path(String path) {
    return new Fixed("", "", path);
  }

  private void refuse(DecisionLog to, long now, Fixed call) {
    ledger.begin(0, null);
    ledger.refuse(Refusal.of(Refusal.Kind.LIMIT, "r", RefusalResponse.DEFAULT, null), 77);
    String id = to.decided(ledger, "s", false, Fixed.SOURCE, call, now);
    if (id != null) {
      ledger.named(id);
    }
  }

  @Test
  void everythingAboutADecisionIsKept() {
    refuse(decisions, 9, path("/p"));
    Decision d = decisions.find("x-1");
    assertThat(d.id).isEqualTo("x-1");
    assertThat(d.at).isEqualTo(9);
    assertThat(d.retryAfterNanos).isEqualTo(77);
    assertThat(d.inbound).isFalse();
    assertThat(d.service).isEqualTo("s");
    assertThat(d.method).isEqualTo("GET");
    assertThat(d.path).isEqualTo("/p");
    assertThat(d.instance).isNull();
    assertThat(d.arm).isNull();
    ledger.begin(0, null);
    ledger.routed(instance("h"), "v1");
    assertThat(decisions.decided(ledger, "t", true, Fixed.SOURCE, path("/"), 10))
        .as("only who was refused is told")
        .isNull();
    d = decisions.find("x-2");
    assertThat(d.arm).isEqualTo("v1");
    assertThat(d.instance.host()).isEqualTo("h");
    assertThat(d.inbound).isTrue();
    assertThat(d.method).isNull();
    assertThat(d.retryAfterNanos).isZero();
    assertThat(decisions.count()).isEqualTo(2);
    assertThat(decisions.find("x-0")).isNull();
    assertThat(decisions.find("x--1")).isNull();
    assertThat(decisions.find("x-3")).isNull();
    assertThat(decisions.find("x-")).isNull();
  }

  @Test
  void callersAreToldNoIdUnlessThatIsOn() {
    refuse(new DecisionLog("x", false), 0, path("/"));
    assertThat(ledger.id()).isNull();
    refuse(decisions, 0, path("/"));
    assertThat(ledger.id()).isEqualTo("x-1");
  }

  @Test
  void aPathThatIsTooLongIsNotKept() {
    refuse(decisions, 0, path("/".repeat(256)));
    refuse(decisions, 0, path("/".repeat(257)));
    assertThat(decisions.find("x-1").path).hasSize(256);
    assertThat(decisions.find("x-2").path).isNull();
    assertThat(decisions.find("x-2").method).isEqualTo("GET");
  }

  @Test
  void asManyAsWantedAreGivenNewestFirst() {
    for (int i = 1; i <= 40; i++) {
      refuse(decisions, i, path("/"));
    }
    assertThat(decisions.newest(3)).extracting(d -> d.at).containsExactly(40L, 39L, 38L);
    assertThat(decisions.newest(3)).extracting(d -> d.id).containsExactly("x-14", "x-13", "x-12");
    assertThat(decisions.newest(0)).isEmpty();
    assertThat(decisions.newest(100)).hasSize(40);
  }

  @Test
  void aDecisionWhoseCallCannotBeReadStandsAllTheSame() {
    ledger.begin(0, null);
    ledger.refuse(Refusal.of(Refusal.Kind.LIMIT, "r", RefusalResponse.DEFAULT, null), 1);
    decisions.decided(ledger, "s", true, Fixed.SOURCE, null, 3);
    assertThat(decisions.find("x-1").path).isNull();
    assertThat(decisions.find("x-1").refusal.ruleId()).isEqualTo("r");
  }

  @Test
  void aDecisionThatFindsItsRowBeingWrittenIsDroppedAndCounted() {
    AttributeSource<int[]> slow =
        new AttributeSource<>() {
          @Override
          public String header(int[] call, String name) {
            return null;
          }

          @Override
          public String path(int[] call) {
            // meanwhile the whole ring goes by
            for (int i = 0; i < DecisionLog.SIZE; i++) {
              CallLedger other = new CallLedger();
              other.begin(0, null);
              decisions.decided(other, "other", false, Fixed.SOURCE, DecisionLogTest.path("/"), i);
            }
            return "/slow";
          }

          @Override
          public String method(int[] call) {
            return "GET";
          }

          @Override
          public String host(int[] call) {
            return "h";
          }
        };
    ledger.begin(0, null);
    ledger.refuse(Refusal.of(Refusal.Kind.LIMIT, "r", RefusalResponse.DEFAULT, null), 1);
    decisions.decided(ledger, "s", true, slow, new int[0], 3);
    assertThat(decisions.dropped()).isEqualTo(1);
    assertThat(decisions.count()).isEqualTo(DecisionLog.SIZE + 1);
    assertThat(decisions.find("x-1").path).isEqualTo("/slow");
    assertThat(decisions.newest(2000))
        .as("its row is not the newest's")
        .hasSize(DecisionLog.SIZE - 1);
  }
}
