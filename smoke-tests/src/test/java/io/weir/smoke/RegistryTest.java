package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

  /** Two hosts, and a container on one of them that is called like it; each JVM is process 1. */
  @Test
  void hostsWithTheSameProcessIdsAreInstancesOfTheirOwn() throws Exception {
    Process probe = new ProcessBuilder(host("probe", "true")).redirectErrorStream(true).start();
    String said = new String(probe.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(probe.waitFor())
        .as("hosts are made by unshare(1), as root or where users may make namespaces: %s", said)
        .isZero();
    List<Jvm> jvms = new ArrayList<>();
    try {
      for (String name : List.of("host-a", "host-b", "host-a")) {
        jvms.add(
            Sites.jvm(containers().get(0))
                .inside(host(name))
                .options("-XX:-UsePerfData") // its file has the process id in its name
                .weir(options("twins"))
                .launch());
      }
      jvms.forEach(Jvm::awaitReady);
      Await.until(
          TTL_AND_MORE,
          () -> jvms.stream().allMatch(j -> keys("twins").contains(":" + j.port())),
          () -> keys("twins") + "\n" + jvms.get(0).told());
      Await.until(TTL_AND_MORE, () -> statuses("twins").size() == 3, () -> "" + statuses("twins"));
      assertThat(statuses("twins"))
          .allMatch(k -> k.matches("/weir/status/twins/host-[ab]:1~[0-9a-z]+"))
          .filteredOn(k -> k.contains("/host-a:"))
          .hasSize(2);
      Cli.Said status =
          new Cli(Work.fresh("twins")).run("status", "twins", "--etcd", etcd.endpoint()).exits(0);
      for (Jvm j : jvms) {
        assertThat(status.out()).contains("127.0.0.1:" + j.port());
      }
    } finally {
      jvms.forEach(Jvm::kill);
    }
  }

  /** A command that runs the rest of its line as process 1 of a host of that name. */
  private static List<String> host(String name, String... command) {
    List<String> all =
        new ArrayList<>(List.of("unshare", "--uts", "--pid", "--fork", "--mount-proc"));
    all.add("--kill-child");
    if (!System.getProperty("user.name").equals("root")) {
      all.add("--map-root-user");
    }
    all.addAll(List.of("sh", "-c", "hostname \"$0\" && exec \"$@\"", name));
    all.addAll(List.of(command));
    return all;
  }

  private static List<String> statuses(String service) {
    return etcd.ctl("get", "--prefix", "--keys-only", "/weir/status/" + service + "/")
        .lines()
        .filter(l -> !l.isBlank())
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    // what the jar is called; what is in its manifest; in application.yml; on the command line
    "app-1.2.jar, a-title, orders, ,orders",
    "app-1.2.jar, a-title, , ,a-title",
    "app-1.2.jar, a-title, orders, told, told",
  })
  void aFatJarOfSpringBootIsRegisteredUnderItsName(
      String file, String title, String yaml, String argument, String service) throws IOException {
    Path jar = FatJar.write(Work.fresh("fat").resolve(file), title, yaml);
    Jvm.Builder app =
        Jvm.ofJar(Jdk.find(17).orElseThrow(), jar)
            .weir("drain_ms=0;etcd.endpoints=" + etcd.endpoint());
    if (argument != null) {
      app.arguments("--spring.application.name=" + argument);
    }
    try (Jvm jvm = app.start()) {
      assertThat(jvm.awaitStderr("governs service")).contains("'" + service + "'");
      Await.until(TTL_AND_MORE, () -> keys(service).contains(":" + jvm.port()), jvm::told);
    }
  }

  private static String options(String service) {
    return "service=" + service + ";etcd.endpoints=" + etcd.endpoint();
  }

  private static String keys(String service) {
    return etcd.ctl("get", "--prefix", "--keys-only", "/services/" + service + "/").trim();
  }
}
