package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import io.weir.control.testing.FakeLoop;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServiceAddresses;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RuleBook;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What throws half-way is done again. */
class FleetChainTest {
  private static final long S = 1_000_000_000L;

  private final FakeLoop loop = new FakeLoop();
  private final Engine engine = new Engine(EngineOptions.of("shop", loop::now));
  private int leases;
  private int failures;

  @Test
  void aBreakerWhoseMachineCouldNotBeMadeGetsItASecondLater() {
    loop.survives();
    FleetCoordinator fleet = new FleetCoordinator(new Failing(), loop, engine, "me", "", Log.NONE);
    loop.run();
    failures = 3;
    CircuitBreakerRule rule =
        CircuitBreakerRule.builder()
            .service("stock")
            .countWindow(10)
            .fleet(true)
            .fingerprint("x")
            .build();
    engine.apply(new RuleBook.Builder().add(rule).build());
    engine.snapshot().planOf("stock");
    loop.execute(() -> fleet.onBatch(new Batch(1, List.of(), false)));
    loop.advance(10 * S);
    assertThat(loop.thrown()).hasSize(3);
    assertThat(leases).as("made in the end").isEqualTo(1);
  }

  @Test
  void aBreakerThatComesWithTheFirstCallToItsServiceIsFollowedAtOnce() {
    Engine caller =
        new Engine(
            EngineOptions.of("shop", loop::now)
                .addresses(ServiceAddresses.of(Map.of("pay", "pay.example.com:443"))));
    FleetCoordinator fleet = new FleetCoordinator(new Failing(), loop, caller, "me", "", Log.NONE);
    caller.apply(
        new RuleBook.Builder()
            .add(
                CircuitBreakerRule.builder()
                    .id("all")
                    .service("*")
                    .fleet(true)
                    .fingerprint("x")
                    .build())
            .build());
    loop.run();
    int before = fleet.followed();
    caller.plan("pay");
    loop.run(); // no time passes
    assertThat(fleet.followed()).isEqualTo(before + 1);
    caller.plan("made-up.internal");
    loop.run();
    assertThat(fleet.followed()).as("a host that anybody may name").isEqualTo(before + 1);
    caller.apply(RuleBook.EMPTY);
    loop.run();
    assertThat(fleet.followed()).isZero();
  }

  @Test
  void withoutSharedBreakersNothingRunsAndAfterTheEndNeither() {
    FleetCoordinator fleet = new FleetCoordinator(new Failing(), loop, engine, "me", "", Log.NONE);
    loop.run();
    assertThat(loop.pending()).as("no timer").isZero();
    fleet.close();
    loop.run();
    engine.apply(
        new RuleBook.Builder()
            .add(CircuitBreakerRule.builder().service("stock").fleet(true).fingerprint("x").build())
            .build());
    loop.advance(10 * S);
    assertThat(leases).isZero();
    assertThat(fleet.followed()).isZero();
  }

  /** Has no memory for leases for a while. */
  private final class Failing implements SharedStore {
    @Override
    public LeaseSession lease(int ttlSeconds, LeaseSession.Listener listener) {
      if (failures-- > 0) {
        throw new OutOfMemoryError("planted");
      }
      leases++;
      return new LeaseSession() {
        @Override
        public long id() {
          return 0;
        }

        @Override
        public void hold(String key, byte[] value) {}

        @Override
        public void release(String key, byte[] finalValue) {}

        @Override
        public boolean isWritten(String key) {
          return true;
        }

        @Override
        public List<String> held() {
          return List.of();
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void start(Store.Listener listener) {}

    @Override
    public void txn(Txn txn, Txn.Done done) {}

    @Override
    public void grant(int ttlSeconds, Granted done) {}

    @Override
    public void close() {}
  }
}
