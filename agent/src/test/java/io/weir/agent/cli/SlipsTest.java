package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Slips of a tired operator, each one command away from an outage, against a real etcd. */
class SlipsTest {
  private static final String LIMIT = "service/shop/rate-limit.yaml";
  private static EtcdServer etcd;
  private static int namespaces;

  @TempDir Path home;
  private final String namespace = "/slips" + ++namespaces;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  // push after somebody else's change

  @Test
  void aPushAfterEnforceDoesNotPutTheLimitBackToShadow() throws IOException {
    put("rules", LIMIT, "qps: 5\nmode: shadow\n");
    weir("push", dir("rules"), "-m", "first").exits(0);
    weir("enforce", "shop/rate-limit", "-m", "it is time").exits(0);
    weir("push", dir("rules")).exits(5).says("WEIR2103", "it is time", "weir pull", "--force");
    assertThat(inForce("/service/shop/rate-limit")).contains("mode: enforce");

    // the way out: what was pushed once may be replaced
    weir("pull", dir("rules")).exits(0);
    assertThat(home.resolve("rules").resolve(LIMIT)).content().contains("mode: enforce");
    put("rules", LIMIT, "qps: 6\nmode: enforce\n");
    weir("push", dir("rules")).exits(0);
    weir("shadow", "shop").exits(0);
    put("rules", LIMIT, "qps: 7\nmode: enforce\n");
    weir("push", dir("rules"), "--yes").as("--yes does not mean --force").exits(5);
    weir("push", dir("rules"), "--force").exits(0);
    assertThat(inForce("/service/shop/rate-limit")).isEqualTo("qps: 7\nmode: enforce");
  }

  @Test
  void aFreshCloneNoticesWhatOthersChangedSinceTheLastPushFromTheRepository() throws IOException {
    put("one", LIMIT, "qps: 5\nmode: shadow\n");
    put("one", "service/pay/rate-limit.yaml", "qps: 5\n");
    clone("one", "https://token@git.example.org/acme/rules.git");
    weir("push", dir("one")).exits(0);
    put("two", LIMIT, "qps: 6\nmode: shadow\n");
    clone("two", "git@git.example.org:acme/rules.git");
    weir("push", dir("two")).as("a commit later").exits(0);

    weir("enforce", "shop/rate-limit", "-m", "by hand").exits(0);
    put("three", LIMIT, "qps: 7\nmode: shadow\n");
    clone("three", "https://git.example.org/acme/rules");
    weir("push", dir("three")).exits(5).says("by hand");
    put("three", LIMIT, "qps: 7\nmode: enforce\n");
    weir("push", dir("three")).as("their change is in the files").exits(0);

    // other files that hold the same rule
    put("elsewhere", LIMIT, "qps: 1\nmode: enforce\n");
    weir("push", dir("elsewhere")).exits(5).says("/service/shop/rate-limit");
    weir("push", home.resolve("three").resolve(LIMIT).toString()).exits(0).says("nothing to");
  }

  @Test
  void aCanaryARollbackAndASwitchByOthersAreNotUndoneByAPush() throws IOException {
    register("shop", 1, "v1");
    register("shop", 2, "v2");
    put("rules", "service/shop/route.yaml", "default: [{version: v1}]\n");
    put("rules", LIMIT, "qps: 5\n");
    weir("push", dir("rules")).exits(0);
    weir("canary", "set", "shop", "v2", "20", "-m", "careful").exits(0);
    put("rules", LIMIT, "qps: 6\n");
    weir("push", dir("rules")).exits(5).says("/service/shop/route", "careful");
    weir("canary", "abort", "shop", "v2").exits(0);
    weir("push", "--force", dir("rules")).exits(0);

    weir("rollback", "-m", "six was too much").exits(0);
    put("rules", LIMIT, "qps: 8\n");
    weir("push", dir("rules")).exits(5).says("six was too much");

    // somebody deletes a rule: files from before must not bring it back
    weir("push", "--force", dir("rules")).exits(0);
    etcd.ctl("del", namespace + "/service/shop/rate-limit");
    weir("push", dir("rules")).exits(5).says("was deleted");
    weir("pull", dir("rules")).exits(0).says("no longer in force");
  }

