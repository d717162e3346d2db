package io.weir.control.fleet;

import io.weir.control.ControlOptions;
import io.weir.control.ControlPlane;
import io.weir.control.etcd.EtcdOptions;
import io.weir.control.loop.Log;
import io.weir.control.store.SharedStore;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** One instance of a fleet against a real etcd: engine, control plane and fleet as in the agent. */
final class Member implements AutoCloseable {
  private static final long LIMIT_NANOS = 60_000_000_000L;
  private static final AttributeSource<String> PATH =
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

  final Engine engine = new Engine(EngineOptions.of("shop", Ticker.SYSTEM));
  final FleetCoordinator fleet;
  final AtomicLong letIn = new AtomicLong();
  private final ControlPlane plane;

  Member(String name, String endpoint) {
    plane =
        ControlPlane.start(
            ControlOptions.builder()
                .service("shop")
                .instance(name)
                .etcd(EtcdOptions.builder().endpoints(endpoint).build())
                .build(),
            engine::apply,
            Log.NONE);
    fleet = new FleetCoordinator(plane.shared(), plane.loop(), engine, name, "", Log.NONE);
    plane.listen(fleet);
    await("the rule is in force", () -> engine.plan("order") != null);
    await("etcd has been seen", () -> breaker().epoch() >= 0);
  }

  SharedStore store() {
    return plane.shared();
  }

  CircuitBreaker breaker() {
    return engine.plan("order").breakers().all().get(0);
  }

  String state() {
    return breaker().state();
  }

  /** Makes a call that ends with the status at once; false: refused. */
  boolean call(int status) {
    CallLedger t = new CallLedger();
    ServicePlan plan = engine.plan("order");
    if (!engine.outbound(plan, PATH, "/", t)) {
      return false;
    }
    letIn.incrementAndGet();
    t.endHttp(status, engine.now());
    return true;
  }

  /** Fails calls until this instance refuses. */
  void trip() {
    await("its window trips", () -> !call(503));
  }

  /** Transactions of this instance that etcd applied. */
  long applied() {
    CompletableFuture<Long> n = new CompletableFuture<>();
    plane.loop().execute(() -> n.complete(fleet.applied()));
    return n.join();
  }

  /** Waits for something that takes time of its own, looking every so often. */
  static void await(String what, BooleanSupplier is) {
    long start = System.nanoTime();
    while (!is.getAsBoolean()) {
      if (System.nanoTime() - start > LIMIT_NANOS) {
        throw new AssertionError("not within a minute: " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Leaves as a killed JVM would, but for the lease that is revoked. */
  @Override
  public void close() {
    plane.close();
  }
}
