package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The fleet protocol against a real etcd. */
class FleetCoordinatorEtcdTest {
  private static final String RULE = "/service/order/circuit-breaker";
  private EtcdServer etcd;
  private final List<Member> members = new ArrayList<>();

  @BeforeEach
  void start() {
    etcd = EtcdServer.start();
  }

  @AfterEach
  void stop() {
    members.forEach(Member::close);
    etcd.close();
  }

  private void rule(String json) {
    etcd.ctl("put", RULE, json);
  }

  private List<Member> fleet(int size) {
    for (int i = 0; i < size; i++) {
      join();
    }
    return members;
  }

  private Member join() {
    Member m = new Member("m" + members.size() + ":80", etcd.endpoint());
    members.add(m);
    return m;
  }

  private void all(String state) {
    for (Member m : members) {
      Member.await("all are " + state, () -> m.state().equals(state));
    }
  }

  /** Traffic at every instance, until all are closed. */
  private void traffic(int status) {
    Member.await(
        "all are closed",
        () -> {
          boolean closed = true;
          for (Member m : members) {
            if (!m.state().equals("closed")) {
              m.call(status);
              closed = false;
            }
          }
          return closed;
        });
  }

  private String get(String key) {
    return etcd.ctl("get", "--print-value-only", "/circuit-breaker/order/" + key).trim();
  }

  @Test
  void oneOpensAndTheOthersRefuseWithoutHavingSeenAFailure() {
    rule("{}");
    fleet(3).get(0).trip();
    all("open");
    assertThat(members.get(1).call(200)).isFalse();
    assertThat(members.get(1).breaker().failedCount()).isZero();
    assertThat(members.get(2).breaker().failedCount()).isZero();

    assertThat(get("state"))
        .startsWith("{\"state\":\"open\",\"failure_count\":20,")
        .contains("\"window_start\":")
        .contains("\"by\":\"m0:80~");
    String lease = etcd.ctl("get", "-w", "json", "/circuit-breaker/order/state");
    assertThat(lease).contains("\"lease\":");
    String ttls =
        etcd.ctl("lease", "list")
            .lines()
            .skip(1)
            .map(l -> etcd.ctl("lease", "timetolive", l))
            .toList()
            .toString();
    assertThat(ttls).contains("granted with TTL(60s)");
  }

