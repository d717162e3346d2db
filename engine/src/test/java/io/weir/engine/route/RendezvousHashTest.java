package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RouteRule.Balance;
import io.weir.engine.rules.RouteRule.Fallback;
import io.weir.engine.testing.Request;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hashing onto instances: even, sticky, and of the fewest possible moves. */
class RendezvousHashTest {
  private static final int USERS = 20_000;

  private final Service service = new Service();

  private Map<String, Instance> owners() {
    Map<String, Instance> owners = new HashMap<>();
    for (int u = 0; u < USERS; u++) {
      owners.put("u" + u, service.call(Request.of("header:X-User", "u" + u)).instance());
    }
    return owners;
  }

  private void rendezvous() {
    service.rule.balance(Balance.RENDEZVOUS);
    service.route(null, "header:X-User", Fallback.NONE, arm("v1", 100), arm("v2", 0)).build();
  }

  @ParameterizedTest(name = "{0} instances")
  @ValueSource(ints = {2, 20, RendezvousHash.FEW, RendezvousHash.FEW + 1, 100, 1000})
  void whenAnInstanceLeavesOnlyItsOwnUsersMoveAndWhenItReturnsExactlyTheyComeBack(int n) {
    service.with(n, "v1").with(5, "v2");
    rendezvous();
    Map<String, Instance> before = owners();
    Instance gone = service.instances.remove(1);
    service.build();
    Map<Instance, Integer> heirs = new HashMap<>();
    owners()
        .forEach(
            (user, is) -> {
              if (before.get(user) == gone) {
                heirs.merge(is, 1, Integer::sum);
              } else {
                assertThat(is).isSameAs(before.get(user));
              }
            });
    assertThat(heirs).doesNotContainKey(gone);
    // its users are spread over the others, not handed to a neighbour
    int moved = heirs.values().stream().mapToInt(i -> i).sum();
    assertThat(heirs).hasSizeGreaterThan(Math.min(n - 1, moved) * 6 / 10);
    service.instances.add(gone);
    service.build();
    assertThat(owners()).isEqualTo(before);
  }

  @Test
  void aServiceThatGrowsBeyondWhatIsAskedOneByOneMovesOnlyToTheNewInstance() {
    service.with(RendezvousHash.FEW, "v1").with(1, "v2");
    rendezvous();
    Map<String, Instance> before = owners();
    Instance fresh = service.instance("v1", null, null, 100);
    service.build();
    owners().forEach((user, is) -> assertThat(is).isIn(before.get(user), fresh));
  }

  @ParameterizedTest(name = "{0} instances")
  @ValueSource(ints = {3, 100, 1000})
  void everyInstanceOwnsItsShareOfTheSlots(int n) {
    int[] slots =
        slots(new RendezvousHash(service.with(n, "v1").instances.toArray(new Instance[0])));
    for (int s : slots) {
      Service.assertShare(s, RendezvousHash.SLOTS, 1.0 / n);
    }
  }

  @Test
  void weightsAreShares() {
    for (int i = 0; i < 100; i++) {
      service.instance("v1", null, null, i < 50 ? 100 : 300);
    }
    int[] slots = slots(new RendezvousHash(service.instances.toArray(new Instance[0])));
    for (int i = 0; i < slots.length; i++) {
      Service.assertShare(slots[i], RendezvousHash.SLOTS, i < 50 ? 1 / 200.0 : 3 / 200.0);
    }
  }

  /** Each slot asked twice: first worked out, then remembered. */
  private static int[] slots(RendezvousHash rendezvous) {
    int[] slots = new int[1001];
    for (int s = 0; s < RendezvousHash.SLOTS; s++) {
      long hash = (long) s << 47;
      int owner = rendezvous.pick(hash);
      assertThat(rendezvous.pick(hash | 4711)).isEqualTo(owner);
      slots[owner]++;
    }
    int n = slots.length;
    while (slots[n - 1] == 0) {
      n--;
    }
    return Arrays.copyOf(slots, n);
  }

  /** Who is on the canary must not decide which of its instances one gets. */
  @Test
  void theShareOfAnArmIsSpreadOverAllOfItsInstances() {
    service.with(10, "v1").with(10, "v2");
    service.rule.balance(Balance.RENDEZVOUS);
    service.route(null, "header:X-User", Fallback.NONE, arm("v1", 95), arm("v2", 5)).build();
    Map<Instance, Integer> canary = new HashMap<>();
    for (int u = 0; u < 100_000; u++) {
      Instance i = service.call(Request.of("header:X-User", "u" + u)).instance();
      if (i.version().equals("v2")) {
        canary.merge(i, 1, Integer::sum);
      }
    }
    int all = canary.values().stream().mapToInt(i -> i).sum();
    Service.assertShare(all, 100_000, 0.05);
    assertThat(canary).hasSize(10);
    canary.values().forEach(n -> Service.assertShare(n, all, 0.1));
  }
}
