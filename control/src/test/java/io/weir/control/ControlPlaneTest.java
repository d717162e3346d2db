package io.weir.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.etcd.EtcdOptions;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import io.weir.engine.rules.RuleBook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlPlaneTest {
  private static final String A = "/service/a/rate-limit";
  private static final String B = "/service/b/rate-limit";

  @TempDir Path temp;
  private final List<RuleBook> books = new CopyOnWriteArrayList<>();
  private final Recorder log = new Recorder();
  private EtcdServer etcd;
  private ControlPlane plane;

  @AfterEach
  void stop() {
    if (plane != null) {
      plane.close();
    }
    if (etcd != null) {
      etcd.close();
    }
  }

  private void start() {
    plane =
        ControlPlane.start(
            ControlOptions.builder()
                .service("a")
                .instance("127.0.0.1:8080")
                .agentVersion("test")
                .etcd(EtcdOptions.builder().endpoints(etcd.endpoint()).build())
                .snapshotDirectory(temp)
                .build(),
            books::add,
            log);
  }

  private RuleBook newest() {
    assertThat(books).isNotEmpty();
    return books.get(books.size() - 1);
  }

  private static double qps(RuleBook book, String service) {
    return book.limits(service).isEmpty() ? -1 : book.limits(service).get(0).qps;
  }

  private void awaitQps(String service, double qps) {
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(qps(newest(), service)).isEqualTo(qps));
  }

  @Test
  void severalKeysOfOneTransactionBecomeVisibleAtOnce() {
    etcd = EtcdServer.start();
    start();
    for (int i = 1; i <= 20; i++) {
      etcd.txn("", A, "{\"qps\": " + i + "}", B, "{\"qps\": " + i + "}");
    }
    awaitQps("a", 20);
    for (RuleBook book : books) {
      assertThat(qps(book, "a")).as("one revision, one book").isEqualTo(qps(book, "b"));
    }
  }

  @Test
  void aBadRuleKeepsTheLastGoodOneAndTheStatusSaysWhy() {
    etcd = EtcdServer.start();
    start();
    etcd.ctl("put", A, "{\"qps\": 5}");
    awaitQps("a", 5);
    etcd.ctl("put", A, "{\"qps\": -5}");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () ->
                assertThat(etcd.ctl("get", "/weir/status/a/127.0.0.1:8080"))
                    .contains("\"REJECTED\"")
                    .contains("WEIR1102")
                    .contains("qps is -5"));
    assertThat(qps(newest(), "a")).isEqualTo(5);
    assertThat(log.lines().stream().filter(l -> l.contains("WEIR1102"))).hasSize(1);
    etcd.ctl("put", A, "{\"qps\": 6}");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () ->
                assertThat(etcd.ctl("get", "/weir/status/a/127.0.0.1:8080"))
                    .contains("\"state\":\"SYNCED\"")
                    .doesNotContain("REJECTED"));
    plane.close();
    assertThat(etcd.ctl("get", "/weir/status", "--prefix")).isEmpty();
  }

  @Test
  void aColdStartWithoutEtcdUsesTheRulesOnDiskUntilItComes() {
    etcd = EtcdServer.start();
    start();
    etcd.txn("", A, "{\"qps\": 5}", B, "{\"qps\": 7}");
    awaitQps("b", 7);
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(temp.resolve("a.snapshot")).exists());
    etcd.ctl("put", A, "{\"qps\": 6}");
    etcd.ctl("put", B, "{");
    awaitQps("a", 6);
    plane.close();
    etcd.ctl("del", B);
    etcd.stop();

    // what was saved is what is in force, the refused text of B is not
    books.clear();
    start();
    await().untilAsserted(() -> assertThat(qps(newest(), "b")).isEqualTo(7));
    assertThat(plane.health().connected).isFalse();
    assertThat(plane.health().restored).isTrue();

    // and what was deleted in the meantime goes once etcd has spoken
    etcd.restart();
    awaitQps("b", -1);
    assertThat(qps(newest(), "a")).isEqualTo(6);
    assertThat(plane.health().restored).isFalse();
  }

  @Test
  void nothingIsRegisteredBeforeTheRulesWereReadFromEtcdOrFromItsSnapshot() {
    etcd = EtcdServer.reserve();
    AtomicInteger read = new AtomicInteger();
    start();
    plane.whenRulesRead(read::incrementAndGet);
    await()
        .untilAsserted(
            () ->
                assertThat(log.lines())
                    .anyMatch(
                        l -> l.contains("no rule is in force yet, and nothing is registered")));
    assertThat(read).hasValue(0);
    etcd.restart();
    await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(read).hasValue(1));
    etcd.ctl("put", A, "{\"qps\": 5}");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(temp.resolve("a.snapshot")).exists());
    plane.close();
    etcd.stop();
    start();
    plane.whenRulesRead(read::incrementAndGet);
    await().untilAsserted(() -> assertThat(read).hasValue(2));
    assertThat(plane.health().connected).isFalse();
  }

  @Test
  void withoutAnySourceOfRulesNothingIsGovernedAndNothingAsked() {
    plane = ControlPlane.start(ControlOptions.builder().service("a").build(), books::add, log);
    await().untilAsserted(() -> assertThat(books).hasSize(1));
    assertThat(plane.health().reason).isEqualTo("no rules are configured");
    assertThat(plane.shared()).isNull();
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void aDamagedSnapshotIsReportedAndIgnored() throws IOException {
    etcd = EtcdServer.reserve();
    Files.writeString(temp.resolve("a.snapshot"), "weir-snapshot 1\nrubbish");
    start();
    await().untilAsserted(() -> assertThat(log.lines()).anyMatch(l -> l.contains("damaged")));
    etcd.restart();
    etcd.ctl("put", A, "{\"qps\": 5}");
    awaitQps("a", 5);
  }

  @Test
  void rulesFromFilesNeedNoEtcd() throws IOException {
    Files.createDirectories(temp.resolve("service/a"));
    Files.writeString(temp.resolve("service/a/rate-limit.yaml"), "qps: 3");
    plane =
        ControlPlane.start(
            ControlOptions.builder().service("a").directory(temp).build(), books::add, log);
    awaitQps("a", 3);
    Files.writeString(temp.resolve("service/a/rate-limit.yaml"), "qps: 4");
    awaitQps("a", 4);
    assertThat(plane.shared()).isNull();
    assertThat(plane.health().connected).isTrue();
  }

  @Test
  void aCloseLeavesNoThreadBehind() {
    etcd = EtcdServer.start();
    start();
    etcd.ctl("put", A, "{\"qps\": 5}");
    awaitQps("a", 5);
    plane.close();
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(
            () ->
                assertThat(
                        Thread.getAllStackTraces().keySet().stream()
                            .map(Thread::getName)
                            .filter(n -> n.startsWith("weir-") || n.startsWith("vert.x"))
                            .collect(Collectors.toList()))
                    .isEmpty());
  }
}
