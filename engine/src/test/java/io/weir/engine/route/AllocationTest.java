package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.engine.call.Attribute;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RouteRule.Balance;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Fixed;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AllocationTest {
  private static final int CALLS = 20_000;

  @ParameterizedTest
  @EnumSource(Balance.class)
  void aPickAllocatesNothing(Balance balance) {
    Service s = new Service().with(50, "v1").with(50, "v2");
    for (int i = 0; i < 20; i++) {
      s.instance("v1", "cn-east-2", "cn-east-2a", 100 + i);
    }
    s.here = new Locality("cn-east-2", "cn-east-2a");
    s.rule.region(true, 0.7).balance(balance).hashOn(Attribute.parse("header:X-User-Id"));
    for (int i = 0; i < 18; i++) {
      s.route("header:X-Env == 'e" + i + "' && path startsWith '/a'", Fallback.NONE, arm("v1", 1));
    }
    s.route("header:X-Env matches 'e+x'", Fallback.NONE, arm("v1", 1));
    s.route(
        "header:X-Env in ['prod', 'test'] && percent(header:X-User-Id, 100)",
        "header:X-User-Id",
        Fallback.DEFAULT,
        arm("v1", 95),
        arm("v2", 5));
    s.build();
    Fixed call = new Fixed("prod", "user-4711", "/api");
    CallLedger t = new CallLedger();
    // the machine that RE2 keeps per pattern is made on first use
    pick(s, call, t, CALLS);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    long before = threads.getThreadAllocatedBytes(id);
    pick(s, call, t, CALLS);
    long bytes = threads.getThreadAllocatedBytes(id) - before;
    // RE2/J makes its own matcher input per look: that row is the only one that may cost
    long perCall = bytes / CALLS;
    s.routes.remove(18);
    s.build();
    pick(s, call, t, CALLS);
    before = threads.getThreadAllocatedBytes(id);
    pick(s, call, t, CALLS);
    bytes = threads.getThreadAllocatedBytes(id) - before;
    assertThat(bytes)
        .as("%d bytes in %d picks; %d with RE2", bytes, CALLS, perCall)
        .isLessThan(CALLS);
  }

  private static void pick(Service s, Fixed call, CallLedger t, int n) {
    for (int i = 0; i < n; i++) {
      t.begin(0, null);
      s.router.pick(Fixed.SOURCE, call, 0, t);
    }
  }
}
