package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What somebody at a terminal sees: the command line on a pseudo terminal, which {@code script} of
 * util-linux makes.
 */
class CliTerminalTest {
  private static final String ENTER = "\u001b[?1049h\u001b[?7l\u001b[?25l";
  private static final String LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
  private static final String GREEN = "\u001b[32m";

  private static EtcdServer etcd;
  private static Jvm shop;

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
    etcd.txn("", "/service/shop/rate-limit", "qps: 5\n");
    shop =
        Jvm.of(Jdk.find(17).orElseThrow(), Apps.compile("idle", "", Map.of()), "Idle")
            .weir("service=shop;instance.address=127.0.0.1:9001;etcd.endpoints=" + etcd.endpoint())
            .start();
  }

  @AfterAll
  static void stop() {
    shop.close();
    etcd.close();
  }

  @Test
  void topPaintsOneScreenFollowsTheFleetAndLeavesTheTerminalAsItWas() throws Exception {
    try (Pty top = new Pty("", 24, "top")) {
      top.await(GREEN + "SYNCED");
      etcd.txn("", "/service/shop/rate-limit", "qps: -1\n");
      top.await("REJECTED");
      etcd.txn("", "/service/shop/rate-limit", "qps: 6\n");
      top.type("\u0003"); // Ctrl-C
      assertThat(top.exit()).as("interrupted").isEqualTo(130);
      assertThat(top.seen()).startsWith(ENTER).endsWith(LEAVE);
      assertThat(top.seen()).containsOnlyOnce(ENTER).containsOnlyOnce(LEAVE);
    }
  }

  @Test
  void topFitsALowWindowWithoutScrolling() throws Exception {
    try (Pty top = new Pty("", 3, "top")) {
      top.await(" more\u001b");
      top.type("\u0003");
      top.exit();
      String frame = top.seen().split("\u001b\\[H", 3)[1];
      assertThat(frame.split("\n", -1).length).as(frame).isLessThanOrEqualTo(3);
    }
  }

  @Test
  void topTellsHowLongCallsTakeOfThoseThatMeasure() throws Exception {
    String jars = Maven.resolve("org.apache.tomcat.embed:tomcat-embed-core:10.1.59");
    try (Jvm web =
            Jvm.of(
                    Jdk.find(17).orElseThrow(),
                    Apps.with(Apps.compile("hostile", jars, Map.of()), jars),
                    "HostileMain")
                .weir("service=web;admin.port=0;etcd.endpoints=" + etcd.endpoint())
                .start();
        Raw http = new Raw(web.port());
        Pty top = new Pty("", 24, "top")) {
      // by process and, once it is registered, by address
      Pattern measures =
          Pattern.compile(
              "web +\\S+:"
                  + web.pid()
                  + " = 127.0.0.1:"
                  + web.port()
                  + " .*[0-9.]+ m?s +[0-9.]+ m?s");
      Await.until(
          Duration.ofSeconds(40),
          () -> http.get("/").status() == 200 && measures.matcher(top.seen()).find(),
          top::seen);
      assertThat(top.seen())
          .as("nobody reads what the other would measure")
          .containsPattern("shop +127.0.0.1:9001 .* - +- ");
      top.type("\u0003");
      assertThat(top.exit()).isEqualTo(130);
      Await.until(
          Duration.ofSeconds(40),
          () -> !etcd.ctl("get", "--prefix", "/weir/status/web/").contains("latency"),
          () -> "it goes on telling though nobody looks");
    }
  }

  @Test
  void aPushThatClosesEverythingAsksAtATerminal() throws Exception {
    Path closed = Work.fresh("closed").resolve("service/pay/rate-limit.yaml");
    Files.createDirectories(closed.getParent());
    Files.writeString(closed, "qps: 0\n");
    for (String answer : new String[] {"\n", "no\n", "y\n"}) {
      try (Pty push = new Pty("", 24, "push " + closed)) {
        push.await("qps 0 refuses every call to pay");
        push.await("[y/N]");
        push.type(answer);
        assertThat(push.exit()).as(push.seen()).isEqualTo(answer.equals("y\n") ? 0 : 3);
        assertThat(etcd.ctl("get", "/service/pay/rate-limit").contains("qps: 0"))
            .isEqualTo(answer.equals("y\n"));
      }
    }
  }

  @Test
  void noColorMeansNoColour() throws Exception {
    try (Pty status = new Pty("", 24, "status")) {
      status.exit();
      assertThat(status.seen()).contains(GREEN);
    }
    try (Pty status = new Pty("NO_COLOR=1", 24, "status")) {
      status.exit();
      assertThat(status.seen()).contains("SERVICE").doesNotContain("\u001b");
    }
    try (Pty dumb = new Pty("TERM=dumb", 24, "top")) {
      assertThat(dumb.exit()).isBetween(0, 6);
      assertThat(dumb.seen()).as("printed once").contains("SERVICE").doesNotContain("\u001b");
    }
  }

  /** A command on a terminal of its own. */
  private static final class Pty implements AutoCloseable {
    private final Process process;
    private final StringBuffer seen = new StringBuffer();
    private final Thread reader;

    Pty(String environment, int rows, String command) throws IOException {
      String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
      String line =
          "stty rows "
              + rows
              // where this was started in the background, its children would not hear Ctrl-C
              + " cols 160; exec env --default-signal=INT TERM=xterm WEIR_ETCD_ENDPOINTS="
              + etcd.endpoint()
              + " "
              + environment
              + " "
              + java
              + " -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -jar "
              + Work.weirJar()
              + " "
              + command;
      ProcessBuilder b = new ProcessBuilder("script", "-qefc", line, "/dev/null");
      b.environment().remove("JAVA_TOOL_OPTIONS");
      b.environment().remove("NO_COLOR");
      b.environment().keySet().removeIf(name -> name.startsWith("WEIR_"));
      process = b.redirectErrorStream(true).start();
      reader = new Thread(this::read, "terminal");
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      byte[] buffer = new byte[4096];
      try (InputStream in = process.getInputStream()) {
        for (int n; (n = in.read(buffer)) > 0; ) {
          seen.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
        }
      } catch (IOException closed) {
        // it is over
      }
    }

    void await(String text) {
      Await.until(Duration.ofSeconds(30), () -> seen.indexOf(text) >= 0, this::seen);
    }

    void type(String keys) throws IOException {
      process.getOutputStream().write(keys.getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    }

    int exit() throws InterruptedException {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(seen()).isTrue();
      reader.join(10_000);
      return process.exitValue();
    }

    String seen() {
      return seen.toString();
    }

    @Override
    public void close() {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }
}
