package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A request that waited for its turn is answered also where the container has no thread for it when
 * its time has come. {@code ./verify} runs the oldest and the newest of each container; all run
 * with {@code -Dweir.matrix='.*'}.
 */
class PacedFullPoolTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private static final String PACED =
      "{\"qps\": 1, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"path == '/hello'\"}";

  static List<Matrix.Cell> cells() {
    return Matrix.oldestAndNewest(
        Matrix.cells("servlet").stream()
            .filter(c -> c.jdk().version() == 17 && !c.name().startsWith("boot"))
            .toList());
  }

  @ParameterizedTest
  @MethodSource("cells")
  void aPacedRequestIsAnsweredWhenTheContainersPoolIsFull(Matrix.Cell cell) throws Exception {
    Path full = Work.fresh("pool").resolve("full");
    Rules rules = new Rules().put("service/shop/rate-limit", PACED);
    try (Jvm jvm =
        Sites.jvm(cell)
            .options("-Dsite.full=" + full)
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .start()) {
      rules.awaitInForce("shop", jvm, "/plain");
      // full for a moment
      try (Raw waiting = waiting(jvm)) {
        Files.createFile(full);
        int before = rejections(jvm);
        Await.until(
            Duration.ofSeconds(20),
            () -> rejections(jvm) > before,
            () -> "rejected\n" + jvm.told());
        Files.delete(full);
        int status = waiting.answer("GET").status();
        assertThat(status).as(jvm::told).isEqualTo(cell.name().startsWith("undertow") ? 503 : 200);
        if (status == 200) {
          assertThat(waiting.get("/plain").status()).as("its connection goes on").isEqualTo(200);
        }
      }
      // full for long
      try (Raw waiting = waiting(jvm)) {
        Files.createFile(full);
        assertThat(waiting.answer("GET").status()).as(jvm::told).isEqualTo(503);
        Files.delete(full);
      }
      if (cell.name().startsWith("tomcat")) {
        aStream(jvm, full);
      }
      try (Raw http = new Raw(jvm.port())) {
        assertThat(http.get("/hello").status()).as("others are served as before").isEqualTo(200);
      }
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  /** The same for one of HTTP/2, which has no socket of its own. */
  private static void aStream(Jvm jvm, Path full) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    HttpRequest hello =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + "/hello")).build();
    HttpResponse<Void> first = client.send(hello, HttpResponse.BodyHandlers.discarding());
    assertThat(first.version()).isEqualTo(HttpClient.Version.HTTP_2);
    double before = decisions(jvm);
    CompletableFuture<HttpResponse<Void>> second =
        client.sendAsync(hello, HttpResponse.BodyHandlers.discarding());
    awaitDecision(jvm, before);
    Files.createFile(full);
    assertThat(second).as(jvm::told).succeedsWithin(Duration.ofSeconds(60));
    assertThat(second.join().statusCode()).as(jvm::told).isEqualTo(503);
    Files.delete(full);
  }

  /** A request whose turn has not come yet. */
  private static Raw waiting(Jvm jvm) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      assertThat(http.get("/hello").status()).isEqualTo(200);
    }
    double before = decisions(jvm);
    Raw waiting = new Raw(jvm.port());
    waiting.send("GET", "/hello", null);
    awaitDecision(jvm, before);
    return waiting;
  }

  /**
   * Only a request that Weir has decided about waits with it. One that its container has no thread
   * for yet is the container's to refuse, in its own way.
   */
  private static void awaitDecision(Jvm jvm, double before) {
    Await.until(
        Duration.ofSeconds(20),
        () -> decisions(jvm) > before,
        () -> "the request was not decided\n" + jvm.told());
  }

  private static double decisions(Jvm jvm) {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    String port = line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1");
    return HTTP.sendAsync(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
            HttpResponse.BodyHandlers.ofLines())
        .join()
        .body()
        .filter(l -> l.startsWith("rate_limit_hit_count_total{"))
        .mapToDouble(l -> Double.parseDouble(l.split("} ")[1]))
        .sum();
  }

  private static int rejections(Jvm jvm) {
    return (int) jvm.stdout().stream().filter("REJECTED"::equals).count();
  }
}
