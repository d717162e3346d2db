package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the command line promises before a real etcd and real JVMs under the agent. */
class CliFleetTest {
  private static EtcdServer etcd;
  private static int namespaces;

  private final Path home = Work.fresh("fleet");
  private final String namespace = "/test" + ++namespaces;
  private final Cli weir =
      new Cli(home)
          .env("WEIR_ETCD_ENDPOINTS", etcd.endpoint())
          .env("WEIR_ETCD_NAMESPACE", namespace);

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  @Test
  void pushWaitsForEveryLiveInstanceAndTellsHowToUndoIt() throws IOException {
    try (Jvm one = instance("127.0.0.1:9001");
        Jvm two = instance("127.0.0.1:9002")) {
      awaitInstances(2);
      put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
      Cli.Said said =
          weir.run("push", "rules", "--wait", "--timeout", "60", "-m", "be careful").exits(0);
      assertThat(said.out())
          .containsPattern("shop/127.0.0.1:9001 +SYNCED +\\d+ ms")
          .containsPattern("shop/127.0.0.1:9002 +SYNCED +\\d+ ms");
      assertThat(said.err()).contains("all 2 live instances of shop run it");
      put("rules/service/shop/rate-limit.yaml", "qps: 6\n");
      said = weir.run("push", "rules", "--wait", "--timeout", "60", "-o", "json").exits(0);
      assertThat(said.out()).contains("\"state\": \"SYNCED\"", "\"ms\": ");
      assertThat(weir.run("status").exits(0).out()).containsPattern("9002 +SYNCED");
      String top = weir.run("top", "--count", "2", "--interval", "0.1").exits(0).out();
      assertThat(top).contains("SERVICE").doesNotContain("\u001b");

      Matcher undo = Pattern.compile("undo: weir (rollback) (\\S+)").matcher(said.err());
      assertThat(undo.find()).isTrue();
      weir.run(undo.group(1), undo.group(2), "--wait", "--timeout", "60").exits(0);
      weir.run("pull", "pulled").exits(0);
      assertThat(home.resolve("pulled/service/shop/rate-limit.yaml")).hasContent("qps: 5");
      assertThat(weir.run("history").exits(0).out())
          .contains("be careful", "rollback " + undo.group(2));
      assertThat(one.isAlive() && two.isAlive()).isTrue();
    }
  }

  @Test
  void anInstanceThatDoesNotAnswerIsNamedAndMakesTheExitCodeSix() throws Exception {
    try (Jvm one = instance("127.0.0.1:9001")) {
      awaitInstances(1);
      signal(one, "STOP");
      try {
        put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
        Cli.Said said = weir.run("push", "rules", "--wait", "--timeout", "2").exits(6);
        assertThat(said.out()).containsPattern("shop/127.0.0.1:9001 +STALE");
        assertThat(said.err())
            .contains("WEIR2202 0 of 1 live instance of shop run it")
            .contains("no acknowledgement within 2000 ms: shop/127.0.0.1:9001");
        put("other/service/pay/circuit-breaker.yaml", "open_seconds: 30\n");
        assertThat(weir.run("push", "other", "--wait", "--timeout", "2").exits(0).err())
            .as("what it does not touch is not waited for")
            .contains("no live instance of pay reports its status")
            .contains("nobody of the name pay is known");
        assertThat(weir.run("status").exits(6).out()).containsPattern("9001 +STALE");
      } finally {
        signal(one, "CONT");
      }
      Await.until(
          Duration.ofSeconds(30), () -> weir.run("status").exit() == 0, () -> "never synced again");
    }
  }

  @Test
  void whatSomebodyElseChangedIsNotOverwrittenAndTheyAreNamed() throws IOException {
    put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
    weir.run("push", "rules", "-m", "first").exits(0);
    weir.run("pull", "mine").exits(0);
    weir.run("pull", "theirs").exits(0);
    put("theirs/service/shop/rate-limit.yaml", "qps: 7\n");
    weir.run("push", "theirs", "-m", "they were faster").exits(0);
    put("mine/service/shop/rate-limit.yaml", "qps: 9\n");
    Cli.Said said = weir.run("push", "mine").exits(5);
    assertThat(said.err()).contains("WEIR2103", "they were faster", "/service/shop/rate-limit");
    weir.run("pull", "now").exits(0);
    assertThat(home.resolve("now/service/shop/rate-limit.yaml")).hasContent("qps: 7");
    assertThat(weir.run("pull", "mine").exits(5).err()).contains("WEIR2204");
    weir.run("push", "--force", "mine", "-m", "insisting").exits(0);
    assertThat(weir.run("rollback", changeOf("they were faster")).exits(5).err())
        .contains("WEIR2103", "insisting");
    assertThat(weir.run("rollback", "--to", changeOf("first")).exits(3).err())
        .contains("WEIR2206", "undoes 2 changes");
    weir.run("rollback", "--to", changeOf("first"), "--yes").exits(0);
    weir.run("pull", "--force", "mine").exits(0);
    assertThat(home.resolve("mine/service/shop/rate-limit.yaml")).hasContent("qps: 5");
  }