  @Test
  void whatWasNotWrittenWithThisCommandLineIsNotReplacedSilently() throws IOException {
    etcd.txn(namespace, "/service/shop/rate-limit", "qps: 50\n");
    put("rules", LIMIT, "qps: 5\n");
    weir("push", dir("rules")).exits(5).says("not with this command line");
    weir("push", dir("rules"), "--force").exits(0);
    etcd.txn(namespace, "/service/shop/rate-limit", "qps: 50\n");
    put("rules", LIMIT, "qps: 6\n");
    weir("push", dir("rules")).exits(5);
  }

  @Test
  void filesOfAnotherStoreAreNotPushedUnasked() throws IOException {
    put("rules", LIMIT, "qps: 5\n");
    weir("push", dir("rules")).exits(0);
    environment.put("WEIR_ETCD_NAMESPACE", namespace + "-production");
    weir("push", dir("rules")).exits(3).says("WEIR2206", "these files were pulled from or pushed");
    weir("pull", dir("rules")).exits(5).says("holds the rules of");
    weir("push", dir("rules"), "--yes").exits(0);
    put("rules", LIMIT, "qps: 6\n");
    weir("push", dir("rules")).as("known from now on").exits(0);
  }

  // prune

  @Test
  void pruneDeletesOnlyWhatTheDirectoryOwnsAndAsksBefore() throws IOException {
    put("pay", "service/pay/rate-limit.yaml", "qps: 5\n");
    weir("push", dir("pay")).exits(0);
    put("platform", "service/shop/circuit-breaker.yaml", "open_seconds: 30\n");
    weir("push", dir("platform")).exits(0);
    put("shop", LIMIT, "qps: 5\n");
    put("shop", "service/shop/route.yaml", "default: [{weight: 100}]\n");
    weir("push", dir("shop"), "--prune").exits(0).says("2 rules that belong to others");
    Files.delete(home.resolve("shop/service/shop/route.yaml"));
    weir("push", dir("shop")).exits(0).says("1 other rule; --prune");
    weir("push", dir("shop"), "--prune")
        .exits(3)
        .says("WEIR2206", "deletes /service/shop/route", "--yes");
    assertThat(inForce("/service/shop/route")).isNotEmpty();
    weir("push", dir("shop"), "--prune", "--yes").exits(0).says("deleted /service/shop/route");
    assertThat(inForce("/service/pay/rate-limit")).isNotEmpty();
    assertThat(inForce("/service/shop/circuit-breaker")).isNotEmpty();

    // pulled once, other teams' files removed since: they are still theirs
    weir("pull", dir("all")).exits(0);
    Files.delete(home.resolve("all/service/pay/rate-limit.yaml"));
    weir("push", dir("all"), "--prune").exits(0);
    assertThat(inForce("/service/pay/rate-limit")).isNotEmpty();

    Files.createDirectories(home.resolve("empty"));
    weir("push", dir("empty"), "--prune", "--yes").exits(1).says("no rule in");
    weir("push", dir("shop"), "--prune-all").exits(3).says("not pushed from here");
    weir("push", dir("shop"), "--prune-all", "--yes").exits(0);
    assertThat(inForce("/service/pay/rate-limit")).isEmpty();
  }

  @Test
  void pruneLeavesAKillSwitchAlone() throws IOException {
    put("shop", LIMIT, "qps: 5\n");
    weir("push", dir("shop")).exits(0);
    etcd.txn(namespace, "/service/shop/off", "incident");
    weir("push", dir("shop"), "--prune", "--prune-all", "--yes").exits(0);
    assertThat(inForce("/service/shop/off")).isEqualTo("incident");
  }

  // versions that nobody runs

  @Test
  void initPushAndEnforceSendNobodyToAVersionThatNobodyRuns() throws IOException {
    register("shop", 1, null);
    weir("init", dir("rules"), "--service", "shop").exits(0);
    weir("push", dir("rules")).exits(0);
    weir("enforce", "shop").exits(0);
    weir("explain", "shop", "/").exits(0).says("admitted", "127.0.0.1:1");
    weir("init", dir("other"), "--service", "a/b").exits(2).says("WEIR2001");
  }

