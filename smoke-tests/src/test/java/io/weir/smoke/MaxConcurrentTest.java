package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * {@code max_concurrent} on a real server and on both sides of gRPC, beyond what the contracts
 * hold: an edit, and a peer that is lost.
 */
class MaxConcurrentTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static Matrix.Cell cell(String kind, String name) {
    return Matrix.cells(kind).stream()
        .filter(c -> c.name().equals(name) && c.jdk().version() == 17)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no row " + name + " on JDK 17"));
  }

  @Test
  void aTomcatServesSoManyAtOnce() throws Exception {
    Rules rules = new Rules();
    rules.put("service/shop/rate-limit/most", "{\"max_concurrent\": 2}");
    String options = "service=shop;admin.port=0;rules=" + rules.location();
    try (Jvm jvm = Sites.jvm(cell("manners", "tomcat-9.0")).weir(options).start()) {
      rules.awaitInForce("shop", jvm, "/hello");
      for (String path :
          List.of(
              "/hello",
              "/async",
              "/async-dispatch",
              "/forward",
              "/include",
              "/fail",
              "/send-error",
              "/async-fail",
              "/nowhere")) {
        assertThat(get(jvm, path).statusCode()).as(path).isNotEqualTo(429);
        awaitInFlight(jvm, 0);
      }
      List<InputStream> under = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        under.add(open(jvm, "/endless").body());
      }
      awaitInFlight(jvm, 2);
      HttpResponse<String> refused = get(jvm, "/hello");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.headers().firstValue("RateLimit-Policy"))
          .hasValue("\"most\";q=2;qu=\"concurrent-requests\"");
      assertThat(refused.headers().firstValue("Retry-After")).isEmpty();
      // an edit keeps those under way counted
      rules.put("service/shop/rate-limit/most", "{\"max_concurrent\": 3}");
      Await.until(PATIENCE, () -> get(jvm, "/hello").statusCode() == 200, jvm::told);
      awaitInFlight(jvm, 2);
      for (InputStream body : under) {
        body.close();
      }
      awaitInFlight(jvm, 0);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  @Test
  void aGrpcServerServesSoManyAtOnce() {
    grpc(true);
  }

  @Test
  void aGrpcClientMakesSoManyAtOnce() {
    grpc(false);
  }

  private static void grpc(boolean inbound) {
    Matrix.Cell cell = cell("grpc", "netty-1.85");
    String classpath =
        Apps.with(
            Apps.compile(List.of("grpc", "grpc-wire", "grpc-any"), cell.classpath(), Map.of()),
            cell.classpath());
    Rules rules = new Rules();
    rules.put(
        "service/" + (inbound ? "stock" : "localhost") + "/rate-limit/most",
        "{\"max_concurrent\": 1, \"side\": \"" + (inbound ? "server" : "client") + "\"}");
    String options = "service=stock;admin.port=0;rules=" + rules.location();
    Jvm.Builder serving = Jvm.of(cell.jdk(), classpath, "StockServer").arguments("a");
    Jvm.Builder calling = Jvm.of(cell.jdk(), classpath, "StockClient");
    try (Jvm server = (inbound ? serving.weir(options) : serving).start();
        Jvm client = (inbound ? calling : calling.weir(options)).start()) {
      Jvm governed = inbound ? server : client;
      client.say("open c localhost:" + server.port());
      client.awaitStdout("c opened");
      client.say("open nobody localhost:1");
      client.awaitStdout("nobody opened");
      Await.until(
          PATIENCE, () -> metric(governed, "weir_limit_max_concurrent") == 1, governed::told);
      List<String> calls =
          new ArrayList<>(
              List.of(
                  "c unary : echo 1",
                  "c future : echo 1",
                  "c server : echo 2",
                  "c client : 3",
                  "c bidi : 4",
                  "c unary : fail INTERNAL",
                  "c server : fail UNAVAILABLE",
                  "c unary : throw"));
      if (!inbound) {
        calls.add("c async deadline=50 : hang");
        calls.add("nobody unary : echo 1");
      }
      int n = 0;
      for (String call : calls) {
        client.say("call #" + ++n + " " + call);
        assertThat(client.awaitStdout("#" + n + " ")).as(call).doesNotContain("EXHAUSTED");
        awaitInFlight(governed, 0);
      }
      client.say("call #hangs c async : hang");
      awaitInFlight(governed, 1);
      client.say("call #over c unary : echo 1");
      assertThat(client.awaitStdout("#over "))
          .contains("RESOURCE_EXHAUSTED")
          .contains("concurrency limit \"most\" reached");
      client.say("cancel #hangs");
      assertThat(client.awaitStdout("#hangs CANCELLED")).isNotEmpty();
      awaitInFlight(governed, 0);
      client.say("call #lost c async : hang");
      awaitInFlight(governed, 1);
      (inbound ? client : server).close();
      awaitInFlight(governed, 0);
    }
  }

  private static void awaitInFlight(Jvm jvm, int n) {
    Await.until(
        PATIENCE,
        () -> metric(jvm, "weir_limit_in_flight") == n,
        () -> metric(jvm, "weir_limit_in_flight") + " under way, not " + n + "\n" + jvm.told());
  }

  private static HttpResponse<InputStream> open(Jvm jvm, String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + path)).build(),
            HttpResponse.BodyHandlers.ofInputStream());
  }

  private static HttpResponse<String> get(Jvm jvm, String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + path)).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static double metric(Jvm jvm, String name) {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    String port = line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1");
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
              HttpResponse.BodyHandlers.ofLines())
          .body()
          .filter(l -> l.startsWith(name + "{"))
          .mapToDouble(l -> Double.parseDouble(l.split("} ")[1]))
          .sum();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
