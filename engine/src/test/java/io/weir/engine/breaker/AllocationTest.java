package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.engine.ledger.CallLedger;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class AllocationTest {
  private static final int CALLS = 50_000;

  @Test
  void permitsOutcomesAndRefusalsAllocateNothing() {
    Rig count = new Rig(Rig.rule().failureRatio(1).consecutiveFailures(1000).build());
    Rig time = new Rig(Rig.rule().timeWindow(10).failureRatio(1).build());
    Rig open = new Rig(Rig.rule().build());
    open.open();
    for (Rig r : new Rig[] {count, time, open}) {
      CallLedger t = new CallLedger();
      calls(r, t);
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long id = Thread.currentThread().getId();
      long before = threads.getThreadAllocatedBytes(id);
      calls(r, t);
      long bytes = threads.getThreadAllocatedBytes(id) - before;
      assertThat(bytes).as("%d bytes in %d calls of %s", bytes, CALLS, r).isLessThan(CALLS / 10);
    }
  }

  private static void calls(Rig r, CallLedger t) {
    for (int i = 0; i < CALLS; i++) {
      t.begin(r.now, null);
      if (r.breakers.admit(Rig.PATHS, "/", r.now, t)) {
        t.endHttp(i % 3 == 0 ? 500 : 200, r.now);
      }
    }
  }
}