  @Test
  void aRouteToAVersionThatNobodyRunsIsRefusedByLintPushEnforceAndRollback() throws IOException {
    register("shop", 1, "v1");
    put("rules", "service/shop/route.yaml", "default: [{version: v3}]\n");
    weir("lint", dir("rules")).exits(3).says("nobody-runs", "is v3; there are [v1]");
    weir("push", dir("rules")).exits(3).says("WEIR2206", "is v3; there are [v1]", "--yes");
    assertThat(inForce("/service/shop/route")).isEmpty();
    put("rules", "service/shop/route.yaml", "default: [{version: v3}]\nmode: shadow\n");
    weir("push", dir("rules")).exits(0).says("warning", "is v3; there are [v1]");
    weir("enforce", "shop").exits(3).says("is v3; there are [v1]");
    put("rules", "service/shop/route.yaml", "default: [{version: v1}]\n");
    weir("push", dir("rules")).exits(0);
    register("shop", 1, "v4");
    weir("rollback", "--yes").exits(0);
    weir("push", dir("rules"), "--force").exits(3).says("is v1; there are [v4]");
    weir("push", dir("rules"), "--force", "--yes").exits(0);
    put("rules", "service/shop/route.yaml", "# the same\ndefault: [{version: v1}]\n");
    weir("push", dir("rules")).as("no worse than it was").exits(0).says("warning");

    // a row for a canary that may be absent, and labels
    register("pay", 2, "v1");
    put(
        "pay",
        "service/pay/route.yaml",
        "routes:\n- match: \"header:X-Canary == 'true'\"\n  to: [{version: v2}]\n"
            + "  fallback: default\ndefault: [{version: v1}]\n");
    weir("push", dir("pay")).exits(0).says("warning", "is v2");
    put("pay", "service/pay/route.yaml", "default: [{labels: {pool: blue}}]\n");
    weir("push", dir("pay")).exits(3).says("labelled {pool=blue}");
  }

  @Test
  void aCanaryThatNobodyRunsIsRefusedAndTheVersionsThatRunAreNamed() throws IOException {
    register("shop", 1, "v1");
    weir("canary", "set", "shop", "v2", "5").exits(3).says("is v2; there are [v1]", "--yes");
    weir("canary", "promote", "shop", "v2").exits(3).says("is v2; there are [v1]");
    weir("canary", "set", "shpo", "v2", "5", "--stable", "v1")
        .exits(3)
        .says("nobody of the name shpo", "did you mean shop?");
    register("shop", 2, "v2");
    weir("canary", "set", "shop", "v2", "5").exits(0);
    etcd.ctl("del", namespace + "/services/shop/instances/127.0.0.1:2");
    weir("canary", "promote", "shop", "v2").exits(3).says("100 % of calls", "is v2");
    weir("canary", "abort", "shop", "v2").exits(0);
    weir("canary", "set", "shop", "v2", "5", "--yes").exits(0);
  }

  @Test
  void givingUpTheVersionThatHasMostCallsAsks() throws IOException {
    register("shop", 1, "v1");
    register("shop", 2, "v2");
    put("rules", "service/shop/route.yaml", "default: [{version: v1}]\n");
    weir("push", dir("rules")).exits(0);
    weir("canary", "set", "shop", "v2", "5").exits(0);
    weir("canary", "abort", "shop", "v1").exits(3).says("v1 has 95 % of the calls");
    weir("canary", "abort", "shop", "v2").exits(0);
    weir("canary", "set", "other", "v2", "5").exits(1).says("nobody of the name", "--stable");
  }

  // rules that close everything

  @Test
  void whatIsProbablyAMistakeIsShownAndNotRefused() throws IOException {
    put("rules", LIMIT, "qps: 5000\n");
    weir("push", dir("rules")).exits(0);
    put("rules", LIMIT, "qps: 500\n");
    weir("push", dir("rules")).exits(0).says("qps falls from 5000 to 500");
    put(
        "rules",
        LIMIT,
        "{qps: 400, by: [header:X-User], on_missing: reject, max_wait_ms: 60000,"
            + " response: {status: 200}}\n");
    weir("push", dir("rules"))
        .exits(0)
        .says("rejects-missing", "long-wait", "looks-well")
        .saysNot("qps falls");
    put("all", "service/_all/circuit-breaker.yaml", "{open_seconds: 7200, min_calls: 1}\n");
    weir("push", dir("all"))
        .exits(0)
        .says("concerns every service", "long-open", "one-failure-opens");
    weir("push", dir("all"), "--no-lint").exits(0).saysNot("long-open");
    put("twice", LIMIT, "qps: 1\n");
    weir("push", dir("twice"), dir("rules")).exits(2).says("are both", "rate-limit");
  }