  @Test
  void severalRulesGoInOneRevisionOrNotAtAll() throws IOException {
    put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
    put("rules/service/pay/circuit-breaker.yaml", "open_seconds: -1\n");
    weir.run("push", "rules").exits(3);
    assertThat(weir.run("status", "-o", "json").exits(0).out()).contains("\"rules\": 0");
    put("rules/service/pay/circuit-breaker.yaml", "open_seconds: 30\n");
    weir.run("push", "rules").exits(0);
    Files.delete(home.resolve("rules/service/pay/circuit-breaker.yaml"));
    assertThat(weir.run("push", "rules").exits(0).err())
        .contains("nothing to change", "1 other rule; --prune");
    assertThat(weir.run("push", "rules", "--prune").exits(3).err())
        .contains("WEIR2206", "deletes /service/pay/circuit-breaker");
    assertThat(weir.run("push", "rules", "--prune", "--yes").exits(0).out())
        .contains("deleted /service/pay/circuit-breaker");
  }

  @Test
  void shadowAndEnforceChangeOneWordOnly() throws IOException {
    String text = "# why: see the incident of May\nqps: 5   # measured\n";
    put("rules/service/shop/rate-limit.yaml", text);
    weir.run("push", "rules").exits(0);
    weir.run("shadow", "shop/rate-limit").exits(0);
    weir.run("pull", "pulled").exits(0);
    Path file = home.resolve("pulled/service/shop/rate-limit.yaml");
    assertThat(file)
        .hasContent("# why: see the incident of May\nmode: shadow\nqps: 5   # measured");
    weir.run("enforce", "shop").exits(0);
    weir.run("pull", "pulled").exits(0);
    assertThat(file).content().contains("mode: enforce", "# measured");
    assertThat(weir.run("shadow", "nobody").exits(1).err()).contains("WEIR2004");
  }

  @Test
  void aCanaryGrowsIsPromotedAndAborted() throws IOException {
    put(
        "rules/service/shop/route.yaml",
        "# who goes where\nroutes:\n  - match: \"header:X-Me == '1'\"\n    to: [{version: v9}]\n"
            + "default:\n- version: v1\n# end\n");
    for (String version : new String[] {"v1", "v2", "v9"}) {
      etcd.txn(
          namespace,
          "/services/shop/instances/127.0.0.1:" + version.charAt(1),
          "{\"version\": \"" + version + "\"}");
    }
    weir.run("push", "rules").exits(0);
    weir.run("canary", "set", "shop", "v2", "5").exits(0);
    assertThat(route())
        .contains("{\"version\":\"v1\",\"weight\":95},{\"version\":\"v2\",\"weight\":5}");
    assertThat(route()).contains("# who goes where", "# end", "X-Me");
    weir.run("canary", "set", "shop", "v2", "20").exits(0);
    assertThat(route())
        .contains("{\"version\":\"v1\",\"weight\":80},{\"version\":\"v2\",\"weight\":20}");
    weir.run("canary", "abort", "shop", "v2").exits(0);
    assertThat(route()).contains("{\"version\":\"v1\",\"weight\":100}").doesNotContain("v2");
    weir.run("canary", "set", "shop", "v2", "50").exits(0);
    weir.run("canary", "promote", "shop", "v2").exits(0);
    assertThat(route()).contains("{\"version\":\"v2\",\"weight\":100}").doesNotContain("\"v1\"");
    assertThat(weir.run("canary", "set", "other", "v2", "5").exits(1).err()).contains("--stable");
    assertThat(weir.run("canary", "set", "other", "v2", "5", "--stable", "v1").exits(3).err())
        .contains("WEIR2206", "nobody of the name other is known");
    weir.run("canary", "set", "other", "v2", "5", "--stable", "v1", "--yes").exits(0);
  }

