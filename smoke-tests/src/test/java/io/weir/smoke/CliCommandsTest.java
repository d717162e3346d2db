package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Every command of the overview, in the order of a day's work, against a real etcd that wants a
 * password and a real JVM under the agent, with {@code -o json}: one JSON value on stdout, its exit
 * code, no colour, no password anywhere, and no warning of the JVM's: command and application run
 * on the newest JDK, which warns of what later ones will not allow. A command that is added to the
 * overview and not here fails the test.
 */
class CliCommandsTest {
  private static final String PASSWORD = "hunter2-of-etcd";
  private static final Jdk NEWEST = Jdk.want(25).or(() -> Jdk.find(17)).orElseThrow();

  private final Path home = Work.fresh("commands");
  private final Map<String, String[]> commands = new LinkedHashMap<>();

  @Test
  void everyCommandAnswersInJsonFromARealEtcdAndARealJvm() throws IOException {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("user", "add", "root:" + PASSWORD);
      etcd.ctl("user", "grant-role", "root", "root");
      etcd.ctl("auth", "enable");
      String options =
          "service=shop;instance.address=127.0.0.1:9001;etcd.user=root;etcd.endpoints="
              + etcd.endpoint();
      try (Jvm governed = idle().weir(options).start();
          Jvm plain = idle().start()) {
        Cli weir =
            new Cli(NEWEST.java(), home)
                .env("WEIR_ETCD_ENDPOINTS", etcd.endpoint())
                .env("WEIR_ETCD_USER", "root")
                .env("WEIR_ETCD_PASSWORD", PASSWORD);
        Await.until(
            Duration.ofSeconds(60),
            () -> weir.run("status", "-o", "json").out().contains("\"agent\""),
            governed::told);
        Files.writeString(
            home.resolve("access.log"),
            "1.1.1.1 - - [14/Nov/2023:22:14:00 +0000] \"GET /a HTTP/1.1\" 200 5\n");

        say("init", "rules", "--service", "shop");
        say("validate", "rules");
        say("lint", "rules");
        say("push", "rules", "--wait", "--timeout", "60", "-m", "first");
        say("diff", "rules");
        say("pull", "pulled");
        say("status");
        say("top");
        say("dashboards", "export", "dashboards");
        say("explain", "shop", "/a?user=7");
        say("simulate", "--service", "shop", "access.log");
        say("shadow", "shop/rate-limit");
        say("enforce", "shop/rate-limit", "--wait", "--timeout", "60");
        say("canary", "set", "shop", "v2", "5", "--stable", "v1", "--yes");
        say("history");
        say("rollback", "--wait", "--timeout", "60");
        say("doctor", Long.toString(governed.pid()));
        say("attach", Long.toString(plain.pid()), "--options", options.replace("9001", "9002"));
        say("role", "--service", "shop", "--calls", "payment");
        say("config", "--origins");
        say("instrumentations");
        say("demo");
        say("completion");
        say("version");
        assertThat(commands.keySet()).containsExactlyInAnyOrderElementsOf(overview(weir));

        Map<String, Cli.Said> answers = new LinkedHashMap<>();
        for (Map.Entry<String, String[]> c : commands.entrySet()) {
          List<String> words = new ArrayList<>(List.of(c.getKey()));
          words.addAll(List.of(c.getValue()));
          words.addAll(List.of("-o", "json"));
          Cli.Said said = weir.run(words.toArray(new String[0])).exits(0);
          answers.put(c.getKey(), said);
          assertThat(Json.isOne(said.out())).as("one JSON value: %s", said).isTrue();
          assertThat(said.toString()).doesNotContain("\u001b", "\tat ", "WARNING:");
          assertThat(said.out() + said.err()).as("%s", said.command()).doesNotContain(PASSWORD);
        }
        assertThat(answers.get("push").out()).contains("\"state\": \"SYNCED\"", "\"ms\": ");
        assertThat(answers.get("push").err()).contains("undo: weir rollback ");
        assertThat(answers.get("history").out()).contains("\"first\"", "canary set shop v2 5");
        assertThat(answers.get("status").out()).contains("\"state\": \"SYNCED\"", "9001");
        assertThat(answers.get("doctor").out())
            .contains("\"healthy\": true", "Weir is in this JVM");
        Cli.Said stranger = weir.env("WEIR_ETCD_PASSWORD", "not-" + PASSWORD).run("doctor");
        assertThat(stranger.exits(3).out())
            .containsPattern("bad +store: WEIR2101 .*authentication");
        assertThat(stranger.toString()).doesNotContain(PASSWORD);
        plain.awaitStderr("attached to a running JVM");
        assertThat(governed.told() + plain.told()).doesNotContain(PASSWORD);
        assertThat(governed.stderr()).noneMatch(line -> line.startsWith("WARNING:"));
      }
    }
  }

  private void say(String word, String... arguments) {
    commands.put(word, arguments);
  }

  private static List<String> overview(Cli weir) {
    Matcher m =
        Pattern.compile("(?m)^  ([a-z]+) {2,}[a-z]").matcher(weir.run("help").exits(0).out());
    List<String> words = new ArrayList<>();
    while (m.find()) {
      words.add(m.group(1));
    }
    return words;
  }

  private static Jvm.Builder idle() {
    return Jvm.of(NEWEST, Apps.compile("idle", "", Map.of()), "Idle")
        .env("WEIR_ETCD_PASSWORD", PASSWORD);
  }
}
