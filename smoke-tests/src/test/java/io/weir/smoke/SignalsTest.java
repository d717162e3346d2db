package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * How the calls a service serves end, counted by the service itself: every kind of end, on a real
 * Tomcat and a real gRPC server, without any rule.
 */
class SignalsTest {
  private static Matrix.Cell cell(String kind, String name) {
    return Matrix.cells(kind).stream()
        .filter(c -> c.name().equals(name) && c.jdk().version() == 17)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no row " + name + " on JDK 17"));
  }

  @Test
  void aTomcatKnowsHowItsRequestsEnded() throws IOException {
    String options = "service=shop;admin.port=0;rules=" + new Rules().location();
    try (Jvm jvm = Sites.jvm(cell("manners", "tomcat-9.0")).weir(options).start()) {
      for (String path :
          List.of("/hello", "/hello", "/async", "/async-dispatch", "/forward", "/include")) {
        get(jvm, path);
      }
      counts(jvm, Map.of("ok", 6L, "error", 0L, "ignored", 0L));
      for (String path : List.of("/fail", "/send-error", "/async-fail")) {
        assertThat(get(jvm, path)).as(path).isGreaterThanOrEqualTo(500);
      }
      counts(jvm, Map.of("ok", 6L, "error", 3L, "ignored", 0L));
      assertThat(metric(jvm, "weir_requests_error_ratio")).isLessThanOrEqualTo(1.0);
      assertThat(metric(jvm, "weir_requests_seconds_total")).isPositive();

      get(jvm, "/endless"); // hangs up after the headers
      counts(jvm, Map.of("ok", 6L, "error", 3L, "ignored", 1L));
    }
  }

  @Test
  void aGrpcServerKnowsHowItsCallsEnded() {
    Matrix.Cell cell = cell("grpc", "netty-1.85");
    String classpath =
        Apps.with(
            Apps.compile(List.of("grpc", "grpc-wire", "grpc-any"), cell.classpath(), Map.of()),
            cell.classpath());
    String options = "service=stock;admin.port=0;rules=" + new Rules().location();
    try (Jvm server =
            Jvm.of(cell.jdk(), classpath, "StockServer").arguments("a").weir(options).start();
        Jvm client = Jvm.of(cell.jdk(), classpath, "StockClient").start()) {
      client.say("open c localhost:" + server.port());
      client.awaitStdout("c opened");
      int n = 0;
      for (String call : List.of("unary : echo 1", "server : echo 2", "client : 3", "bidi : 4")) {
        assertThat(call(client, ++n, call)).startsWith("OK");
      }
      assertThat(call(client, ++n, "unary : fail NOT_FOUND")).startsWith("NOT_FOUND");
      counts(server, Map.of("ok", 5L, "error", 0L, "ignored", 0L));
      assertThat(call(client, ++n, "unary : fail INTERNAL")).startsWith("INTERNAL");
      assertThat(call(client, ++n, "server : fail UNAVAILABLE")).startsWith("UNAVAILABLE");
      assertThat(call(client, ++n, "unary : throw")).startsWith("UNKNOWN");
      counts(server, Map.of("ok", 5L, "error", 3L, "ignored", 0L));
      assertThat(call(client, ++n, "async cancel=50 : hang")).startsWith("CANCELLED");
      counts(server, Map.of("ok", 5L, "error", 3L, "ignored", 1L));
    }
  }

  private static String call(Jvm client, int n, String words) {
    client.say("call #" + n + " c " + words);
    return client.awaitStdout("#" + n + " ").substring(("#" + n + " ").length());
  }

  private static int get(Jvm jvm, String path) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(uri(jvm.port(), path)).build();
    try {
      HttpResponse<java.io.InputStream> answer =
          HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofInputStream());
      if (!path.equals("/endless")) {
        answer.body().readAllBytes();
      }
      answer.body().close();
      return answer.statusCode();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static URI uri(int port, String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  /** An asynchronous call may be counted a moment after its caller has the answer. */
  private static void counts(Jvm jvm, Map<String, Long> expected) {
    Map<String, Long> sorted = new TreeMap<>(expected);
    Await.until(
        Duration.ofSeconds(20),
        () -> outcomes(jvm).equals(sorted),
        () -> "expected " + sorted + ", counted " + outcomes(jvm));
  }

  private static Map<String, Long> outcomes(Jvm jvm) {
    return metrics(jvm).stream()
        .filter(l -> l.startsWith("weir_requests_total{"))
        .collect(
            Collectors.toMap(
                l -> l.replaceAll(".*outcome=\"([a-z]+)\".*", "$1"),
                l -> Long.parseLong(l.split("} ")[1]),
                Long::sum,
                TreeMap::new));
  }

  private static double metric(Jvm jvm, String name) {
    return metrics(jvm).stream()
        .filter(l -> l.startsWith(name + "{"))
        .mapToDouble(l -> Double.parseDouble(l.split("} ")[1]))
        .sum();
  }

  private static List<String> metrics(Jvm jvm) {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    int port = Integer.parseInt(line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(uri(port, "/metrics")).build(),
              HttpResponse.BodyHandlers.ofLines())
          .body()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