  @Test
  void threeGoodProbesOfOneInstanceCloseItForEverybodyInThreeWrites() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 1, \"quorum\": 1}");
    fleet(3).get(0).trip();
    all("open");
    members.forEach(m -> m.letIn.set(0));
    traffic(200);
    assertThat(members.stream().filter(m -> m.letIn.get() > 0).count()).isEqualTo(1);
    assertThat(members.stream().mapToLong(m -> m.letIn.get()).sum()).isEqualTo(3);
    assertThat(members.stream().mapToLong(Member::applied).sum()).isEqualTo(3);
    assertThat(get("state")).startsWith("{\"state\":\"closed\"");
    assertThat(get("probe")).isEmpty();
    assertThat(get("epoch")).startsWith("{\"e\":2,\"phase\":\"closed\"");
  }

  @Test
  void aBadProbeOpensItForLongerForEverybody() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 1}");
    fleet(2).get(0).trip();
    all("open");
    Member.await(
        "reopened",
        () -> {
          members.forEach(m -> m.call(503));
          return get("epoch").contains("\"e\":2,\"phase\":\"open\",\"attempt\":1");
        });
    assertThat(get("epoch")).containsPattern("\"openMs\":(1[89]|2[012])..[},]");
    traffic(200);
  }

  @Test
  void aProberThatLeavesIsReplaced() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 1}");
    fleet(2).get(0).trip();
    all("open");
    Member prober = members.get(1);
    prober.letIn.set(0);
    Member.await("it has sent one probe of three", () -> prober.call(200));
    members.remove(prober);
    prober.close();
    traffic(200);
    assertThat(get("epoch")).contains("\"by\":\"m0:80~");
  }

  @Test
  void anInstanceThatStartsWhileOpenIsOpen() {
    rule("{}");
    fleet(2).get(0).trip();
    all("open");
    members.forEach(Member::close);
    members.clear();
    Member late = join();
    Member.await("it is open", () -> late.state().equals("open"));
    assertThat(late.call(200)).isFalse();
  }

  @Test
  void anOperatorsHandOverridesTheFleet() {
    rule("{}");
    fleet(2);
    etcd.ctl("put", "/service/order/force", "open");
    all("forced-open");
    assertThat(members.get(0).call(200)).isFalse();
    etcd.ctl("put", "/service/order/force", "closed");
    all("forced-closed");
    for (int i = 0; i < 100; i++) {
      assertThat(members.get(0).call(503)).isTrue();
    }
    etcd.ctl("del", "/service/order/force");
    all("closed");
    assertThat(get("epoch")).isEmpty();
  }

  @Test
  void whereAgentsCanWriteNobodyForces() {
    rule("{}");
    fleet(2);
    etcd.ctl("put", "/circuit-breaker/order/force", "open");
    etcd.ctl("put", "/service/order/force", "opne");
    members.get(0).trip();
    all("open"); // both keys were seen before
    etcd.ctl("put", "/service/order/force", "closed");
    all("forced-closed");
    etcd.ctl("put", "/service/order/force", "close");
    etcd.ctl("put", "/service/order/force/other", "open");
    etcd.ctl("put", "/service/order/force/default", "open");
    all("forced-open");
    etcd.ctl("del", "/service/order/force/default");
    all("forced-closed");
    etcd.ctl("del", "--prefix", "/service/order/force");
    all("open");
  }

  @Test
  void aPeerCannotOpenForLongerThanTheRuleSays() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 1, \"max_open_seconds\": 2}");
    fleet(2);
    etcd.ctl(
        "put",
        "/circuit-breaker/order/epoch",
        "{\"e\":1,\"phase\":\"open\",\"attempt\":-5,\"by\":\"evil\",\"openMs\":99999999999999999}");
    etcd.ctl("put", "/circuit-breaker/order/state", "{\"state\":\"open\"}");
    all("open");
    traffic(200);
  }

  @Test
  void withAQuorumOneInstanceAloneOpensOnlyForItself() {
    rule("{\"quorum\": 2, \"open_seconds\": 30}");
    fleet(3).get(0).trip();
    Member.await(
        "it has voted",
        () -> !etcd.ctl("get", "--prefix", "/circuit-breaker/order/votes/").isEmpty());
    assertThat(members.get(0).state()).isEqualTo("open");
    assertThat(members.get(1).call(200)).isTrue();
    assertThat(members.get(2).call(200)).isTrue();
    members.get(1).trip();
    all("open");
    assertThat(get("state")).contains("quorum of 2");
  }

  @Test
  void oneWitnessOpensForAllAfterASecondWhenNobodyContradicts() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 30}");
    fleet(3).get(0).trip();
    long tripped = System.nanoTime();
    all("open");
    assertThat(System.nanoTime() - tripped).isGreaterThan(900_000_000L);
    assertThat(get("state")).contains("one witness, nobody objects");
    assertThat(members.stream().mapToLong(Member::applied).sum()).isEqualTo(2);
  }

  @Test
  void twoWitnessesOpenAtOnceAndTwoOnOneHostAreOne() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 30}");
    fleet(2);
    Member neighbour = new Member("m0:81", etcd.endpoint());
    members.add(neighbour);
    members.get(0).trip();
    neighbour.trip();
    Member.await("both have voted", () -> votes().split("\"host\":\"m0\"").length == 3);
    assertThat(get("epoch")).isEmpty();
    members.get(1).trip();
    all("open");
    assertThat(get("state")).contains("two witnesses");
  }

  @Test
  void whoSeesTheTargetWellKeepsItClosedForAllButTheWitness() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 30}");
    fleet(3);
    goodCalls(1, 40);
    goodCalls(2, 10);
    members.get(0).trip();
    Member.await("somebody objects", () -> !objections().isEmpty());
    assertThat(objections())
        .contains("\"by\":\"m1:80~")
        .contains("\"calls\":")
        .doesNotContain("m2:80");
    assertThat(members.get(0).state()).isEqualTo("open");
    long since = System.nanoTime();
    Member.await(
        "it goes on for longer than a witness waits",
        () -> {
          goodCalls(1, 1);
          return System.nanoTime() - since > 2_000_000_000L;
        });
    assertThat(get("epoch")).isEmpty();
    assertThat(members.get(2).call(200)).isTrue();

    // who objected finds it dead as well: that is the second witness
    members.get(1).trip();
    all("open");
    assertThat(get("state")).contains("two witnesses");
    assertThat(objections()).isEmpty();
  }

  @Test
  void anObjectionGoesWithWhoMadeIt() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 30}");
    fleet(2);
    Member well = members.get(1);
    goodCalls(1, 40);
    members.get(0).trip();
    Member.await("it objects", () -> !objections().isEmpty());
    members.remove(well);
    well.close();
    Member.await("the fleet is open", () -> get("state").contains("nobody objects"));
  }

  private void goodCalls(int member, int n) {
    for (int i = 0; i < n; i++) {
      assertThat(members.get(member).call(200)).isTrue();
    }
  }

  private String votes() {
    return etcd.ctl("get", "--prefix", "/circuit-breaker/order/votes/");
  }

  private String objections() {
    return etcd.ctl("get", "--prefix", "/circuit-breaker/order/objections/");
  }

  @Test
  void withoutEtcdItsLastWordHoldsThenLocalProbesDecideAndTheFleetsWordWinsAfterwards() {
    rule("{\"min_seconds\": 0, \"open_seconds\": 2}");
    fleet(2).get(0).trip();
    all("open");
    etcd.kill();
    assertThat(members.get(1).call(200)).isFalse();
    traffic(200); // each for itself
    etcd.restart();
    Member.await(
        "the fleet has closed",
        () -> {
          members.forEach(m -> m.call(200));
          return get("epoch").contains("\"e\":2,\"phase\":\"closed\"");
        });
    traffic(200);
  }
}
