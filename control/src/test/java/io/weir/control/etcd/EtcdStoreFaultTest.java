package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.loop.LoopThread;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import io.weir.control.testing.TcpProxy;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The table of docs/etcd.md, row by row, against a real etcd. */
class EtcdStoreFaultTest {
  private static final String A = "/service/a/rate-limit";
  private static final String B = "/service/b/rate-limit";

  private final Recorder said = new Recorder();
  private final LoopThread loop = new LoopThread("test-loop", said);
  private EtcdServer etcd;
  private TcpProxy proxy;
  private EtcdStore store;
  private EtcdClient writer;

  @BeforeEach
  void reserve() {
    etcd = EtcdServer.reserve();
    proxy = new TcpProxy(etcd.port());
  }

  @AfterEach
  void stop() {
    if (store != null) {
      store.close();
    }
    if (writer != null) {
      writer.close();
    }
    loop.close();
    proxy.close();
    etcd.close();
  }

  private static EtcdOptions at(String endpoints) {
    return EtcdOptions.builder().endpoints(endpoints).build();
  }

  private EtcdStore follow(EtcdOptions options) {
    store =
        new EtcdStore(
            options,
            loop,
            said,
            StubEtcdClient::connect,
            new Random(1),
            TimeUnit.SECONDS.toNanos(60));
    store.start(said);
    return store;
  }

