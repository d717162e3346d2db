package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A log that cannot be written costs lines of the log and nothing else: not a call, not a rule, not
 * the registration, not the end of the JVM.
 */
class StuckLogTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int DRAIN_MILLIS = 1000;

  private EtcdServer etcd;
  private int admin;

  @BeforeEach
  void start() throws IOException {
    etcd = EtcdServer.start();
    try (ServerSocket free = new ServerSocket(0)) {
      admin = free.getLocalPort(); // the log that would tell it is not read
    }
  }

  @AfterEach
  void stop() {
    etcd.close();
  }

  @Test
  void whoeverStopsReadingStderrLosesLinesAndNothingElse() {
    Rules rules = new Rules(etcd);
    try (Jvm jvm = site().unreadStderr().weir(options("shop") + ";admin.port=" + admin).start()) {
      rules.put("service/shop/rate-limit/closed", "{\"qps\": 0}");
      Await.until(SOON, () -> hello(jvm) == 429, jvm::told);
      Await.until(SOON, () -> registered("shop", jvm), jvm::told);
      fillStderr("http://127.0.0.1:" + admin);

      Await.until(SOON, () -> status("shop").contains("\"state\":\"REJECTED\""), jvm::told);
      rules.put("weir/off", "1");
      Await.until(SOON, () -> hello(jvm) == 200, () -> "the kill switch is dead\n" + jvm.told());
      etcd.ctl("del", "/weir/off");
      Await.until(SOON, () -> hello(jvm) == 429, jvm::told);
      // longer than the lease lasts without renewal
      long until = System.nanoTime() + Duration.ofSeconds(12).toNanos();
      while (System.nanoTime() < until) {
        assertThat(registered("shop", jvm)).as("the registration stays").isTrue();
        assertThat(hello(jvm)).isEqualTo(429);
      }
      endsSoonAfter(jvm);
      assertThat(keys("shop")).as("it deregisters").isBlank();
    }
  }

  @Test
  void aReaderThatComesBackIsToldWhatItMissed() {
    try (Jvm jvm = site().unreadStderr().weir(options("late") + ";admin.port=" + admin).start()) {
      fillStderr("http://127.0.0.1:" + admin);
      jvm.readStderr();
      jvm.awaitStderr("lines of this log were dropped");
      assertThat(jvm.stderr().get(0)).contains("governs service 'late'");
      assertThat(jvm.stderr().get(1)).startsWith("[weir] configuration ");
    }
  }

  @Test
  void withAFullPipeAndAFrozenEtcdTheJvmStillEnds() {
    try (Jvm jvm = site().unreadStderr().weir(options("end") + ";admin.port=" + admin).start()) {
      Await.until(SOON, () -> registered("end", jvm), jvm::told);
      fillStderr("http://127.0.0.1:" + admin);
      etcd.freeze();
      endsSoonAfter(jvm);
    } finally {
      etcd.thaw();
    }
  }

  @Test
  void anApplicationsHookThatHangsKeepsTheInstanceInNoRegistry() {
    Matrix.Cell cell = cell();
    String classes =
        Apps.compile(
            List.of("tomcat", "servlet", "exit"),
            cell.classpath(),
            Map.of("javax.servlet", "jakarta.servlet"));
    try (Jvm jvm =
        Jvm.of(cell.jdk(), Apps.with(classes, cell.classpath()), "HangingHook")
            .arguments("TomcatMain")
            .weir(options("hangs"))
            .start()) {
      Await.until(SOON, () -> registered("hangs", jvm), jvm::told);
      jvm.signal("TERM");
      jvm.awaitStdout("HOOK");
      Await.until(SOON, () -> keys("hangs").isBlank(), jvm::told);
      Await.until(SOON, () -> status("hangs").isBlank(), jvm::told);
      assertThat(jvm.isAlive()).as("when it ends is the application's business").isTrue();
      jvm.kill();
    }
  }

  @Test
  void aClosedStderrHurtsNothing() {
    Rules rules = new Rules(etcd);
    try (Jvm jvm =
        site().redirected("2>&-").weir(options("closed") + ";admin.port=" + admin).start()) {
      rules.put("service/closed/rate-limit/bad", "{\"qps\": \"many\"}");
      rules.put("service/closed/rate-limit/closed", "{\"qps\": 0}");
      Await.until(SOON, () -> hello(jvm) == 429, jvm::told);
      Await.until(SOON, () -> status("closed").contains("\"state\":\"REJECTED\""), jvm::told);
      assertThat(dropped("http://127.0.0.1:" + admin)).isPositive();
      endsSoonAfter(jvm);
    }
  }

  @Test
  void aLogFileOnAFullDiskHurtsNothing() {
    Rules rules = new Rules(etcd);
    try (Jvm jvm =
        site()
            .weir(options("full") + ";admin.port=" + admin + ";log=info,file:/dev/full")
            .start()) {
      rules.put("service/full/rate-limit/bad", "{\"qps\": \"many\"}");
      rules.put("service/full/rate-limit/closed", "{\"qps\": 0}");
      Await.until(SOON, () -> hello(jvm) == 429, jvm::told);
      Await.until(SOON, () -> dropped("http://127.0.0.1:" + admin) > 2, jvm::told);
      assertThat(jvm.stderr()).isEmpty();
      endsSoonAfter(jvm);
    }
  }

  @Test
  void aRotatedLogFileIsFollowed() throws IOException {
    Rules rules = new Rules(etcd);
    Path file = Work.fresh("log").resolve("weir.log");
    try (Jvm jvm = site().weir(options("rotated") + ";log=info,file:" + file).start()) {
      Await.until(SOON, () -> Files.readString(file).contains("governs service"), jvm::told);
      Await.until(SOON, () -> Files.readString(file).contains("registered"), jvm::told);
      Path old = file.resolveSibling("weir.log.1");
      Files.move(file, old);
      int[] n = {0};
      Await.until(
          SOON,
          () -> {
            rules.put("service/rotated/rate-limit/bad" + n[0]++, "{\"qps\": \"many\"}");
            return Files.exists(file) && Files.readString(file).contains("refused revision");
          },
          jvm::told);
      assertThat(Files.readString(old)).contains("[weir] configuration ");
    }
  }

  private static void endsSoonAfter(Jvm jvm) {
    long began = System.nanoTime();
    jvm.signal("TERM");
    Await.until(
        Duration.ofMillis(DRAIN_MILLIS).plusSeconds(15),
        () -> !jvm.isAlive(),
        () -> "still there after SIGTERM\n" + jvm.threads() + jvm.told());
    System.out.printf("ended %.1f s after SIGTERM%n", (System.nanoTime() - began) / 1e9);
  }

  /** Has Weir say so much that the pipe is full, and its own queue after it. */
  private void fillStderr(String admin) {
    String[] bad = new String[200];
    for (int i = 0; i < bad.length; i += 2) {
      bad[i] = "/service/shop/rate-limit/bad-" + i + "-" + "x".repeat(150);
      bad[i + 1] = "{\"qps\": \"many\"}";
    }
    Await.until(
        Duration.ofSeconds(60),
        () -> {
          etcd.txn("", bad); // each revision is refused, and told
          return dropped(admin) > 0;
        },
        () -> "stderr is not full: dropped " + dropped(admin));
  }

  private static long dropped(String admin) {
    return get(admin + "/metrics")
        .body()
        .lines()
        .filter(l -> l.startsWith("weir_log_dropped_total "))
        .mapToLong(l -> (long) Double.parseDouble(l.split(" ")[1]))
        .sum();
  }

  private static int hello(Jvm jvm) {
    return get("http://127.0.0.1:" + jvm.port() + "/hello").statusCode();
  }

  private static HttpResponse<String> get(String uri) {
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(URI.create(uri)).timeout(Duration.ofSeconds(10)).build(),
              HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private String status(String service) {
    return etcd.ctl("get", "--prefix", "--print-value-only", "/weir/status/" + service + "/");
  }

  private boolean registered(String service, Jvm jvm) {
    return keys(service).contains(":" + jvm.port());
  }

  private String keys(String service) {
    return etcd.ctl("get", "--prefix", "--keys-only", "/services/" + service + "/");
  }

  private String options(String service) {
    return "service="
        + service
        + ";drain_ms="
        + DRAIN_MILLIS
        + ";etcd.endpoints="
        + etcd.endpoint();
  }

  private static Jvm.Builder site() {
    return Sites.jvm(cell());
  }

  private static Matrix.Cell cell() {
    return Matrix.cells("servlet").stream()
        .filter(c -> c.jdk().version() == 17 && c.name().startsWith("tomcat-10"))
        .findFirst()
        .orElseThrow();
  }
}