  @Test
  void evidenceThatOneCallerCanMakeIsWarnedOf() throws IOException {
    String breaker = "service/pay/circuit-breaker.yaml";
    put("rules", breaker, "{}\n");
    weir("lint", dir("rules"))
        .saysNot("short-evidence")
        .saysNot("fleet-500")
        .saysNot("one-witness");
    put("rules", breaker, "{min_seconds: 0, quorum: 1, record: {status: [5xx]}}\n");
    weir("lint", dir("rules"))
        .says("short-evidence", "for every caller", "fleet-500", "one-witness");
    put("rules", breaker, "{quorum: 30%}\n");
    weir("lint", dir("rules")).saysNot("one-witness");
    put("rules", breaker, "{sharing: local, record: {status: [500]}}\n");
    weir("lint", dir("rules")).saysNot("fleet-500");
    put("rules", breaker, "{record: {status: [503]}}\n");
    weir("lint", dir("rules")).saysNot("fleet-500");
  }

  @Test
  void aPushThatClosesEverythingNeedsYes() throws IOException {
    String[][] closing = {
      {"rate-limit.yaml", "qps: 0\n", "qps 0 refuses every call"},
      {"rate-limit.yaml", "{qps: 0, match: \"path startsWith '/'\"}\n", "qps 0 refuses every"},
      {"rate-limit.yaml", "{qps: 0, by: [client-ip]}\n", "qps 0 refuses every call"},
      {"circuit-breaker.yaml", "force: open\n", "force: open refuses every call"},
      {"circuit-breaker.yaml", "record: {status: [200-599]}\n", "counts 200 as a failure"},
    };
    for (String service : new String[] {"shop", "_all"}) {
      for (String[] c : closing) {
        String folder = Integer.toHexString((service + c[1]).hashCode());
        put(folder, "service/" + service + "/" + c[0], c[1]);
        weir("push", dir(folder)).exits(3).says("WEIR2206", c[2], "--yes");
        weir("lint", dir(folder)).exits(3).says(c[2]);
        weir("push", dir(folder), "--dry-run").exits(3).says(c[2], "nothing was written");
        put(folder, "service/" + service + "/" + c[0], c[1] + "mode: shadow\n");
      }
    }
    assertThat(inForce("--prefix", "/service/")).isEmpty();
    put("off", "service/shop/off", "");
    put("off", LIMIT, "qps: 5\n");
    weir("push", dir("off")).exits(3).says("switches every rule of shop off");
    put("off", "service/shop/force", "open");
    Files.delete(home.resolve("off/service/shop/off"));
    weir("push", dir("off")).exits(3).says("every call to shop is refused");
    put("off", "service/shop/force", "oben");
    weir("push", dir("off")).exits(3).says("expected open, closed or none");
    put("one", LIMIT, "{qps: 0, match: \"path == '/admin'\"}\n");
    weir("push", dir("one")).as("one path may be closed").exits(0).says("warning", "deny-some");
    put("one", LIMIT, "{qps: 0, mode: shadow}\n");
    weir("push", dir("one")).exits(0).says("warning");
    weir("push", dir("one"), "--no-lint").exits(0);
    weir("enforce", "shop").exits(3).says("qps 0 refuses every call to shop");
    weir("enforce", "shop", "--yes").exits(0).says("danger: ");
  }

  @Test
  void deletingAKillSwitchBringsBackWhatItHeld() throws IOException {
    etcd.txn(namespace, "/service/shop/off", "");
    put("rules", LIMIT, "qps: 0\n");
    weir("push", dir("rules")).as("switched off").exits(0);
    put("rules", "service/shop/off", "");
    weir("push", dir("rules"), "--force").exits(0);
    Files.delete(home.resolve("rules/service/shop/off"));
    etcd.txn(namespace, "/service/shop/off", "again");
    put("rules", "service/shop/off", "held");
    weir("push", dir("rules"), "--force", "--yes").exits(0);
    Files.delete(home.resolve("rules/service/shop/off"));
    weir("push", dir("rules"), "--prune")
        .exits(3)
        .says("deletes /service/shop/off", "qps 0 refuses every call to shop");
  }

  // who is meant

