package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The roles that {@code weir role} prints, in an etcd that asks for users: with them everything
 * works, and nothing else can be written.
 */
class RoleTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Pattern WORD = Pattern.compile("'([^']*)'|([^ ]+)");
  private static final String BREAKER =
      "{\"window\": {\"type\": \"count\", \"size\": 10}, \"min_calls\": 10, \"failure_ratio\":"
          + " 0.6}";
  private static EtcdServer etcd;
  private static Path work;

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
    work = Work.fresh("role");
    user("shop", "--service", "shop", "--calls", "pay");
    user("lone", "--service", "lone");
    user("web", "--service", "web");
    user("operator", "--operator");
    user("shop-operator", "--operator", "--service", "shop", "--name", "of-shop");
    etcd.ctl("put", "/service/pay/circuit-breaker", BREAKER);
    etcd.ctl("user", "add", "root:secret");
    etcd.ctl("user", "grant-role", "root", "root");
    etcd.ctl("auth", "enable");
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  /** Makes a user by what the command prints, and by nothing else. */
  private static void user(String name, String... options) {
    List<String> command = new ArrayList<>(List.of("role"));
    command.addAll(List.of(options));
    Cli.Said said = new Cli(work).run(command.toArray(new String[0])).exits(0);
    for (String line : said.out().lines().toList()) {
      List<String> words = new ArrayList<>();
      for (Matcher m = WORD.matcher(line); m.find(); ) {
        words.add(m.group(1) != null ? m.group(1) : m.group(2));
      }
      assertThat(words.remove(0)).isEqualTo("etcdctl");
      etcd.ctl(words.toArray(new String[0]));
    }
    Matcher role = Pattern.compile("user grant-role USER (\\S+)").matcher(said.err());
    assertThat(role.find()).as(said.err()).isTrue();
    etcd.ctl("user", "add", name + ":secret");
    etcd.ctl("user", "grant-role", name, role.group(1));
  }

  private static String as(String user, String... arguments) {
    List<String> all = new ArrayList<>(List.of("--user=" + user + ":secret"));
    all.addAll(List.of(arguments));
    return etcd.ctl(all.toArray(new String[0]));
  }

  private static void denied(String user, String... arguments) {
    try {
      as(user, arguments);
    } catch (AssertionError refused) {
      assertThat(refused).hasMessageContaining("permission denied");
      return;
    }
    throw new AssertionError(user + " may " + List.of(arguments));
  }

  private static String options(String user) {
    return "service="
        + user
        + ";drain_ms=0;etcd.user="
        + user
        + ";etcd.password=secret;etcd.endpoints="
        + etcd.endpoint();
  }

  private static Cli operator(String user) {
    return new Cli(work).env("WEIR_ETCD_PASSWORD", "secret").env("WEIR_ETCD_USER", user);
  }

  @Test
  void anAgentReadsItsRulesRegistersAndTellsItsStatus() {
    Matrix.Cell cell =
        Matrix.cells("manners").stream()
            .filter(c -> c.jdk().version() == 17)
            .findFirst()
            .orElseThrow();
    as("root", "put", "/service/web/rate-limit", "{\"qps\": 0}");
    try (Jvm jvm = Sites.jvm(cell).weir(options("web")).start()) {
      Await.until(
          SOON,
          () -> {
            try (Raw http = new Raw(jvm.port())) {
              return http.get("/hello").status() == 429;
            }
          },
          jvm::told);
      Await.until(
          SOON,
          () -> as("root", "get", "--prefix", "/services/web/").contains(":" + jvm.port()),
          jvm::told);
      assertThat(as("root", "get", "--prefix", "/weir/status/web/")).contains("SYNCED");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("WARN"));
    }
  }

  /** Without its rules it would take calls ungoverned. */
  @Test
  void anInstanceRegistersOnlyOnceItHasReadItsRulesOrItsSnapshot() throws IOException {
    Matrix.Cell cell =
        Matrix.cells("manners").stream()
            .filter(c -> c.jdk().version() == 17)
            .findFirst()
            .orElseThrow();
    String role = "weir-late";
    as("root", "role", "add", role);
    for (String range :
        List.of("/services/late/ /services/late0", "/weir/status/late/ /weir/status/late0")) {
      String[] fromTo = range.split(" ");
      as("root", "role", "grant-permission", role, "readwrite", fromTo[0], fromTo[1]);
    }
    as("root", "user", "add", "late:secret");
    as("root", "user", "grant-role", "late", role);
    as("root", "put", "/service/late/rate-limit", "{\"qps\": 0}");
    Path snapshots = Work.fresh("snapshot");
    String options = options("late") + ";snapshot.dir=" + snapshots;
    try (Jvm jvm = Sites.jvm(cell).weir(options).start()) {
      assertThat(jvm.awaitStderr("permission denied"))
          .contains("no rule is in force yet, and nothing is registered");
      as("root", "put", "/granted", "now");
      String[] rules = {"/circuit-breaker/", "/weir/off0"};
      as("root", "role", "grant-permission", role, "read", rules[0], rules[1]);
      Await.until(SOON, () -> registered("late", jvm), jvm::told);
      assertThat(created("/services/late/instances/127.0.0.1:" + jvm.port()))
          .as("registered after its rules could be read, and not before")
          .isGreaterThan(created("/granted"));
      assertThat(status(jvm)).isEqualTo(429);
      Await.until(SOON, () -> hasSnapshot(snapshots), jvm::told);
      as("root", "role", "revoke-permission", role, rules[0], rules[1]);
    }
    try (Jvm jvm = Sites.jvm(cell).weir(options).start()) {
      jvm.awaitStderr("restored ");
      jvm.awaitStderr("permission denied");
      Await.until(SOON, () -> registered("late", jvm), jvm::told);
      assertThat(status(jvm)).as("by the rules from disk").isEqualTo(429);
    }
  }

  private static boolean hasSnapshot(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.anyMatch(f -> Files.isRegularFile(f) && !f.toString().endsWith(".tmp"));
    }
  }

  private static boolean registered(String service, Jvm jvm) {
    return as("root", "get", "--prefix", "/services/" + service + "/").contains(":" + jvm.port());
  }

  private static int status(Jvm jvm) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      return http.get("/hello").status();
    }
  }

  private static long created(String key) {
    return as("root", "get", key, "--write-out=fields")
        .lines()
        .filter(l -> l.startsWith("\"CreateRevision\""))
        .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aCallerSharesTheBreakersOfTheServicesItNamesAndOpensOthersForItself() {
    String jars = Maven.resolve("com.squareup.okhttp3:okhttp:4.12.0");
    String classes =
        Apps.with(Apps.compile(List.of("fleet", "fleet-okhttp"), jars, Map.of()), jars);
    Jdk jdk = Jdk.find(17).orElseThrow();
    try (Jvm target = Jvm.of(jdk, classes, "fleet.Target").start();
        Jvm shop = caller(jdk, classes, "shop", target.port());
        Jvm lone = caller(jdk, classes, "lone", target.port())) {
      target.say("fail all");
      for (Jvm caller : List.of(lone, shop)) {
        caller.awaitReady().awaitStderr("connected to");
        caller.say("go");
        caller.awaitStdout("EDGE refused");
        if (caller == lone) {
          caller.awaitStderr("does not let this user write /circuit-breaker/pay/");
          assertThat(as("root", "get", "--prefix", "--keys-only", "/circuit-breaker/pay/"))
              .isBlank();
        }
      }
      Await.until(
          SOON,
          () -> as("root", "get", "--prefix", "/circuit-breaker/pay/epoch").contains("open"),
          shop::told);
      assertThat(shop.stderr()).noneMatch(l -> l.contains("does not let this user"));
      assertThat(lone.stderr())
          .filteredOn(l -> l.contains("does not let this user write"))
          .as("said once")
          .hasSize(1);
    }
  }

  private static Jvm caller(Jdk jdk, String classes, String user, int port) {
    return Jvm.of(jdk, classes, "fleet.Caller")
        .weir(options(user) + ";services.pay=127.0.0.1:" + port)
        .arguments(user, Integer.toString(port))
        .launch();
  }

  @Test
  void anAgentMayWriteNothingBesideWhatItIsPartOf() {
    for (String key :
        List.of(
            "/service/shop/rate-limit",
            "/service/shop/force",
            "/service/pay/force",
            "/service/pay/circuit-breaker",
            "/weir/off",
            "/weir/look/x",
            "/weir/rule-history/x",
            "/weir/status/pay/x",
            "/services/pay/instances/10.0.0.1:80",
            "/services/shop0/instances/10.0.0.1:80",
            "/circuit-breaker/other/epoch",
            "/circuit-breaker/pay0",
            "/anything")) {
      denied("shop", "put", key, "x");
      denied("shop", "del", key);
    }
    for (String key : List.of("/weir/rule-history/x", "/weir/status/pay/x", "/anything")) {
      denied("shop", "get", key);
    }
    denied("lone", "put", "/circuit-breaker/pay/epoch", "x");
  }

  @Test
  void anOperatorWorksByTheCommandLineAndWritesRulesOnly() throws IOException {
    Cli cli = operator("operator");
    String[] where = {"--etcd", etcd.endpoint()};
    cli.run("init", "rules").exits(0);
    for (String command :
        new String[] {
          "push rules", "shadow shop", "enforce shop", "history", "status", "top -n 1"
        }) {
      List<String> words = new ArrayList<>(List.of(command.split(" ")));
      words.addAll(List.of(where));
      Cli.Said said = cli.run(words.toArray(new String[0]));
      assertThat(said.err()).as(command).doesNotContain("permission denied");
    }
    assertThat(as("root", "get", "--prefix", "--keys-only", "/weir/rule-history/")).isNotBlank();
    assertThat(cli.run("history", "--etcd", etcd.endpoint()).exits(0).out())
        .as("etcd knows who it was")
        .contains(" operator ")
        .doesNotContain("as told");
    as("operator", "put", "/weir/off", "1");
    as("operator", "del", "/weir/off");
    as("operator", "put", "/service/pay/force", "none");
    for (String key :
        List.of(
            "/services/pay/instances/10.0.0.1:80",
            "/circuit-breaker/pay/epoch",
            "/weir/status/pay/x",
            "/anything")) {
      denied("operator", "put", key, "x");
    }
    Path pay = Files.createDirectories(work.resolve("of-pay/service/pay"));
    Files.writeString(pay.resolve("rate-limit.json"), "{\"qps\": 5}");
    Cli.Said said =
        operator("shop-operator")
            .run("push", "of-pay", "--yes", "--etcd", etcd.endpoint())
            .exits(1);
    assertThat(said.err())
        .contains("WEIR2105", "permission denied; nothing was written", "weir role --operator");
    denied("shop-operator", "put", "/service/pay/force", "open");
    denied("shop-operator", "put", "/weir/off", "1");
    as("shop-operator", "put", "/service/shop/route", "{}");
    as("shop-operator", "del", "/service/shop/route");
  }

  @Test
  void aRoleIsPrintedForANamespaceAndWrongNamesAreRefused() {
    Cli cli = new Cli(work);
    assertThat(
            cli.run("role", "--service", "a", "--calls", "b,c", "--namespace", "/staging/")
                .exits(0)
                .out())
        .isEqualTo(
            """
            etcdctl role add weir-a
            etcdctl role grant-permission weir-a read /staging/circuit-breaker/ /staging/weir/off0
            etcdctl role grant-permission weir-a write /staging/services/a/ /staging/services/a0
            etcdctl role grant-permission weir-a readwrite /staging/weir/status/a/ /staging/weir/status/a0
            etcdctl role grant-permission weir-a write /staging/circuit-breaker/b/ /staging/circuit-breaker/b0
            etcdctl role grant-permission weir-a write /staging/circuit-breaker/c/ /staging/circuit-breaker/c0
            """);
    for (String[] wrong :
        new String[][] {
          {"role"},
          {"role", "--service", "a/b"},
          {"role", "--service", "*"},
          {"role", "--service", "a", "--calls", "b;rm -rf"},
          {"role", "--operator", "--calls", "b"},
          {"role", "--service", "a", "--namespace", "/x\ny"},
        }) {
      assertThat(cli.run(wrong).exits(2).out()).isEmpty();
    }
  }

  @Test
  void theSecurityPageShowsTheRolesAsTheyArePrinted() throws IOException {
    String page = Files.readString(Path.of("..", "SECURITY.md"));
    Matcher blocks = Pattern.compile("<!-- weir (role .*) -->\n```\n([^`]*)```").matcher(page);
    int shown = 0;
    for (; blocks.find(); shown++) {
      assertThat(new Cli(work).run(blocks.group(1).split(" ")).exits(0).out())
          .isEqualTo(blocks.group(2));
    }
    assertThat(shown).isEqualTo(2);
  }
}
