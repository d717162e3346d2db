package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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

/** What SECURITY.md promises, against a JVM under the agent with the admin endpoint open. */
class SecurityTest {
  private static final String SECRET = "hunter2-do-not-tell";
  private static EtcdServer etcd;
  private static Jvm jvm;
  private static int admin;
  private static Path snapshots;

  @BeforeAll
  static void start() throws IOException {
    etcd = EtcdServer.start();
    snapshots = Work.fresh("snapshots").resolve("made/by/weir");
    Path victim = Files.writeString(Work.fresh("victim").resolve("file"), "not yours");
    Path there = Files.createDirectories(snapshots.resolveSibling("there"));
    Files.createSymbolicLink(there.resolve("shop.snapshot"), victim);
    Files.createSymbolicLink(there.resolve("shop.snapshot.tmp"), victim);
    jvm =
        site()
            .weir(
                "service=shop;drain_ms=0;admin.port=0;etcd.endpoints="
                    + etcd.endpoint()
                    + ";snapshot.dir="
                    + snapshots)
            .start();
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    admin = Integer.parseInt(line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    jvm.awaitStderr("connected to etcd");
  }

  @AfterAll
  static void stop() {
    jvm.kill();
    jvm.close();
    etcd.close();
  }

  private static Jvm.Builder site() {
    return Sites.jvm(
        Matrix.cells("manners").stream()
            .filter(c -> c.jdk().version() == 17)
            .findFirst()
            .orElseThrow());
  }

  // ---- the admin endpoint

  /** Sends bytes as they are and reads until the end; empty when it was closed without a word. */
  private static String raw(String request) throws IOException {
    return raw(admin, request);
  }

  private static String raw(int port, String request) throws IOException {
    return raw(port, request, 15_000);
  }

  private static String raw(int port, String request, int millis) throws IOException {
    try (Socket s = new Socket("127.0.0.1", port)) {
      s.setSoTimeout(millis);
      try {
        s.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
        s.getOutputStream().flush();
        return new String(s.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      } catch (IOException closedWhileWritingOrMute) {
        return "";
      }
    }
  }

  private static String get(String path) throws IOException {
    return raw("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  }

  @Test
  void aPageThatComesByAForeignNameIsRefused() throws IOException {
    for (String host :
        List.of(
            "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1:1")) {
      assertThat(raw("GET /config HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
          .as(host)
          .startsWith("HTTP/1.1 403");
    }
    assertThat(raw("GET /config HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403");
    assertThat(raw("GET /config HTTP/1.1\r\nHost: localhost:" + admin + "\r\n\r\n"))
        .startsWith("HTTP/1.1 200")
        .contains("nosniff")
        .contains("no-store")
        .doesNotContainIgnoringCase("Access-Control");
  }

  @Test
  void onlyTheLoopbackAddressIsListenedOn() throws IOException {
    // another loopback address answers only where all addresses are listened on
    assertThatThrownBy(() -> new Socket(InetAddress.getByName("127.0.0.2"), admin).close())
        .isInstanceOf(ConnectException.class);
    try (Jvm other =
        site().weir("service=x;drain_ms=0;rules=file:nowhere;admin.port=0.0.0.0:0").start()) {
      assertThat(other.awaitStderr("no admin endpoint")).contains("0.0.0.0:0");
    }
  }

  @Test
  void fromElsewhereItIsReadWithATokenOnlyAndByPrometheus() throws IOException {
    Path work = Work.fresh("token");
    Path token = Files.writeString(work.resolve("token"), SECRET + "\n");
    try (Jvm open =
            site()
                .weir("service=x;drain_ms=0;rules=file:nowhere;admin.port=0;admin.host=0.0.0.0")
                .launch();
        Jvm guarded =
            site()
                .weir(
                    "service=y;drain_ms=0;rules=file:nowhere;admin.port=0;admin.host=0.0.0.0;"
                        + "admin.token-file="
                        + token)
                .launch()) {
      assertThat(open.awaitStderr("no admin endpoint"))
          .contains("weir.admin.host", "weir.admin.token-file has to be set");
      String line = guarded.awaitStderr("admin endpoint on http://0.0.0.0:");
      int port = Integer.parseInt(line.replaceAll(".*0\\.0\\.0\\.0:(\\d+)/.*", "$1"));
      // another address of this machine than the one that is always there
      assertThat(from("127.0.0.2", port, "")).startsWith("HTTP/1.1 401").doesNotContain("weir_");
      assertThat(from("127.0.0.2", port, "Authorization: Bearer " + SECRET + "x\r\n"))
          .startsWith("HTTP/1.1 401");
      assertThat(from("127.0.0.2", port, "Authorization: Bearer " + SECRET + "\r\n"))
          .startsWith("HTTP/1.1 200")
          .contains("weir_");
      Path config =
          Files.writeString(
              work.resolve("prometheus.yml"),
              "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: y\n"
                  + "    authorization: {credentials_file: "
                  + token
                  + "}\n    static_configs: [{targets: ['127.0.0.2:"
                  + port
                  + "']}]\n");
      try (Prometheus prometheus = Prometheus.start(config)) {
        Await.until(
            Duration.ofSeconds(30),
            () -> prometheus.now("up{job=\"y\"}").stream().anyMatch(s -> s.last() == 1),
            () -> "Prometheus does not get in\n" + guarded.told());
      }
      assertThat(guarded.stderr()).noneMatch(l -> l.contains(SECRET));
    }
  }

  private static String from(String address, int port, String header) throws IOException {
    try (Socket s = new Socket(address, port)) {
      s.getOutputStream()
          .write(
              ("GET /metrics HTTP/1.1\r\nHost: " + address + "\r\n" + header + "\r\n")
                  .getBytes(StandardCharsets.ISO_8859_1));
      return new String(s.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  @Test
  void itsPagesAreThoseThatAreTold() throws IOException {
    String page = Files.readString(Path.of("..", "SECURITY.md")).replaceAll("\\s+", " ");
    Matcher told = Pattern.compile("Its pages are (`/[^.]*)\\.").matcher(page);
    assertThat(told.find()).isTrue();
    List<String> pages =
        Pattern.compile("`(/[a-z]+)`")
            .matcher(told.group(1))
            .results()
            .map(m -> m.group(1))
            .toList();
    String list = get("/").replaceAll("(?s).*pages: ", "").trim();
    assertThat(list.split(" ")).containsExactlyInAnyOrderElementsOf(pages);
    for (String p : pages) {
      assertThat(get(p)).as(p).startsWith("HTTP/1.1 200");
    }
  }

  @Test
  void nothingButItsPagesCanBeReadAndNothingWritten() throws IOException {
    for (String path :
        List.of(
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "//etc/passwd",
            "/config/../../etc/passwd",
            "/config%00",
            "file:///etc/passwd",
            "http://127.0.0.1/etc/passwd",
            "*")) {
      assertThat(get(path)).as(path).startsWith("HTTP/1.1 404").doesNotContain("root:");
    }
    for (String method : List.of("POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS")) {
      assertThat(raw(method + " /rules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"))
          .as(method)
          .startsWith("HTTP/1.1 405");
    }
  }

  @Test
  void hugeAndBrokenRequestsAreTurnedAwayAndTheNextOneIsAnswered() throws IOException {
    String big = "x".repeat(1 << 20);
    List<String> bad =
        List.of(
            "GET /" + big + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + big + "\r\n\r\n",
            "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1048576\r\n\r\n" + big,
            "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
            "\u0000\u0001\u0002\r\n\r\n",
            "GET /health HTTP/9.9\r\n" + "A: b\r\n".repeat(100_000) + "\r\n");
    for (String request : bad) {
      assertThat(raw(admin, request, 1000)).doesNotStartWith("HTTP/1.1 200");
    }
    // many that say nothing do not keep the next one out
    List<Socket> mute = new ArrayList<>();
    for (int i = 0; i < 420; i++) {
      Socket s = new Socket("127.0.0.1", admin);
      s.getOutputStream().write("GET /hea".getBytes(StandardCharsets.ISO_8859_1));
      mute.add(s);
    }
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
    for (Socket s : mute) {
      s.close();
    }
    assertThat(jvm.stderr()).allMatch(l -> l.startsWith("[weir] "));
  }

  // ---- what a rule may say

  @Test
  void aRefusalCannotBeMadeToCarryAnotherHeader() throws IOException {
    String[] smuggled = {
      "{\"qps\": 0, \"response\": {\"headers\": {\"X-A\": \"b\\r\\nX-Smuggled: 1\"}}}",
      "{\"qps\": 0, \"response\": {\"headers\": {\"X-A\\r\\nX-Smuggled\": \"1\"}}}",
      "{\"qps\": 0, \"response\": {\"headers\": {\"X-A: b\\nX-Smuggled\": \"1\"}}}",
      "{\"id\": \"a\\r\\nX-Smuggled: 1\", \"type\": \"rate-limit\", \"version\": \"1.0\","
          + " \"spec\": {\"qps\": 0}}",
    };
    for (int i = 0; i < smuggled.length; i++) {
      etcd.ctl("put", "/service/shop/rate-limit/smuggle-" + i, smuggled[i]);
    }
    etcd.ctl("put", "/service/shop/rate-limit/a\r\nX-Smuggled: 1", "{\"qps\": 0}");
    etcd.ctl(
        "put",
        "/service/shop/rate-limit/body",
        "{\"qps\": 0, \"match\": \"exists header:X-Body\", \"response\": {\"body\":"
            + " \"\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nX-Smuggled: 1\"}}");
    Await.until(
        Duration.ofSeconds(15),
        () -> answer("X-Body: 1").status() == 429,
        () -> "the last rule is not in force\n" + jvm.told());
    Raw.Answer withBody = answer("X-Body: 1");
    assertThat(withBody.headers()).doesNotContainKey("X-Smuggled");
    assertThat(Integer.parseInt(withBody.header("Content-Length")))
        .as("the body ends where its length says")
        .isEqualTo(withBody.body().length());
    assertThat(answer().headers()).doesNotContainKey("X-Smuggled");
    for (int i = 0; i < smuggled.length; i++) {
      etcd.ctl("del", "/service/shop/rate-limit/smuggle-" + i);
    }
    etcd.ctl("del", "/service/shop/rate-limit/a\r\nX-Smuggled: 1");
    etcd.ctl("del", "/service/shop/rate-limit/body");
  }

  private static Raw.Answer answer(String... headers) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      return http.get("/hello", headers);
    }
  }

  @Test
  void neitherARuleNorItsKeyCanForgeALineOfTheLogOrOfAPage() throws IOException {
    String forged = "\n[weir] WARN forged\r\u001b[2J\u2028[weir] forged too";
    etcd.ctl("put", "/service/shop/rate-limit/forge" + forged, "{}");
    etcd.ctl("put", "/service/shop/rate-limit/forger", "{\"qps\": \"" + "x" + forged + "\"}");
    etcd.ctl(
        "put",
        "/service/shop/rate-limit/forgest",
        "qps: 1\nmatch: \"header:X == 'a\\n[weir] WARN forged'\"\nunknown\u0085field: 1\n");
    jvm.awaitStderr("forger");
    jvm.awaitStderr("forgest");
    assertThat(jvm.stderr())
        .allMatch(l -> l.startsWith("[weir] "))
        .noneMatch(l -> l.startsWith("[weir] forged") || l.startsWith("[weir] WARN forged"))
        .noneMatch(l -> l.chars().anyMatch(c -> c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028));
    for (String page : List.of("/rules", "/metrics")) {
      String body = get(page);
      assertThat(body.substring(body.indexOf("\r\n\r\n")).lines())
          .as(page)
          .noneMatch(l -> l.startsWith("[weir]"));
    }
    etcd.ctl("del", "--prefix", "/service/shop/rate-limit/forge");
  }

  // ---- files

  @Test
  void theRulesOnDiskAreTheirOwnersAloneAndNoLinkIsFollowed() throws IOException {
    etcd.ctl("put", "/service/shop/rate-limit/kept", "{\"qps\": 1000000}");
    Path file = snapshots.resolve("shop.snapshot");
    Await.until(Duration.ofSeconds(30), () -> Files.exists(file), jvm::told);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(snapshots)))
        .isEqualTo("rwx------");
    Path there = snapshots.resolveSibling("there");
    Path victim = there.resolve("shop.snapshot").toRealPath();
    try (Jvm other =
        site()
            .weir(
                "service=shop;drain_ms=0;register=false;etcd.endpoints="
                    + etcd.endpoint()
                    + ";snapshot.dir="
                    + there)
            .start()) {
      Await.until(
          Duration.ofSeconds(30),
          () -> !Files.isSymbolicLink(there.resolve("shop.snapshot")),
          other::told);
      assertThat(victim).hasContent("not yours");
      assertThat(other.awaitStderr("rules on disk are not used")).contains("damaged");
    }
  }

  // ---- secrets

  @Test
  void aSecretIsToldNowhere() throws Exception {
    try (EtcdServer guarded = EtcdServer.start()) {
      guarded.ctl("user", "add", "root:" + SECRET + ";x");
      guarded.ctl("user", "grant-role", "root", "root");
      guarded.ctl("auth", "enable");
      Path work = Work.fresh("secrets");
      Path file = work.resolve("weir.properties");
      Files.writeString(
          file,
          "weir.service=shop\nweir.drain_ms=0\nweir.admin.port=0\nweir.log=debug\n"
              + "weir.etcd.user=root\nweir.etcd.password="
              + SECRET
              + "\nweir.etcd.pasword="
              + SECRET
              + "\nweir.metrics.exporter=otlp\nweir.metrics.interval=1s"
              + "\nweir.metrics.endpoint=http://127.0.0.1:1"
              + "\nweir.metrics.headers=authorization="
              + SECRET
              + "\nweir.admin.tokn="
              + SECRET
              + "\nweir.etcd.endpoints=http://root:"
              + SECRET
              + "@127.0.0.1:"
              + guarded.port()
              + "\nweir.snapshot.dir="
              + work.resolve("snapshots")
              + "\n");
      StringBuilder told = new StringBuilder();
      // wrong by its last two characters, so that etcd refuses it and everything is said about it
      try (Jvm wrong = site().weir(file.toString()).start()) {
        wrong.awaitStderr("authentication failed");
        told.append(pages(wrong)).append(wrong.stderr()).append(wrong.stdout());
        wrong.signal("QUIT"); // a thread dump too
        wrong.awaitStdout("Full thread dump");
        told.append(wrong.stdout());
      }
      // a semicolon cuts the password in two: what is behind it is no option
      try (Jvm cut =
          site()
              .weir("service=shop;etcd.password=x;" + SECRET + ";drain_ms=0;rules=file:nowhere")
              .start()) {
        cut.awaitStderr("governs service");
        told.append(cut.stderr());
      }
      // the right one, by the environment
      try (Jvm right =
          site().weir(file.toString()).env("WEIR_ETCD_PASSWORD", SECRET + ";x").start()) {
        right.awaitStderr("connected to etcd");
        told.append(pages(right)).append(right.stderr());
      }
      Cli cli = new Cli(work).env("WEIR_ETCD_PASSWORD", SECRET);
      for (String[] command :
          new String[][] {
            {"config", "--origins", "--all", "--agent-options", file.toString()},
            {"config", "-o", "json", "--agent-options", file.toString()},
            {"status", "--config", file.toString(), "--timeout", "3"},
            {"doctor", "--config", file.toString()},
            {"pull", "--config", file.toString(), "--timeout", "3"},
          }) {
        Cli.Said said = cli.run(command);
        told.append(said.out()).append(said.err());
      }
      told.append(guarded.ctl("--user=root:" + SECRET + ";x", "get", "--prefix", "/"));
      try (Stream<Path> files = Files.walk(work)) {
        for (Path p : files.filter(Files::isRegularFile).filter(p -> !p.equals(file)).toList()) {
          told.append(new String(Files.readAllBytes(p), StandardCharsets.ISO_8859_1));
        }
      }
      assertThat(told.toString())
          .contains("weir.etcd.password", "weir.metrics.headers", "****")
          .doesNotContain(SECRET);
    }
  }

  private static String pages(Jvm of) throws IOException {
    String line = of.awaitStderr("admin endpoint on http://127.0.0.1:");
    int port = Integer.parseInt(line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    StringBuilder all = new StringBuilder();
    for (String page : List.of("/health", "/config", "/rules", "/metrics")) {
      all.append(raw(port, "GET " + page + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    }
    return all.toString();
  }

  // ---- the command line

  @Test
  void noKeyLeadsTheCommandLineOutOfItsDirectory() throws IOException {
    Path work = Work.fresh("pull");
    Map<String, String> keys =
        Map.of(
            "/service/../../../escaped/rate-limit", "{\"qps\": 1}",
            "/service/shop/rate-limit/..", "{\"qps\": 1}",
            "/service/shop/rate-limit/../../escaped", "{\"qps\": 1}",
            "/service/shop/rate-limit/a\u001b[2Jb", "{\"qps\": 1}",
            "/service/shop/rate-limit/fine", "{\"qps\": 1}");
    keys.forEach((k, v) -> etcd.ctl("put", k, v));
    Path into = work.resolve("deep/down/rules");
    Files.createDirectories(into.getParent());
    Cli.Said said = new Cli(work).run("pull", "--etcd", etcd.endpoint(), into.toString());
    keys.keySet().forEach(k -> etcd.ctl("del", k));
    said.exits(0);
    assertThat(said.out() + said.err()).doesNotContain("\u001b[2J");
    assertThat(into.resolve("service/shop/rate-limit/fine.json")).exists();
    try (Stream<Path> files = Files.walk(work)) {
      assertThat(files.filter(Files::isRegularFile))
          .as("what was written")
          .allMatch(f -> f.startsWith(into))
          .noneMatch(f -> f.toString().contains("escaped"));
    }
  }

  @Test
  void noArgumentOrDocumentOfTheCommandLineDoesMoreThanFail() throws IOException {
    Path work = Work.fresh("arguments");
    Path deep = Files.writeString(work.resolve("deep.json"), "[".repeat(200_000));
    Path bomb =
        Files.writeString(
            work.resolve("bomb.yaml"),
            "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                + "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                + "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nqps: *e\n");
    Path tag = Files.writeString(work.resolve("tag.yaml"), "qps: !!java.net.URL [http://x]\n");
    Cli cli = new Cli(work).option("-Xmx128m");
    for (String[] command :
        new String[][] {
          {"validate", deep.toString()},
          {"validate", bomb.toString()},
          {"validate", tag.toString()},
          {"status", "--etcd", "http://127.0.0.1:1/\u001b[2J", "--timeout", "1"},
          {"x".repeat(50_000)},
        }) {
      Cli.Said said = cli.run(command);
      assertThat(said.exit()).as(said.err()).isNotZero().isLessThan(10);
      assertThat(said.out() + said.err())
          .doesNotContain("\u001b[2J", "OutOfMemory", "StackOverflow", "\tat io.weir");
    }
  }
}