  @Test
  void aServiceThatNobodyKnowsIsSaidWithTheNearestName() throws IOException {
    register("order-service", 1, "v1");
    put("rules", "service/oder-service/rate-limit.yaml", "qps: 5\n");
    String wanted = "nobody of the name oder-service is known";
    weir("lint", dir("rules")).exits(3).says(wanted, "did you mean order-service?");
    weir("push", dir("rules")).exits(0).says(wanted, "did you mean order-service?");
    weir("explain", "oder-service", "/").exits(0).says(wanted, "did you mean order-service?");
    weir("status").says(wanted, "did you mean order-service?");
    weir("status", "oder-service").says(wanted);
    weir("lint").exits(3).says(wanted);
    weir("enforce", "odr-service").exits(1).says("did you mean /service/oder-service?");
    weir("explain", "order-service", "/").exits(0).saysNot("nobody of the name");
  }

  @Test
  void shadowAndEnforceNeedAName() throws IOException {
    put("rules", LIMIT, "qps: 5\n");
    weir("push", dir("rules")).exits(0);
    for (String all : new String[] {"", "/", "/service", "/service/"}) {
      weir("shadow", all).exits(2).says("names no rule");
    }
  }

  @Test
  void rollbackOfSomebodyElsesChangeOrOfManyAsks() throws IOException {
    environment.put("HOSTNAME", "ann");
    put("rules", LIMIT, "qps: 5\n");
    weir("push", dir("rules"), "-m", "first").exits(0);
    put("rules", LIMIT, "qps: 6\n");
    weir("push", dir("rules")).exits(0);
    environment.put("HOSTNAME", "bob");
    weir("rollback").exits(3).says("the last change is not yours", "@ann");
    put("rules", LIMIT, "qps: 7\n");
    weir("push", dir("rules")).exits(0);
    String first = "";
    for (String line : weir("history").exits(0).text.split("\n")) {
      first = line.contains("first") ? line.split(" ")[0] : first;
    }
    weir("rollback", "--to", first).exits(3).says("undoes 2 changes");
    weir("rollback", "--dry-run").exits(0).says("would be changed: /service/shop/rate-limit");
    weir("rollback").exits(0);
    assertThat(inForce("/service/shop/rate-limit")).isEqualTo("qps: 6");
  }

  /** What a command came to. */
  private static final class Said {
    private final int exit;
    private final String text;
    private final String command;

    Said(int exit, String text, String command) {
      this.exit = exit;
      this.text = text;
      this.command = command;
    }

    Said as(String why) {
      return new Said(exit, text, why + ": " + command);
    }

    Said exits(int wanted) {
      assertThat(exit).as("%s\n%s", command, text).isEqualTo(wanted);
      return this;
    }

    Said says(String... parts) {
      assertThat(text).as(command).contains(parts);
      return this;
    }

    Said saysNot(String part) {
      assertThat(text).as(command).doesNotContain(part);
      return this;
    }
  }

  private Said weir(String... words) {
    Map<String, String> env = new HashMap<>();
    env.put("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
    env.put("WEIR_ETCD_NAMESPACE", namespace);
    env.put("HOSTNAME", "here");
    env.putAll(environment);
    ByteArrayOutputStream to = new ByteArrayOutputStream();
    PrintStream print = new PrintStream(to, true, StandardCharsets.UTF_8);
    int exit = Cli.run(words, new File(home.toFile(), "weir.jar"), print, print, env);
    return new Said(exit, to.toString(StandardCharsets.UTF_8), "weir " + String.join(" ", words));
  }

  private String inForce(String... what) {
    List<String> words = new ArrayList<>(List.of("get", "--print-value-only"));
    for (String w : what) {
      words.add(w.startsWith("/") ? namespace + w : w);
    }
    return etcd.ctl(words.toArray(new String[0])).trim();
  }

  private void register(String service, int port, String version) {
    etcd.txn(
        namespace,
        "/services/" + service + "/instances/127.0.0.1:" + port,
        version == null ? "{}" : "{\"version\": \"" + version + "\"}");
  }

  private String dir(String name) {
    return home.resolve(name).toString();
  }

  private void put(String folder, String file, String text) throws IOException {
    Path path = home.resolve(folder).resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private void clone(String folder, String remote) throws IOException {
    Path git = home.resolve(folder).resolve(".git");
    Files.createDirectories(git);
    Files.writeString(
        git.resolve("config"),
        "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = " + remote + "\n");
  }
}
