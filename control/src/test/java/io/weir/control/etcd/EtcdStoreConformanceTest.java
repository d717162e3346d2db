package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.loop.Loop;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Store;
import io.weir.control.store.StoreConformance;
import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import java.nio.charset.StandardCharsets;
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
    lease.release(key);
    awaitView(Map.of());
    lease.hold(key, "alive".getBytes(StandardCharsets.UTF_8));
    awaitView(Map.of(key, "alive"));
    lease.close();
    awaitView(Map.of());
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
