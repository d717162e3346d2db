package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Instances register the port they really listen on, are gone when they hang or die, and come back
 * by themselves.
 */
class RegistryTest {
  private static final Duration TTL_AND_MORE = Duration.ofSeconds(30);
  private static EtcdServer etcd;

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  static List<Matrix.Cell> containers() {
    return Matrix.cells("servlet").stream()
        .filter(
            c ->
                c.jdk().version() == 17
                    && !c.name().startsWith("tomcat-8")
                    && !c.name().equals("jetty-11.0"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("containers")
  void aContainerRegistersItsRealPortAndDeregistersWhenTerminated(Matrix.Cell cell) {
    String service = "web-" + cell.name();
    try (Jvm jvm =
        Sites.jvm(cell)
            .weir(
                options(service) + ";version=v7;region=cn-east-2;labels.canary=true;drain_ms=1000")
            .start()) {
      String key = "/services/" + service + "/instances/";
      Await.until(
          TTL_AND_MORE,
          () -> keys(service).contains(":" + jvm.port()),
          () -> "not registered\n" + jvm.told());
      assertThat(etcd.ctl("get", "--prefix", "--print-value-only", key))
          .contains("\"version\":\"v7\"")
          .contains("\"region\":\"cn-east-2\"")
          .contains("\"canary\":\"true\"")
          .contains("\"protocol\":\"http\"");
      // the status key is older than the port and so named otherwise: its value says who it is
      Await.until(
          TTL_AND_MORE,
          () ->
              etcd.ctl("get", "--prefix", "--print-value-only", "/weir/status/" + service + "/")
                  .contains("\"addresses\":[\"127.0.0.1:" + jvm.port() + "\"]"),
          jvm::told);
      jvm.signal("TERM");
      jvm.awaitExit();
      long ended = System.nanoTime();
      // well before the lease of 10 s would end it: this is the deregistration, not the lease
      Await.until(
          Duration.ofSeconds(5),
          () -> keys(service).isBlank(),
          () -> keys(service) + "\n" + jvm.told());
      System.out.printf(
          "%s: gone %.1f s after the JVM ended%n", cell, (System.nanoTime() - ended) / 1e9);
    }
  }

  @Test
  void aGrpcServerRegistersAndIsAskedByTheHealthProtocol() {
    String jars = Maven.resolve("io.grpc:grpc-netty-shaded:1.60.2", "io.grpc:grpc-stub:1.60.2");
    String classes = Apps.compile(List.of("fleet", "fleet-grpc"), jars, Map.of());
    try (Jvm jvm =
        Jvm.of(Jdk.find(17).orElseThrow(), Apps.with(classes, jars), "fleet.Target")
            .weir(options("stock"))
            .start()) {
      Await.until(TTL_AND_MORE, () -> keys("stock").contains(":" + jvm.port()), jvm::told);
      assertThat(etcd.ctl("get", "--prefix", "--print-value-only", "/services/stock/"))
          .contains("\"protocol\":\"grpc\"");
    }
  }

  @Test
  void aPausedAndAKilledJvmAreGoneWithTheirLeasesAndThePausedOneComesBack() {
    Matrix.Cell cell = containers().get(0);
    try (Jvm paused = Sites.jvm(cell).weir(options("paused")).launch();
        Jvm killed = Sites.jvm(cell).weir(options("killed")).launch()) {
      paused.awaitReady();
      killed.awaitReady();
      Await.until(TTL_AND_MORE, () -> keys("paused").contains(":" + paused.port()), paused::told);
      Await.until(TTL_AND_MORE, () -> keys("killed").contains(":" + killed.port()), killed::told);
      paused.signal("STOP");
      killed.kill();
      Await.until(TTL_AND_MORE, () -> keys("paused").isBlank(), () -> "still registered");
      Await.until(TTL_AND_MORE, () -> keys("killed").isBlank(), () -> "still registered");
      paused.signal("CONT");
      Await.until(TTL_AND_MORE, () -> keys("paused").contains(":" + paused.port()), paused::told);
    }
  }

  @Test
  void aLostEtcdBringsTheRegistrationBackWhenItReturns() {
    Matrix.Cell cell = containers().get(0);
    try (Jvm jvm = Sites.jvm(cell).weir(options("etcd-lost") + ";admin.port=0").start()) {
      Await.until(TTL_AND_MORE, () -> keys("etcd-lost").contains(":" + jvm.port()), jvm::told);
      assertThat(Metrics.of(jvm).page("/metrics"))
          .contains("\nweir_registered{address=\"127.0.0.1:" + jvm.port() + "\"} 1\n")
          .contains("\nweir_registration_lost_total{address=\"127.0.0.1:" + jvm.port() + "\"} 0\n");
      etcd.stop();
      etcd.wipe();
      etcd.restart();
      Await.until(
          Duration.ofSeconds(60), () -> keys("etcd-lost").contains(":" + jvm.port()), jvm::told);
      Await.until(
          TTL_AND_MORE,
          () ->
              Metrics.of(jvm).sum("weir_registration_lost_total") == 1
                  && Metrics.of(jvm).sum("weir_registered") == 1,
          () -> Metrics.of(jvm).page("/metrics") + jvm.told());
    }
  }

  @Test
  void withoutConfigurationNoEtcdIsAskedAndOneLineSaysHowToConfigure() {
    try (Jvm jvm = Sites.jvm(containers().get(0)).weir("drain_ms=0").start()) {
      jvm.awaitStderr("no rules are configured, so nothing is governed and no etcd is asked");
      jvm.awaitStderr("weir.service is not set, and no other name was found");
      assertThat(jvm.threads()).contains("weir-control").doesNotContain("weir-etcd");
    }
  }

  private static String options(String service) {
    return "service=" + service + ";etcd.endpoints=" + etcd.endpoint();
  }

  private static String keys(String service) {
    return etcd.ctl("get", "--prefix", "--keys-only", "/services/" + service + "/").trim();
  }
}