  @Test
  void doctorFindsAllWellAndKnowsTheRunningJvm() throws IOException {
    try (Jvm one = builder("127.0.0.1:9001").options("-javaagent:" + otherAgent()).start()) {
      awaitInstances(1);
      String out = weir.run("doctor", Long.toString(one.pid())).exits(0).out();
      assertThat(out)
          .containsPattern("ok +etcd .*version 3")
          .containsPattern("ok +clock")
          .containsPattern("ok +latency")
          .containsPattern("ok +fleet: 1 of 1")
          .containsPattern("ok +governed")
          .containsPattern("note +agents: other agents are there: .*other-agent.jar")
          .containsPattern("note +grpc: none of its classes is loaded");
    }
  }

  @Test
  void aRuleThatAnInstanceRefusesIsShownWithCodeAndReasonAndTheLastGoodOneStays() throws Exception {
    try (Jvm one = instance("127.0.0.1:9001")) {
      awaitInstances(1);
      put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
      weir.run("push", "rules", "--wait", "--timeout", "60").exits(0);
      String key = namespace + "/weir/status/shop/127.0.0.1:9001";
      String good = etcd.ctl("get", "--print-value-only", key);
      assertThat(good).contains("\"state\":\"SYNCED\"", "\"ids\":[\"default\"]");
      String applied = good.replaceAll("(?s).*\"ids\":\\[\"default\"],\"revision\":(\\d+).*", "$1");

      // somebody who does not use this command line
      etcd.txn(namespace, "/service/shop/rate-limit", "qps: -1\n");
      Await.until(
          Duration.ofSeconds(30),
          () -> etcd.ctl("get", "--print-value-only", key).contains("REJECTED"),
          one::told);
      assertThat(etcd.ctl("get", "--print-value-only", key))
          .as("the last good one is in force as of its revision")
          .contains("\"ids\":[\"default\"],\"revision\":" + applied)
          .contains("\"code\":\"WEIR1102\"", "qps is -1");
      Cli.Said said = weir.run("status").exits(6);
      assertThat(said.out()).containsPattern("9001 +REJECTED").contains("WEIR1102", "qps is -1");
      assertThat(weir.run("status", "-o", "json").exits(6).out())
          .contains("\"state\": \"REJECTED\"", "\"code\": \"WEIR1102\"");
      assertThat(weir.run("doctor").exits(3).out())
          .contains("WEIR1102")
          .containsPattern("bad +fleet: 0 of 1 live instances");
    }
  }

  @Test
  void ofTwoPeopleWhoPushAtOnceOneWinsAndTheOtherIsToldWhatHappened() throws Exception {
    put("rules/service/shop/rate-limit.yaml", "qps: 5\n");
    weir.run("push", "rules", "-m", "first").exits(0);
    weir.run("pull", "ann").exits(0);
    weir.run("pull", "bob").exits(0);
    put("ann/service/shop/rate-limit.yaml", "qps: 6\n");
    put("bob/service/shop/rate-limit.yaml", "qps: 7\n");
    CompletableFuture<Cli.Said> ann =
        CompletableFuture.supplyAsync(() -> weir.run("push", "ann", "-m", "says ann"));
    Cli.Said bob = weir.run("push", "bob", "-m", "says bob");
    boolean won = bob.exit() == 0;
    Cli.Said lost = won ? ann.get() : bob;
    (won ? bob : ann.get()).exits(0);
    lost.exits(5);
    assertThat(lost.err()).contains("WEIR2103", won ? "says bob" : "says ann");
    weir.run("pull", "now").exits(0);
    assertThat(home.resolve("now/service/shop/rate-limit.yaml"))
        .hasContent(won ? "qps: 7" : "qps: 6");
  }

  @Test
  void explainAsksTheRealRegistryForTheInstance() throws IOException {
    put("rules/service/shop/route.yaml", "default: [{version: v3}]\n");
    weir.run("push", "rules").exits(0);
    assertThat(weir.run("explain", "shop", "/a").exits(0).out())
        .contains("no instance of shop is registered");
  }

