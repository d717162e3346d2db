package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** What the command line promises where rules are files, or where there are none at all. */
class CliTest {
  private final Path home = Work.fresh("cli");
  private final Cli weir = new Cli(home);

  @Test
  void withoutACommandItShowsThemAll() {
    String out = weir.run().exits(2).out();
    assertThat(out).contains("push", "rollback", "simulate", "Exit codes");
    assertThat(weir.run("help").exits(0).out()).isEqualTo(out);
    assertThat(weir.run("--help").exits(0).out()).isEqualTo(out);
  }

  @Test
  void aCommandHasItsHelp() {
    String out = weir.run("push", "--help").exits(0).out();
    assertThat(out).contains("Usage: weir push", "--output");
    assertThat(weir.run("help", "push").exits(0).out()).isEqualTo(out);
  }

  @Test
  void aMistypedCommandIsAskedAbout() {
    assertThat(weir.run("psuh").exits(2).err()).contains("WEIR2001", "did you mean 'push'?");
    assertThat(weir.run("push", "--wiat", "x").exits(2).err()).contains("WEIR2001", "--wiat");
  }

  @Test
  void versionLoadsNeitherEtcdClientNorJackson() {
    Cli.Said said = weir.option("-Xlog:class+load:file=loaded.txt").run("version").exits(0);
    assertThat(said.out()).startsWith("weir ");
    assertThat(home.resolve("loaded.txt"))
        .content()
        .contains("io.weir.agent.cli.Cli ")
        .doesNotContain("io.netty.", "io.grpc.", "io.etcd.", "com.fasterxml.", "io.weir.control.");
    assertThat(weir.run("version", "-o", "json").exits(0).out()).contains("\"version\": ");
  }

  @Test
  void whatInitWritesIsValidAndLintHasNothingToSay() {
    weir.run("init", "rules", "--service", "shop").exits(0);
    assertThat(weir.run("validate", "rules").exits(0).err()).contains("3 documents");
    weir.run("lint", "rules").exits(0);
    weir.run("init", "rules", "--service", "shop").exits(5);
  }

  @Test
  void aRefusalNamesFilePlaceValueAndBound() throws IOException {
    put("rules/service/shop/rate-limit.yaml", "burst: 10\nqps: -1\nmax_wait: 3\n");
    Cli.Said said = weir.run("validate", "rules").exits(3);
    assertThat(said.out())
        .contains("rules/service/shop/rate-limit.yaml:2:6 WEIR1102 refused: qps is -1")
        .contains("max_wait_ms");
    assertThat(weir.run("validate", "rules", "-o", "json").exits(3).out())
        .contains("\"code\": \"WEIR1102\"", "\"line\": 2", "\"column\": 6");
    assertThat(weir.run("push", "rules", "--rules", target()).exits(3).err())
        .contains("WEIR2201", "WEIR1102");
    assertThat(home.resolve("target/service")).doesNotExist();
  }

  @Test
  void aFileElsewhereNeedsItsKey() throws IOException {
    put("limit.json", "{\"qps\": 5}");
    assertThat(weir.run("validate", "limit.json").exits(2).err()).contains("WEIR2003", "--as");
    weir.run("validate", "limit.json", "--as", "/service/shop/rate-limit").exits(0);
    assertThat(weir.run("validate", "nothing-here").exits(1).err()).contains("WEIR2002");
  }

  @Test
  void inADirectoryRulesArePushedComparedAndUndoneToo() throws IOException {
    put("rules/service/shop/rate-limit.yaml", "qps: 5 # few\n");
    String rules = target();
    assertThat(weir.run("diff", "rules", "--rules", rules).exits(4).out())
        .contains("only local", "+ qps: 5");
    weir.run("push", "rules", "--rules", rules, "-m", "first").exits(0);
    weir.run("diff", "rules", "--rules", rules).exits(0);
    put("rules/service/shop/rate-limit.yaml", "qps: 6 # few\n");
    weir.run("push", "rules", "--rules", rules, "-m", "second").exits(0);
    assertThat(weir.run("history", "--rules", rules).exits(0).out()).contains("first", "second");
    weir.run("rollback", "--rules", rules).exits(0);
    assertThat(home.resolve("target/service/shop/rate-limit.yaml")).hasContent("qps: 5 # few");
    weir.run("status", "--rules", rules).exits(0);
    weir.run("top", "--rules", rules).exits(0);
  }

