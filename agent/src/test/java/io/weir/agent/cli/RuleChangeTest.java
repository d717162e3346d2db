package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a change promises, where rules are files; before etcd the smoke tests ask the same. */
class RuleChangeTest {
  private static final long SOON = TimeUnit.SECONDS.toNanos(30);

  @TempDir Path root;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @Test
  void aChangeBetweenReadingAndWritingIsNeverOverwritten() throws IOException {
    Path file = put("service/shop/rate-limit.yaml", "qps: 5\n");
    try (RuleTree tree = new FileTree(root).open(SOON)) {
      StoreView read = tree.view();
      put("service/shop/rate-limit.yaml", "qps: 6 # somebody was faster\n");
      RuleChange p =
          new RuleChange(command(), tree, read)
              .put("/service/shop/rate-limit", "qps: 7\n".getBytes(StandardCharsets.UTF_8))
              .put("/service/shop/route", "[{version: v1}]".getBytes(StandardCharsets.UTF_8));
      CliException t = catchThrowableOfType(CliException.class, () -> p.run("push", "mine", false));
      assertThat(t.fault).isEqualTo(CliFault.CONFLICT);
      assertThat(file).hasContent("qps: 6 # somebody was faster");
      assertThat(root.resolve("service/shop/route.yaml")).doesNotExist();
      assertThat(tree.view().under(History.PREFIX)).isEmpty();
    }
  }

  @Test
  void aRuleSomebodyElseCreatedMeanwhileIsNotReplaced() throws IOException {
    try (RuleTree tree = new FileTree(root).open(SOON)) {
      StoreView read = tree.view();
      Path file = put("service/shop/rate-limit.json", "{\"qps\": 6}");
      RuleChange p =
          new RuleChange(command(), tree, read)
              .put("/service/shop/rate-limit", "qps: 7\n".getBytes(StandardCharsets.UTF_8));
      CliException t = catchThrowableOfType(CliException.class, () -> p.run("push", "mine", false));
      assertThat(t.fault.exit).isEqualTo(Exit.CONFLICT);
      assertThat(file).hasContent("{\"qps\": 6}");
    }
  }

  @Test
  void theHistoryDoesNotGrowForEver() throws IOException {
    for (int i = 0; i < History.KEPT + 20; i++) {
      put(History.PREFIX.substring(1) + String.format("20200101-000000-%04x.json", i), "{}");
    }
    try (RuleTree tree = new FileTree(root).open(SOON)) {
      new RuleChange(command(), tree, tree.view())
          .put("/service/shop/rate-limit", "qps: 7\n".getBytes(StandardCharsets.UTF_8))
          .run("push", "mine", false);
      StoreView after =
          tree.await(v -> v.under(History.PREFIX).size() <= History.KEPT ? v : null, SOON);
      assertThat(after).isNotNull();
      assertThat(History.read(after).get(0).message).isEqualTo("mine");
      assertThat(History.read(after)).hasSize(History.KEPT);
    }
  }

  @Test
  void whatTheAgentWouldRefuseIsNotWritten() throws IOException {
    try (RuleTree tree = new FileTree(root).open(SOON)) {
      RuleChange p =
          new RuleChange(command(), tree, tree.view())
              .put("/service/shop/rate-limit", "qps: -1\n".getBytes(StandardCharsets.UTF_8));
      CliException t = catchThrowableOfType(CliException.class, () -> p.run("push", "", false));
      assertThat(t.fault).isEqualTo(CliFault.INVALID);
      assertThat(said.toString(StandardCharsets.UTF_8)).contains("WEIR1102");
      assertThat(root.resolve("service")).doesNotExist();
    }
  }

  /** In files nobody asks who it is; whoever writes an entry himself may say anything. */
  @Test
  void whoMadeAChangeIsToldAsTextAndMarkedWhereNobodyAskedHim() throws IOException {
    put(
        History.PREFIX.substring(1) + "20200101-000000-0001.json",
        "{\"at_ms\": 1, \"by\": \"eve\\n"
            + "2020 root\\u001b[2J\\u202e\\u2028x\", \"message\": \"a\\n"
            + "b\", \"changes\": [{\"key\": \"/service/a\\n"
            + "b/route\", \"after\": \"x\"}]}");
    put(History.PREFIX.substring(1) + "no change of ours.json", "{\"by\": \"eve\"}");
    try (RuleTree tree = new FileTree(root).open(SOON)) {
      assertThat(History.read(tree.view())).hasSize(1);
      History.Change eve = History.read(tree.view()).get(0);
      assertThat(eve.who()).isEqualTo("eve 2020 root?[2J??x (as told)");
      assertThat(eve.message).isEqualTo("a b");
      new RuleChange(command(), tree, tree.view())
          .put("/service/shop/rate-limit", "qps: 7\n".getBytes(StandardCharsets.UTF_8))
          .run("push", "mine", false);
      StoreView after = tree.await(v -> v.under(History.PREFIX).size() > 2 ? v : null, SOON);
      assertThat(History.read(after).get(0).who()).endsWith(" (as told)");
    }
  }

  private PushCommand command() {
    PushCommand c = new PushCommand();
    PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8);
    c.out = new CliOutput(to, to, Map.of());
    c.environment = Map.of();
    c.jar = new File("weir.jar");
    return c;
  }

  private Path put(String name, String text) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }
}
