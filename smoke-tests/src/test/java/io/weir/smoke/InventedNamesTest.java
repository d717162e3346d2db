package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Thousands of names that a caller made up close nothing for others and write nothing to etcd. */
class InventedNamesTest {
  @Test
  void moreNamesThanThereIsRoomForCloseNothingForOthers() {
    String jars = Maven.resolve("com.squareup.okhttp3:okhttp:4.12.0");
    String classpath = Apps.with(Apps.compile("invented", jars, Map.of()), jars);
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl(
          "put",
          "/service/*/circuit-breaker",
          "{\"window\": {\"type\": \"count\", \"size\": 5}, \"min_calls\": 5, \"min_seconds\": 0,"
              + " \"open_seconds\": 600, \"max_open_seconds\": 600}");
      try (Jvm jvm =
          Jvm.of(Jdk.find(17).orElseThrow(), classpath, "Invented")
              .weir("service=shop;admin.port=0;etcd.endpoints=" + etcd.endpoint())
              .start()) {
        jvm.awaitStderr("connected to");
        Await.until(
            Duration.ofSeconds(30),
            () -> Metrics.of(jvm).page("/rules").contains("/service/*/circuit-breaker"),
            jvm::told);
        jvm.say("go");
        Await.until(
            Duration.ofSeconds(120),
            () -> jvm.stdout().stream().anyMatch(l -> l.startsWith("GOOD ")),
            jvm::told);
        assertThat(jvm.stdout())
            .as("a host made up has a breaker, and it is open")
            .contains("FIRST 503")
            .as("a name there was no room for is refused nothing")
            .contains("GOOD 100");
        assertThat(etcd.ctl("get", "--prefix", "--keys-only", "/circuit-breaker/")).isBlank();
        assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
      }
    }
  }
}