  @Test
  void explainNamesTheRuleThatDecidesAndWhyNotTheOthers() throws IOException {
    put(
        "rules/service/shop/rate-limit.yaml",
        "- {id: users, qps: 1, burst: 3, by: [query:user], match: \"path startsWith '/api/'\"}\n"
            + "- {id: all, qps: 100, burst: 100}\n"
            + "- {id: old, qps: 0, enabled: false}\n");
    put("rules/service/_all/rate-limit.yaml", "id: everybody\nqps: 1\n");
    Cli.Said ok = weir.run("explain", "shop", "/other", "--rules", "rules").exits(0);
    assertThat(ok.out())
        .contains("admitted")
        .contains("path is '/other', wanted path startsWith '/api/'")
        .containsPattern("rate-limit old +disabled")
        .containsPattern("rate-limit everybody +not used +shop has rules of its own");
    Cli.Said no =
        weir.run("explain", "shop", "/api/a?user=%37", "-n", "4", "--rules", "rules", "-o", "json")
            .exits(0);
    assertThat(no.out())
        .contains("\"verdict\": \"refused\"", "\"decided_by\": \"users\"", "\"status\": 429")
        .contains("\"first_refused\": 4", "bucket of query:user=7");
  }

  @Test
  void simulateTellsTheShareTheWorstMinuteAndTheKeys() throws IOException {
    put("rules/service/shop/rate-limit.json", "{\"qps\":5,\"burst\":5,\"by\":[\"client-ip\"]}");
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 1200; i++) {
      String at =
          DateTimeFormatter.ofPattern("dd/MMM/yyyy:HH:mm:ss Z", Locale.ROOT)
              .withZone(ZoneOffset.UTC)
              .format(Instant.ofEpochSecond(1_700_000_040L + i / 10));
      log.append("10.0.0.").append(i % 10 == 0 ? 2 : 1).append(" - - [").append(at);
      log.append("] \"GET /a HTTP/1.1\" 200 5\n");
    }
    put("access.log", log.toString());
    Cli.Said said =
        weir.run("simulate", "--service", "shop", "--with", "rules", "access.log").exits(0);
    assertThat(said.out())
        .contains("1200 calls over 119.9 s")
        .containsPattern("refused +4\\d\\d ")
        .containsPattern("worst minute +2023-11-14T22:1[45]:00Z")
        .containsPattern("4\\d\\d +default +client-ip=10.0.0.1")
        .doesNotContain("client-ip=10.0.0.2");
    assertThat(said.err()).contains("whole seconds only");
  }

  @Test
  void secretsAreNeverPrinted() {
    weir.env("WEIR_ETCD_PASSWORD", "hunter2").env("WEIR_ETCD_USER", "bob");
    weir.env("WEIR_ETCD_ENDPOINTS", "http://127.0.0.1:1");
    for (String[] command :
        new String[][] {
          {"config", "--origins"},
          {"config", "-o", "json"},
          {"status", "--timeout", "60"},
          {"doctor", "--timeout", "60"}
        }) {
      Cli.Said said = weir.run(command);
      assertThat(said.toString()).doesNotContain("hunter2");
    }
    assertThat(weir.run("config", "--origins").exits(0).out())
        .containsPattern("weir.etcd.password +\\*\\*\\*\\* +environment WEIR_ETCD_PASSWORD")
        .containsPattern("weir.etcd.user +bob +environment WEIR_ETCD_USER");
  }

  @Test
  void aStoreThatIsAwayIsAFailureThatNamesItsCause() {
    Cli.Said said =
        weir.run("status", "--etcd", "http://127.0.0.1:1", "--timeout", "60", "-o", "json")
            .exits(1);
    assertThat(said.out()).contains("\"code\": \"WEIR2101\"");
    assertThat(said.err()).contains("WEIR2101", "refused").doesNotContain("SLF4J", "\tat ");
    assertThat(weir.run("doctor", "--etcd", "http://127.0.0.1:1", "--timeout", "60").exits(3).out())
        .containsPattern("bad +store: WEIR2101");
  }

  @Test
  void nothingDrivesTheTerminal() throws IOException {
    put("rules/service/shop/rate-limit.json", "{\"qps\": 1, \"id\": \"a\\u001b[2Jb\"}");
    Cli.Said said = weir.run("validate", "rules");
    assertThat(said.out() + said.err()).doesNotContain("\u001b");
  }

  @Test
  void completionIsAScriptThatBashReads() throws Exception {
    String script = weir.run("completion").exits(0).out();
    assertThat(script).contains("rollback", "--wait");
    Path file = put("weir-completion", script);
    Process p = new ProcessBuilder("bash", "-n", file.toString()).inheritIO().start();
    assertThat(p.waitFor()).isZero();
  }

  @Test
  void instrumentationsNamesTheWovenClasses() {
    assertThat(weir.run("instrumentations").exits(0).out())
        .contains("servlet", "okhttp", "grpc", "okhttp3.OkHttpClient");
  }

  @Test
  void attachSaysWhyNot() {
    assertThat(weir.run("attach", "0x1").exits(2).err()).contains("WEIR2001");
    assertThat(weir.run("attach", "999999999").exits(1).err()).contains("WEIR2401");
  }

  private String target() throws IOException {
    Files.createDirectories(home.resolve("target"));
    return "file:target";
  }

  private Path put(String name, String text) throws IOException {
    Path file = home.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }
}