  private void awaitConnected() {
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(said.connected()).isTrue());
  }

  private void awaitView(Map<String, String> expected) {
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(20))
        .untilAsserted(() -> assertThat(said.view()).isEqualTo(expected));
  }

  /** Writes around the proxy; a null value deletes. */
  private long write(String... keysAndValues) {
    if (writer == null) {
      writer = StubEtcdClient.connect(at(etcd.endpoint()));
    }
    Txn txn = new Txn();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      if (keysAndValues[i + 1] == null) {
        txn.delete(keysAndValues[i]);
      } else {
        txn.put(keysAndValues[i], keysAndValues[i + 1], 0);
      }
    }
    return patiently((EtcdClient.Answer<Txn.Outcome> done) -> writer.txn(txn, done)).revision;
  }

  private Map<String, String> truth() {
    EtcdClient.Page page =
        patiently(
            (EtcdClient.Answer<EtcdClient.Page> done) ->
                writer.range(KeySpace.FIRST, KeySpace.END, 10_000, 0, false, done));
    Map<String, String> texts = new TreeMap<>();
    for (Entry e : page.entries) {
      texts.put(e.key, e.text());
    }
    return texts;
  }

  private interface Call<T> {
    void send(EtcdClient.Answer<T> answer);
  }

  /** The writer's own connection suffers from kills too: it tries until it gets through. */
  private <T> T patiently(Call<T> call) {
    return await()
        .atMost(Duration.ofSeconds(30))
        .pollDelay(Duration.ZERO)
        .until(
            () -> {
              CompletableFuture<T> done = new CompletableFuture<>();
              call.send(answer(done));
              T value = done.exceptionally(e -> null).get(20, TimeUnit.SECONDS);
              if (value == null) {
                writer.reconnect();
              }
              return value;
            },
            Objects::nonNull);
  }

  private static <T> EtcdClient.Answer<T> answer(CompletableFuture<T> future) {
    return new EtcdClient.Answer<T>() {
      @Override
      public void ok(T value) {
        future.complete(value);
      }

      @Override
      public void failed(EtcdCallException e) {
        future.completeExceptionally(e);
      }
    };
  }

  @Test
  void startedBeforeEtcdItConnectsOnceEtcdIsThere() {
    follow(at(etcd.endpoint()));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.connected()).isFalse());
    assertThat(said.reason()).contains("Connection refused");
    assertThat(said.batches()).isEmpty();
    etcd.restart();
    write(A, "1");
    awaitView(Map.of(A, "1"));
    awaitConnected();
  }

  @Test
  void aWrongEndpointBesideAGoodOneDoesNoHarm() throws Exception {
    etcd.restart();
    write(A, "1");
    int nobody;
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      nobody = s.getLocalPort();
    }
    follow(at("http://127.0.0.1:" + nobody + "," + etcd.endpoint()));
    awaitView(Map.of(A, "1"));
    awaitConnected();
    write(A, "2");
    awaitView(Map.of(A, "2"));
  }

  @Test
  void aMuteEndpointBesideAGoodOneDoesNoHarm() {
    etcd.restart();
    write(A, "1");
    proxy.swallow(true);
    follow(at(proxy.endpoint() + "," + etcd.endpoint()));
    awaitView(Map.of(A, "1"));
    awaitConnected();
  }

  @Test
  void aMuteEndpointThatRecoversIsUsed() {
    etcd.restart();
    write(A, "1");
    proxy.swallow(true);
    follow(at(proxy.endpoint()));
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(said.connected()).isFalse());
    proxy.swallow(false);
    awaitView(Map.of(A, "1"));
  }

  @Test
  void aKillAndARestartLoseNothing() {
    etcd.restart();
    follow(at(etcd.endpoint()));
    awaitConnected();
    write(A, "1", B, "1");
    awaitView(Map.of(A, "1", B, "1"));
    etcd.kill();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(said.connected()).isFalse());
    assertThat(said.view()).hasSize(2);
    etcd.restart();
    write(A, "2");
    awaitView(Map.of(A, "2", B, "1"));
    awaitConnected();
  }

  @Test
  void thirtyQuickCutsLoseNothing() {
    etcd.restart();
    follow(at(proxy.endpoint()));
    awaitConnected();
    Random random = new Random(7);
    for (int cut = 0; cut < 30; cut++) {
      for (int i = 0; i < 20; i++) {
        String key = "/service/s" + random.nextInt(50) + "/rate-limit";
        write(key, random.nextInt(5) == 0 ? null : cut + "-" + i);
      }
      proxy.cut();
      // quick cuts, as a flapping line makes them
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(60)));
    }
    Map<String, String> truth = truth();
    assertThat(truth).isNotEmpty();
    awaitView(truth);
    assertThat(said.batches()).extracting(b -> b.revision).isSorted();
  }

  @Test
  void aCompactionWhileCutOffIsSurvived() {
    etcd.restart();
    follow(at(proxy.endpoint()));
    write(A, "1", B, "1");
    awaitView(Map.of(A, "1", B, "1"));
    proxy.refuse(true);
    for (int i = 0; i < 10; i++) {
      write(A, "x" + i);
    }
    long last = write(B, null);
    etcd.ctl("compact", Long.toString(last));
    proxy.refuse(false);
    awaitView(Map.of(A, "x9"));
    write(A, "after");
    awaitView(Map.of(A, "after"));
  }

  @Test
  void aWipedEtcdIsTakenAsItIs() {
    etcd.restart();
    follow(at(etcd.endpoint()));
    for (int i = 0; i < 10; i++) {
      write(A, "1-" + i, B, "1");
    }
    awaitView(Map.of(A, "1-9", B, "1"));
    etcd.wipe();
    etcd.restart();
    write(A, "new");
    awaitView(Map.of(A, "new"));
    assertThat(said.batches()).anyMatch(b -> b.newHistory);
    write(B, "new");
    awaitView(Map.of(A, "new", B, "new"));
  }

  @Test
  void aFrozenEtcdIsWaitedOut() {
    etcd.restart();
    follow(at(etcd.endpoint()));
    write(A, "1");
    awaitView(Map.of(A, "1"));
    CopyOnWriteArrayList<String> lease = new CopyOnWriteArrayList<>();
    LeaseSession session =
        store.lease(
            10,
            new LeaseSession.Listener() {
              @Override
              public void onGranted(long id) {
                lease.add("granted");
              }

              @Override
              public void onLost(long id, String reason) {
                lease.add("lost");
              }
            });
    String key = "/services/a/instances/h:1";
    session.hold(key, "alive".getBytes(StandardCharsets.UTF_8));
    awaitView(Map.of(A, "1", key, "alive"));
    etcd.freeze();
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(lease).containsExactly("granted", "lost"));
    etcd.thaw();
    write(A, "2");
    awaitView(Map.of(A, "2", key, "alive"));
    await().untilAsserted(() -> assertThat(lease).containsExactly("granted", "lost", "granted"));
    awaitConnected();
  }

  @Test
  void aWrongPasswordIsNamedAndSaidOnce() {
    etcd.restart();
    etcd.ctl("put", A, "1");
    etcd.ctl("user", "add", "root:right");
    etcd.ctl("auth", "enable");
    follow(EtcdOptions.builder().endpoints(etcd.endpoint()).user("root", "wrong").build());
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.connected()).isFalse());
    assertThat(said.reason()).contains("authentication failed").doesNotContain("wrong");
    assertThat(said.batches()).isEmpty();
    store.close();
    follow(EtcdOptions.builder().endpoints(etcd.endpoint()).user("root", "right").build());
    awaitView(Map.of(A, "1"));
    awaitConnected();
    // a restart forgets the tokens: a new one is fetched without a minute's wait
    etcd.kill();
    etcd.restart();
    etcd.ctl("--user=root:right", "put", A, "2");
    awaitView(Map.of(A, "2"));
  }

  @Test
  void aRotatedPasswordIsReadFromItsFileWithoutARestart(@TempDir Path folder) throws Exception {
    etcd.restart();
    etcd.ctl("put", A, "1");
    etcd.ctl("user", "add", "root:right");
    app("first");
    etcd.ctl("auth", "enable");
    Path file = Files.writeString(folder.resolve("secret"), "first\n");
    follow(
        EtcdOptions.builder()
            .endpoints(etcd.endpoint())
            .user("app", new PasswordFile(file))
            .build());
    awaitView(Map.of(A, "1"));
    awaitConnected();
    // first in etcd, then in the file
    etcd.ctl("--user=root:right", "user", "delete", "app");
    app("--user=root:right", "second");
    newLogIn();
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.reason()).contains("authentication failed"));
    assertThat(said.reason()).doesNotContain("first");
    Files.writeString(file, "second\n");
    long written = System.nanoTime();
    awaitConnected();
    assertThat(System.nanoTime() - written).isLessThan(Duration.ofSeconds(10).toNanos());
    etcd.ctl("--user=root:right", "put", A, "2");
    awaitView(Map.of(A, "2"));
    // first in the file
    Files.writeString(file, "third password");
    etcd.ctl("--user=root:right", "user", "delete", "app");
    app("--user=root:right", "third password");
    newLogIn();
    etcd.ctl("--user=root:right", "put", A, "3");
    awaitView(Map.of(A, "3"));
    // gone when etcd asks: what was read last stands
    Files.delete(file);
    newLogIn();
    etcd.ctl("--user=root:right", "put", A, "4");
    awaitView(Map.of(A, "4"));
  }

  /** A watch goes on without the user it was begun for; a restart forgets the tokens. */
  private void newLogIn() throws Exception {
    etcd.kill();
    etcd.restart();
  }

  private void app(String... optionsAndPassword) {
    List<String> options =
        new ArrayList<>(List.of(optionsAndPassword).subList(0, optionsAndPassword.length - 1));
    String password = optionsAndPassword[optionsAndPassword.length - 1];
    for (List<String> command :
        List.of(
            List.of("user", "add", "app:" + password),
            List.of("user", "grant-role", "app", "root"))) {
      List<String> all = new ArrayList<>(options);
      all.addAll(command);
      etcd.ctl(all.toArray(new String[0]));
    }
  }

  @Test
  void missingCredentialsAndMissingPermissionsAreNamed() {
    etcd.restart();
    etcd.ctl("user", "add", "root:right");
    etcd.ctl("user", "add", "guest:guest");
    etcd.ctl("auth", "enable");
    follow(at(etcd.endpoint()));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.reason()).contains("weir.etcd.user"));
    store.close();
    follow(EtcdOptions.builder().endpoints(etcd.endpoint()).user("guest", "guest").build());
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.reason()).contains("permission denied"));
  }

  @Test
  void tlsToAPlainEtcdIsNamed() {
    etcd.restart();
    follow(at("https://127.0.0.1:" + etcd.port()));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.reason()).contains("write http://"));
  }

  @Test
  void mutualTlsWorksAndItsMistakesAreNamed() {
    try (EtcdServer secure = EtcdServer.reserveTls()) {
      secure.restart();
      secure.ctl("put", A, "1");
      EtcdOptions.Builder good =
          EtcdOptions.builder()
              .endpoints(secure.endpoint())
              .tlsCa(secure.certificate())
              .tlsIdentity(secure.certificate(), secure.key());
      follow(good.build());
      awaitView(Map.of(A, "1"));
      awaitConnected();
      secure.kill();
      secure.restart();
      secure.ctl("put", A, "2");
      awaitView(Map.of(A, "2"));
      store.close();
      follow(EtcdOptions.builder().endpoints(secure.endpoint()).build());
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(
              () -> assertThat(said.reason()).containsAnyOf("SSLHandshake", "CertPath", "PKIX"));
      store.close();
      follow(
          EtcdOptions.builder().endpoints(secure.endpoint()).tlsCa(secure.certificate()).build());
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> assertThat(said.reason()).contains("set weir.etcd.tls.cert"));
      store.close();
      follow(at("http://127.0.0.1:" + secure.port()));
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> assertThat(said.reason()).contains("write https://"));
    }
  }

  @Test
  void aLostEventIsFoundByTheReconcile() {
    etcd.restart();
    write(A, "1", B, "1");
    // a wire whose watch keeps quiet about B, as a buggy server or client would
    store =
        new EtcdStore(
            at(etcd.endpoint()),
            loop,
            said,
            o -> new DeafWire(StubEtcdClient.connect(o), B),
            new Random(1),
            TimeUnit.SECONDS.toNanos(1));
    store.start(said);
    awaitView(Map.of(A, "1", B, "1"));
    awaitConnected();
    write(B, "2");
    write(A, "2");
    awaitView(Map.of(A, "2", B, "2"));
    assertThat(said.lines()).anyMatch(l -> l.contains("the watch had lost something"));
  }

  /** Drops the watch events of one key. */
  private static final class DeafWire extends FilteringEtcdClient {
    private final String deafTo;

    DeafWire(EtcdClient wire, String deafTo) {
      super(wire);
      this.deafTo = deafTo;
    }

    @Override
    public Watch watch(String from, String to, long revision, WatchListener watching) {
      return super.watch(
          from,
          to,
          revision,
          new WatchListener() {
            @Override
            public void events(Events e) {
              watching.events(
                  new Events(
                      e.created,
                      e.clusterId,
                      e.revision,
                      e.events.stream().filter(x -> !x.key.equals(deafTo)).toList()));
            }

            @Override
            public void broken(EtcdCallException e) {
              watching.broken(e);
            }
          });
    }
  }
}