  @Test
  void explainAndSimulateTakeForHealthChecksWhatTheInstancesAreConfiguredFor() throws IOException {
    put("rules/service/shop/rate-limit.yaml", "qps: 0\n");
    weir.run("push", "rules", "--yes").exits(0);
    String line = "127.0.0.1 - - [10/Oct/2025:13:55:36 +0000] \"GET %s HTTP/1.1\" 200 5\n";
    put("access.log", String.format(line, "/status") + String.format(line, "/healthz"));
    String[] simulate = {"simulate", "--service", "shop", "access.log"};
    String assumed = "no instance of shop tells which paths are its health checks";
    Cli.Said said = weir.run("explain", "shop", "/healthz").exits(0);
    assertThat(said.out()).contains("exempt", "admitted");
    assertThat(said.err()).contains(assumed + ": the default ones are assumed");
    assertThat(weir.run(simulate).exits(0).err()).contains(assumed);
    try (Jvm one = builder("127.0.0.1:9001", ";health.paths=/status;health.path=/ping").start()) {
      awaitInstances(1);
      for (String path : new String[] {"/status", "/ping"}) {
        said = weir.run("explain", "shop", path).exits(0);
        assertThat(said.out()).as(path).contains("exempt", "admitted");
        assertThat(said.err()).doesNotContain(assumed);
      }
      assertThat(weir.run("explain", "shop", "/healthz").exits(0).out()).contains("refused: ");
      for (String with : new String[] {"", "--with=rules"}) {
        said =
            with.isEmpty()
                ? weir.run(simulate)
                : weir.run("simulate", with, "--service", "shop", "access.log");
        assertThat(said.exits(0).out()).as(with).contains("2 calls", "refused   1 (");
        assertThat(said.err()).doesNotContain(assumed);
      }
      try (Jvm two = builder("127.0.0.1:9002", ";health.paths=none").start()) {
        awaitInstances(2);
        assertThat(weir.run("explain", "shop", "/status").exits(0).err())
            .contains("instances of shop take different paths for health checks")
            .contains("127.0.0.1:9001");
        assertThat(two.isAlive() && one.isAlive()).isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 17, 25})
  void attachGovernsARunningJvm(int version) {
    Optional<Jdk> jdk = Jdk.want(version);
    if (jdk.isEmpty()) {
      return; // said loudly by want()
    }
    String old = Apps.compile(8, List.of("idle"), "", Map.of());
    try (Jvm plain = Jvm.of(jdk.get(), old, "Idle").start()) {
      Cli.Said said =
          new Cli(jdk.get().java(), home)
              .run(
                  "attach",
                  Long.toString(plain.pid()),
                  "--options",
                  "service=shop;instance.address=127.0.0.1:9099;etcd.endpoints="
                      + etcd.endpoint()
                      + ";etcd.namespace="
                      + namespace)
              .exits(0);
      assertThat(said.out()).contains("attached to " + plain.pid());
      plain.awaitStderr("attached to a running JVM");
      awaitInstances(1);
      assertThat(weir.run("status").exits(0).out()).containsPattern("127.0.0.1:9099 +SYNCED");
    }
  }

  private static Path otherAgent() throws IOException {
    Path jar = Work.fresh("other").resolve("other-agent.jar");
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", "OtherAgent");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
      out.putNextEntry(new ZipEntry("OtherAgent.class"));
      Path classes = Path.of(Apps.compile("other-agent", "", Map.of()));
      Files.copy(classes.resolve("OtherAgent.class"), out);
    }
    return jar;
  }

  private Jvm instance(String address) {
    return builder(address).start();
  }

  private Jvm.Builder builder(String address) {
    return builder(address, "");
  }

  private Jvm.Builder builder(String address, String more) {
    return Jvm.of(Jdk.find(17).orElseThrow(), idle(), "Idle")
        .weir(
            "service=shop;instance.address="
                + address
                + ";etcd.endpoints="
                + etcd.endpoint()
                + ";etcd.namespace="
                + namespace
                + more);
  }

  private static String idle() {
    return Apps.compile("idle", "", Map.of());
  }

  private void awaitInstances(int count) {
    Await.until(
        Duration.ofSeconds(60),
        () -> weir.run("status", "-o", "json").out().split("\"status\": ", -1).length - 1 == count,
        () -> weir.run("status").toString());
  }

  private String changeOf(String message) {
    String id = null;
    for (String line : weir.run("history").exits(0).out().split("\n")) {
      id = line.contains(message) && id == null ? line.split(" ")[0] : id;
    }
    return id;
  }

  private String route() throws IOException {
    weir.run("pull", "--force", "pulled").exits(0);
    return Files.readString(home.resolve("pulled/service/shop/route.yaml"));
  }

  private static void signal(Jvm jvm, String signal) throws Exception {
    new ProcessBuilder("kill", "-" + signal, Long.toString(jvm.pid())).start().waitFor();
  }

  private void put(String name, String text) throws IOException {
    Path file = home.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
