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
 * its time has come.
 */
class PacedFullPoolTest {
  private static final String PACED =
      "{\"qps\": 2, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"path == '/hello'\"}";

  static List<Matrix.Cell> cells() {
    return Matrix.cells("servlet").stream()
        .filter(c -> c.jdk().version() == 17 && !c.name().startsWith("boot"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void aPacedRequestIsAnsweredWhenTheContainersPoolIsFull(Matrix.Cell cell) throws Exception {
    Path full = Work.fresh("pool").resolve("full");
    Rules rules = new Rules().put("service/shop/rate-limit", PACED);
    try (Jvm jvm =
        Sites.jvm(cell)
            .options("-Dsite.full=" + full)
            .weir("service=shop;rules=" + rules.location())
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
    CompletableFuture<HttpResponse<Void>> second =
        client.sendAsync(hello, HttpResponse.BodyHandlers.discarding());
    HttpRequest plain =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + "/plain")).build();
    // of the same connection: answered after the one before was dispatched
    assertThat(client.send(plain, HttpResponse.BodyHandlers.discarding()).statusCode())
        .isEqualTo(200);
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
    Raw waiting = new Raw(jvm.port());
    waiting.send("GET", "/hello", null);
    try (Raw http = new Raw(jvm.port())) {
      // answered after it was read: the one before has begun to wait
      assertThat(http.get("/plain").status()).isEqualTo(200);
    }
    return waiting;
  }

  private static int rejections(Jvm jvm) {
    return (int) jvm.stdout().stream().filter("REJECTED"::equals).count();
  }
}
