package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** What others write to etcd costs a JVM neither its heap nor its rules, and etcd no stream. */
class HeapBoundsTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String EVIL = "/services/evil/instances/";
  private static final String LARGE = "x".repeat(1_400_000);
  private static final int MANY = 8000;

  @Test
  void hugeValuesAndCountlessKeysOfOthersLeaveASmallJvmItsHeapAndItsRules() throws IOException {
    try (EtcdServer etcd = EtcdServer.start();
        TcpProxy proxy = new TcpProxy(etcd.port());
        Jvm before = site(proxy).start()) {
      before.awaitStderr("connected to etcd");
      rule(etcd, before, "before", 429);
      for (int i = 0; i < 60; i++) {
        etcd.put(EVIL + "10.0.0.1:" + (8000 + i), LARGE);
      }
      rule(etcd, before, "while", 429);
      try (Jvm after = site(proxy).start()) {
        rule(etcd, after, "after", 429);
        assertThat(before.isAlive()).isTrue();
        for (Jvm jvm : List.of(before, after)) {
          assertThat(jvm.stderr())
              .as("what another service writes is that service's problem")
              .noneMatch(l -> l.contains(EVIL))
              .hasSizeLessThan(30);
        }
        long sent = proxy.answered();
        System.out.printf("etcd sent %d MB to two JVMs%n", sent >> 20);
        assertThat(sent).as("once as events, once as a reading").isLessThan(250L << 20);
        // the time is what is measured here: seconds in which etcd must not be heard
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(3));
        assertThat(proxy.answered() - sent).isLessThan(500_000);
        new Cli(Work.fresh("small"))
            .option("-Xmx64m")
            .run("pull", "--etcd", etcd.endpoint())
            .exits(0);
        etcd.ctl("del", "--prefix", EVIL);
        for (Jvm jvm : List.of(before, after)) {
          Await.until(
              Duration.ofSeconds(5),
              () ->
                  Metrics.of(jvm).page("/rules").contains("\"state\":\"SYNCED\",\"rejections\":0"),
              () -> Metrics.of(jvm).page("/rules") + jvm.told());
        }
        rule(etcd, after, "clean", 429);
        countless(etcd, before, after);
      }
    }
  }

  private static void countless(EtcdServer etcd, Jvm... jvms) throws IOException {
    for (int i = 0; i < MANY; ) {
      List<String> keys = new ArrayList<>();
      for (int n = 0; n < 100; n++, i++) {
        keys.addAll(List.of(EVIL + "10.0." + i / 250 + "." + i % 250 + ":80", "alive"));
      }
      etcd.txn("", keys.toArray(new String[0]));
    }
    for (Jvm jvm : jvms) {
      rule(etcd, jvm, "countless", 429);
      assertThat(jvm.stderr())
          .filteredOn(l -> l.contains("more instances are registered in etcd"))
          .hasSize(1);
    }
    etcd.ctl("put", "/weir/off", "");
    for (Jvm jvm : jvms) {
      Await.until(SOON, () -> status(jvm) == 200, () -> "the kill switch\n" + jvm.told());
    }
    etcd.ctl("del", "/weir/off");
    etcd.ctl("del", "--prefix", EVIL);
    for (Jvm jvm : jvms) {
      jvm.awaitStderr("all registrations in etcd are followed again");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("OutOfMemory"));
    }
  }

  private static Jvm.Builder site(TcpProxy proxy) {
    return Sites.jvm(
            Matrix.cells("manners").stream()
                .filter(c -> c.jdk().version() == 17)
                .findFirst()
                .orElseThrow())
        .options("-Xmx96m", "-XX:+ExitOnOutOfMemoryError")
        .weir("service=shop;drain_ms=0;admin.port=0;etcd.endpoints=" + proxy.endpoint());
  }

  /** Puts a rule that refuses everything, and waits until it does, by its name. */
  private static void rule(EtcdServer etcd, Jvm jvm, String name, int status) {
    etcd.ctl(
        "put",
        "/service/shop/rate-limit",
        "{\"qps\": 0, \"response\": {\"headers\": {\"X-Name\": \"" + name + "\"}}}");
    Await.until(
        SOON,
        () -> {
          try (Raw http = new Raw(jvm.port())) {
            Raw.Answer answer = http.get("/hello");
            return answer.status() == status && name.equals(answer.header("X-Name"));
          }
        },
        () -> "rule " + name + " is not in force\n" + jvm.told());
  }

  private static int status(Jvm jvm) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      return http.get("/hello").status();
    }
  }
}
