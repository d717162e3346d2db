package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.loop.Loop;
import io.weir.control.loop.LoopThread;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Store;
import io.weir.control.store.StoreConformance;
import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EtcdStoreConformanceTest extends StoreConformance {
  private static EtcdServer etcd;

  @BeforeAll
  static void startEtcd() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stopEtcd() {
    etcd.close();
  }

  @BeforeEach
  void empty() {
    etcd.ctl("del", "", "--from-key");
  }

  @Override
  protected Store open(Loop loop, Recorder log) {
    return new EtcdStore(
        EtcdOptions.builder().endpoints(etcd.endpoint()).namespace("/test").build(), loop, log);
  }

  @Override
  protected void write(String... keysAndValues) {
    etcd.txn("/test", keysAndValues);
  }

  private Txn.Outcome send(SharedStore store, Txn txn) throws InterruptedException {
    BlockingQueue<Txn.Outcome> answer = new ArrayBlockingQueue<>(1);
    store.txn(txn, answer::add);
    return answer.poll(10, TimeUnit.SECONDS);
  }

  @Test
  void aTransactionHappensWhollyOrNotAtAll() throws InterruptedException {
    SharedStore store = (SharedStore) start();
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
    String a = "/circuit-breaker/pay/epoch";
    String b = "/circuit-breaker/pay/state";
    Txn.Outcome first = send(store, new Txn().ifAbsent(a).put(a, "1", 0).put(b, "open", 0));
    assertThat(first.kind).isEqualTo(Txn.Outcome.Kind.DONE);
    awaitView(Map.of(a, "1", b, "open"));
    Txn.Outcome second = send(store, new Txn().ifAbsent(a).put(a, "2", 0).delete(b));
    assertThat(second.kind).isEqualTo(Txn.Outcome.Kind.CONFLICT);
    Txn.Outcome third =
        send(store, new Txn().ifModRevision(a, first.revision).put(a, "3", 0).delete(b));
    assertThat(third.kind).isEqualTo(Txn.Outcome.Kind.DONE);
    awaitView(Map.of(a, "3"));
  }

  @Test
  void heldKeysStandUnderTheLeaseAndGoWithIt() {
    SharedStore store = (SharedStore) start();
    List<String> events = new CopyOnWriteArrayList<>();
    LeaseSession lease =
        store.lease(
            5,
            new LeaseSession.Listener() {
              @Override
              public void onGranted(long id) {
                events.add("granted");
              }

              @Override
              public void onLost(long id, String reason) {
                events.add("lost");
              }
            });
    String key = "/services/a/instances/h:1";
    lease.hold(key, "alive".getBytes(StandardCharsets.UTF_8));
    awaitView(Map.of(key, "alive"));
    lease.hold(key, "{}".getBytes(StandardCharsets.UTF_8));
    awaitView(Map.of(key, "{}"));
    etcd.ctl("lease", "revoke", Long.toHexString(lease.id()));
    await().untilAsserted(() -> assertThat(events).contains("lost"));
    awaitView(Map.of(key, "{}"));
    assertThat(events).containsExactly("granted", "lost", "granted");
    lease.release(key, null);
    awaitView(Map.of());
    lease.hold(key, "alive".getBytes(StandardCharsets.UTF_8));
    awaitView(Map.of(key, "alive"));
    lease.close();
    awaitView(Map.of());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Keeps what a lease is told. */
  private static final class Told implements LeaseSession.Listener {
    final List<String> events = new CopyOnWriteArrayList<>();

    @Override
    public void onGranted(long id) {
      events.add("granted");
    }

    @Override
    public void onLost(long id, String reason) {
      events.add("lost");
    }

    @Override
    public void onRemoved(String key, String how) {
      events.add(key + ": " + how);
    }
  }

  private String value(String key) {
    return etcd.ctl("get", "--print-value-only", "/test" + key).trim();
  }

  @Test
  void aHeldKeyThatSomebodyDeletesOrOverwritesIsBackWithinTwoSeconds() {
    SharedStore store = (SharedStore) start();
    Told told = new Told();
    LeaseSession lease = store.lease(60, told);
    // the first is followed with everything else, the second has a watch of its own
    for (String key : List.of("/services/a/instances/h:1", "/weir/status/a/h:1")) {
      lease.hold(key, bytes("mine"));
      await().untilAsserted(() -> assertThat(lease.isWritten(key)).isTrue());
      told.events.clear();
      etcd.ctl("del", "--prefix", "/test" + key.substring(0, key.indexOf('/', 1)));
      await()
          .atMost(Duration.ofSeconds(2))
          .untilAsserted(() -> assertThat(value(key)).isEqualTo("mine"));
      await().untilAsserted(() -> assertThat(lease.isWritten(key)).isTrue());
      assertThat(told.events).containsExactly(key + ": somebody deleted it");
      etcd.ctl("put", "/test" + key, "theirs");
      await()
          .atMost(Duration.ofSeconds(4))
          .untilAsserted(() -> assertThat(value(key)).isEqualTo("mine"));
      assertThat(told.events).hasSize(2).endsWith(key + ": somebody overwrote it");
      lease.hold(key, bytes("newer"));
      await().untilAsserted(() -> assertThat(value(key)).isEqualTo("newer"));
      assertThat(told.events).as("a write of its own is no fault").hasSize(2);
    }
  }

  @Test
  void twoThatHoldTheSameKeySlowDownAndSayWhy() throws InterruptedException {
    SharedStore store = (SharedStore) start();
    String key = "/services/a/instances/h:1";
    Told one = new Told();
    Told two = new Told();
    LeaseSession first = store.lease(60, one);
    LeaseSession second = store.lease(60, two);
    first.hold(key, bytes("one"));
    await().untilAsserted(() -> assertThat(first.isWritten(key)).isTrue());
    second.hold(key, bytes("two"));
    await()
        .untilAsserted(
            () -> assertThat(one.events).anyMatch(e -> e.contains("another process holds it")));
    TimeUnit.SECONDS.sleep(3); // how often they write is what is counted
    assertThat(one.events.size() + two.events.size()).isBetween(3, 10);
    // one that lets go does not take the other's key along
    first.release(key, null);
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () -> {
              assertThat(first.held()).isEmpty();
              assertThat(value(key)).isEqualTo("two");
            });
  }

  @Test
  void aFinalValueIsWrittenAlsoWhereTheStoreClosesAtOnce() {
    SharedStore store = (SharedStore) start();
    String key = "/services/a/instances/h:1";
    try (LeaseSession lease = store.lease(60, new Told())) {
      lease.hold(key, bytes("alive"));
      await().untilAsserted(() -> assertThat(lease.isWritten(key)).isTrue());
      lease.release(key, bytes("leaving"));
      await().untilAsserted(() -> assertThat(said.view()).isEmpty());
      assertThat(last(key)).isEqualTo("leaving");
      lease.hold(key, bytes("alive"));
      await().untilAsserted(() -> assertThat(said.view()).containsEntry(key, "alive"));
      LoopThread other = new LoopThread("other-loop", said);
      SharedStore leaver = (SharedStore) open(other, new Recorder());
      leaver.start(new Recorder());
      String second = "/services/a/instances/h:2";
      LeaseSession session = leaver.lease(60, new Told());
      session.hold(second, bytes("alive"));
      await().untilAsserted(() -> assertThat(session.isWritten(second)).isTrue());
      session.release(second, bytes("leaving"));
      session.close();
      leaver.close();
      await().untilAsserted(() -> assertThat(said.view()).containsOnlyKeys(key));
      assertThat(last(second)).isEqualTo("leaving");
      other.close();
    }
  }

  /** What the deletion of a key told as its last value. */
  private String last(String key) {
    String text = null;
    for (Batch b : said.batches()) {
      for (Change c : b.changes) {
        if (c.key.equals(key) && c.now == null && c.last != null) {
          text = c.last.text();
        }
      }
    }
    return text;
  }

  @Test
  void aGrantedLeaseExpiresByItself() {
    SharedStore store = (SharedStore) start();
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
    String key = "/circuit-breaker/pay/state";
    store.grant(2, id -> store.txn(new Txn().ifAbsent(key).put(key, "open", id), o -> {}));
    awaitView(Map.of(key, "open"));
    awaitView(Map.of());
  }

  @Test
  void keysOfOthersAreNotToldAndOtherNamespacesNotSeen() {
    etcd.ctl("put", "/service/a/rate-limit", "outside");
    etcd.ctl("put", "/test/foo", "foreign");
    etcd.ctl("put", "/test/weir/status/a/b", "chatter");
    write("/weir/off", "1");
    start();
    awaitView(Map.of("/weir/off", "1"));
    etcd.ctl("put", "/test/registry", "foreign");
    write("/service/a/route", "x");
    awaitView(Map.of("/weir/off", "1", "/service/a/route", "x"));
    assertThat(said.batches()).hasSize(2);
  }

  @Test
  void moreKeysThanAPageAreReadAtOneRevision() {
    for (int i = 0; i < 25; i++) {
      String[] many = new String[200];
      for (int j = 0; j < 100; j++) {
        many[2 * j] = "/service/s" + i + "-" + j + "/rate-limit";
        many[2 * j + 1] = "v";
      }
      write(many);
    }
    start();
    await().untilAsserted(() -> assertThat(said.view()).hasSize(2500));
    assertThat(said.batches()).hasSize(1);
  }
}
