package io.weir.control.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What somebody may write where instances vote and object, on a real etcd: it counts for what it
 * says, or for nothing, and stops nobody.
 */
class FleetAttacksTest {
  private static final String KEYS = "/circuit-breaker/order/";
  private static final long FAR = 600;

  private static EtcdServer etcd;
  private final List<Member> members = new ArrayList<>();

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  @BeforeEach
  void rule() {
    etcd.ctl(
        "put",
        "/service/order/circuit-breaker",
        "{\"min_seconds\": 0, \"open_seconds\": 1, \"max_open_seconds\": 2, \"ramp_seconds\": 0}");
  }

  @AfterEach
  void leave() {
    members.forEach(Member::close);
    etcd.ctl("del", "--prefix", "/service/");
    etcd.ctl("del", "--prefix", KEYS);
  }

  private Member join(String name) {
    Member m = new Member(name + ":80", etcd.endpoint());
    members.add(m);
    return m;
  }

  private static String get(String key) {
    return etcd.ctl("get", "--print-value-only", KEYS + key).trim();
  }

  private static long grant(Member by) {
    CompletableFuture<Long> lease = new CompletableFuture<>();
    by.store().grant((int) FAR, lease::complete);
    return lease.join();
  }

  /** Writes keys under one lease; 0: under none. */
  private static void write(Member by, long lease, String... keysAndValues) {
    Txn txn = new Txn();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      txn.put(KEYS + keysAndValues[i], keysAndValues[i + 1], lease);
    }
    CompletableFuture<Txn.Outcome> done = new CompletableFuture<>();
    by.store().txn(txn, done::complete);
    assertThat(done.join().kind).isEqualTo(Txn.Outcome.Kind.DONE);
  }

  private static void opens(Member m, String reason) {
    Member.await("the fleet opens: " + reason, () -> get("state").contains(reason));
    // it has to hear of it first
    Member.await("this instance opens", () -> m.state().equals("open"));
    assertThat(m.call(200)).isFalse();
  }

  /** Good calls of all, until the fleet has closed it. */
  private void closes() {
    Member.await(
        "it closes",
        () -> {
          members.forEach(m -> m.call(200));
          return get("epoch").contains("\"phase\":\"closed\"")
              && members.stream().allMatch(m -> m.state().equals("closed"));
        });
  }

  static Stream<String> wrong() {
    return Stream.of(
        "{\"e\":0,\"by\":\"evil\",\"calls\":99,\"failures\":0,\"x\":\""
            + "x".repeat(1_000_000)
            + "\"}",
        "{\"e\":0,\"by\":\"evil",
        "{\"e\":0.5e9,\"by\":\"evil\"}",
        "[[[[",
        "",
        "\u0000\u0001",
        "{\"epoch\":0,\"who\":\"evil\",\"until\":\"2099-01-01T00:00:00Z\"}",
        "{\"e\":1,\"by\":\"evil\",\"calls\":99,\"failures\":0}",
        "{\"e\":-1,\"by\":\"evil\",\"at\":-99999999999999}");
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void whatCannotBeReadOrIsOfAnotherEpochCountsForNothing(String value) {
    Member a = join("a");
    Member b = join("b");
    long lease = grant(b);
    for (String key : new String[] {"objections/1", "objections/2", "votes/evil:80~1"}) {
      write(b, lease, key, value);
    }
    if (!value.endsWith("}") || value.length() > 1_000_000) {
      write(b, lease, "probe", value); // else it is a claim, as good as an instance's
    }
    long began = System.nanoTime();
    a.trip();
    opens(b, "one witness, nobody objects");
    assertThat(System.nanoTime() - began).as("nor as a witness").isGreaterThan(900_000_000L);
    closes();
  }

  @Test
  void anObjectionWithoutALeaseBlocksNobodyForEver() {
    Member a = join("a");
    Member b = join("b");
    String leftover = "{\"e\":0,\"by\":\"gone:80~1\",\"calls\":93,\"failures\":0}";
    write(b, 0, "objections/1", leftover, "objections/2", leftover);
    a.trip();
    opens(b, "one witness, nobody objects");
    assertThat(get("objections/1") + get("objections/2")).as("cleared away").isEmpty();
  }

  @Test
  void aVoteWithoutALeaseIsNoWitness() {
    Member a = join("a");
    Member b = join("b");
    write(b, 0, "votes/gone:80~1", "{\"e\":0,\"calls\":20,\"failures\":20,\"host\":\"gone\"}");
    for (int i = 0; i < 40; i++) {
      assertThat(b.call(200)).isTrue();
    }
    a.trip();
    Member.await("b objects", () -> get("objections/1").contains("\"by\":\"b:80~"));
    long began = System.nanoTime();
    Member.await(
        "it stays closed",
        () -> {
          assertThat(b.call(200)).isTrue();
          return System.nanoTime() - began > 2_000_000_000L;
        });
    assertThat(get("epoch")).isEmpty();
  }

  @Test
  void aClaimToProbeWithoutALeaseIsTakenOver() {
    Member a = join("a");
    join("b");
    write(a, 0, "probe", "{\"by\":\"gone:80~1\"}");
    a.trip();
    opens(members.get(1), "one witness");
    closes();
    assertThat(get("probe")).isEmpty();
  }

  @Test
  void timesInAVoteChangeNothing() {
    Member a = join("a");
    Member b = join("b");
    for (int i = 0; i < 40; i++) {
      assertThat(b.call(200)).isTrue();
    }
    write(
        b,
        grant(b),
        "votes/c:80~1",
        "{\"e\":0,\"at\":99999999999999,\"until\":1,\"calls\":20,\"failures\":20,\"host\":\"c\"}");
    a.trip();
    opens(b, "two witnesses");
  }

  @Test
  void tenThousandVotesForOneBreakerStopNobody() {
    Member a = join("a");
    Member b = join("b");
    long lease = grant(b);
    int each = 100;
    for (int i = 0; i < 10_000; i += each) {
      String[] votes = new String[2 * each];
      for (int j = 0; j < each; j++) {
        votes[2 * j] = "votes/evil-" + (i + j) + ":80~1";
        votes[2 * j + 1] =
            "{\"e\":0,\"calls\":20,\"failures\":20,\"host\":\"evil-" + (i + j) + "\"}";
      }
      write(b, lease, votes);
    }
    assertThat(b.call(200)).as("votes alone open nothing").isTrue();
    assertThat(get("epoch")).isEmpty();
    long began = System.nanoTime();
    a.trip();
    opens(b, "two witnesses");
    closes();
    etcd.ctl("put", "/service/order/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
    Member.await("a rule is obeyed", () -> !a.call(200) && !b.call(200));
    long nanos = System.nanoTime() - began;
    System.out.printf("10000 votes: opened, closed and obeyed after %.1f s%n", nanos / 1e9);
    assertThat(nanos).isLessThan(30_000_000_000L);
  }
}
