package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.weir.control.testing.EtcdServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * {@code auto} on gRPC, in and out, and on OkHttp: every call takes four times the target, whatever
 * the machine does, so a loop that measures right has one way to go. How well it holds a target is
 * {@link StepLoad}'s; on a Tomcat, {@link StepLoadTest}.
 */
class AutoTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static String auto(String more) {
    return "{\"qps\": 400, \"burst\": 20, \"auto\": {\"metric\": \"p99\", \"target\": 50,"
        + " \"min_qps\": 100, \"max_qps\": 400}"
        + more
        + "}";
  }

  private static Matrix.Cell cell(String kind, String name) {
    return Matrix.cells(kind).stream()
        .filter(c -> c.name().equals(name) && c.jdk().version() == 17)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no row " + name + " on JDK 17"));
  }

  /** As Prometheus shows it, of one rule. */
  private static double qps(Jvm jvm, String service, String side) {
    return Metrics.of(jvm)
        .page("/metrics")
        .lines()
        .filter(l -> l.startsWith("weir_limit_auto_qps{"))
        .filter(l -> l.contains("service=\"" + service + "\"") && l.contains("\"" + side + "\""))
        .mapToDouble(l -> Double.parseDouble(l.split("} ")[1]))
        .findFirst()
        .orElse(Double.NaN);
  }

  @Test
  void ofAGrpcServerAndOfTheClientThatCallsItTheRateFollowsP99AndEverybodyIsTold() {
    Matrix.Cell cell = cell("grpc", "netty-1.85");
    String classpath =
        Apps.with(
            Apps.compile(List.of("grpc", "grpc-wire", "grpc-any"), cell.classpath(), Map.of()),
            cell.classpath());
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("put", "/service/stock/rate-limit/in", auto(""));
      etcd.ctl("put", "/service/localhost/rate-limit/out", auto(", \"side\": \"client\""));
      etcd.ctl(
          "put",
          "/service/localhost/circuit-breaker",
          "{\"slow_call_ms\": 100, \"slow_ratio\": 1, \"min_calls\": 1000, \"window\": {\"type\":"
              + " \"time\", \"seconds\": 60}}");
      String options = ";admin.port=0;etcd.endpoints=" + etcd.endpoint();
      try (Jvm server =
              Jvm.of(cell.jdk(), classpath, "StockServer")
                  .arguments("a")
                  .weir("service=stock" + options)
                  .launch();
          Jvm client =
              Jvm.of(cell.jdk(), classpath, "StockClient")
                  .weir("service=front" + options)
                  .launch()) {
        client.say("open c localhost:" + server.awaitReady().port());
        client.awaitStdout("c opened");
        Await.until(PATIENCE, () -> qps(server, "stock", "server") == 400, server::told);
        Await.until(PATIENCE, () -> qps(client, "localhost", "client") == 400, client::told);
        int[] n = {0};
        Await.until(
            PATIENCE,
            () -> {
              for (int i = 0; i < 10; i++) {
                client.say("many #" + ++n[0] + " c unary 5 : sleep 200");
              }
              for (int i = 9; i >= 0; i--) {
                client.awaitStdout("#" + (n[0] - i) + " ");
              }
              return qps(server, "stock", "server") < 400
                  && qps(client, "localhost", "client") < 400;
            },
            () -> server.told() + client.told());
        told(server.awaitStderr("auto: stock rate limit \"in\" qps 400 -> "));
        told(client.awaitStderr("auto: localhost rate limit \"out\" qps 400 -> "));
        assertThat(server.stdout()).noneMatch(l -> l.contains("BROKEN"));

        Cli weir = new Cli(Work.fresh("auto")).env("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
        String step = " +100 to 400 +[1-9]\\d* +[0-9.]+ -> [0-9.]+: p99 [0-9.]+, target 50";
        Await.until(
            PATIENCE,
            () -> {
              String status = weir.run("status").out();
              return status.matches("(?s).*rate-limit stock/in +stock/\\S+ +[0-9.]+" + step + ".*")
                  && status.matches(
                      "(?s).*rate-limit localhost/out \\(client\\) +front/\\S+ +[0-9.]+"
                          + step
                          + ".*");
            },
            () -> weir.run("status") + server.told() + client.told());
        assertThat(etcd.ctl("get", "--prefix", "--print-value-only", "/weir/status/"))
            .contains("{\"service\":\"stock\",\"side\":\"server\",\"rule\":\"in\",\"qps\":")
            .contains("\"auto\":[{\"service\":\"localhost\",\"side\":\"client\",\"rule\":\"out\"");

        // how long the calls took, by rule
        client.say("many #top c unary 1 : sleep 200");
        client.awaitStdout("#top ");
        assertThat(Metrics.of(client).page("/latency"))
            .contains(
                "\"service\":\"localhost\",\"side\":\"client\"",
                "{\"kind\":\"rate-limit\",\"rule\":\"out\",\"calls\":",
                "{\"kind\":\"circuit-breaker\",\"rule\":\"default\",\"calls\":",
                "\"slow_ms\":100,\"slow\":");
        assertThat(Metrics.of(server).page("/metrics"))
            .containsPattern(
                "weir_rule_latency_seconds\\{service=\"stock\",side=\"server\",kind=\"rate-limit\","
                    + "rule=\"in\",quantile=\"0.99\"} (0\\.[2-9]|[1-9])");
        Pattern served =
            Pattern.compile("rate-limit stock/in +stock/\\S+ +\\d+ +- +[0-9.]+ m?s +[0-9.]+ m?s");
        Pattern judged =
            Pattern.compile(
                "circuit-breaker localhost/default +front/\\S+ +\\d+ +[1-9]\\d* over 100 ms"
                    + " +[0-9.]+ m?s");
        String[] top = {""};
        Await.until(
            PATIENCE,
            () -> {
              // it shows what came lately, and of instances that answer within a second
              client.say("many #" + ++n[0] + " c unary 1 : sleep 200");
              client.awaitStdout("#" + n[0] + " ");
              top[0] = weir.run("top", "--count", "2", "--interval", "1").out();
              return served.matcher(top[0]).find() && judged.matcher(top[0]).find();
            },
            () -> top[0] + server.told() + client.told());
      }
    }
  }

  private static void told(String step) {
    assertThat(step).containsPattern(": p99 [0-9.]+, target 50$");
    double p99 = Double.parseDouble(step.replaceAll(".*: p99 ([0-9.]+), .*", "$1"));
    assertThat(p99).as("what the calls took").isGreaterThanOrEqualTo(198);
  }

  /** Five streams of 2.5 s beside quick calls, and long polls which another rule is about. */
  @Test
  void ofATomcatStreamsAndCallsTheRuleIsNotAboutLeaveTheRateAlone() throws Exception {
    Rules rules = new Rules();
    String auto =
        ", \"qps\": 200, \"burst\": 50, \"auto\": {\"metric\": \"p99\", \"target\": 1000,"
            + " \"min_qps\": 5, \"max_qps\": 200}}";
    rules.put("service/shop/rate-limit/calls", "{\"match\": \"path != '/long-poll'\"" + auto);
    rules.put("service/shop/rate-limit/polls", "{\"match\": \"path == '/long-poll'\"" + auto);
    String options = "service=shop;admin.port=0;rules=" + rules.location();
    HttpClient client = HttpClient.newHttpClient();
    try (Jvm jvm = Sites.jvm(cell("manners", "tomcat-9.0")).weir(options).start()) {
      rules.awaitInForce("shop", jvm, "/hello");
      AtomicInteger streamed = new AtomicInteger();
      String[] paths = new String[25];
      Arrays.fill(paths, "/long-poll?2500");
      Arrays.fill(paths, 0, 5, "/events?2500");
      List<CompletableFuture<?>> under =
          new ArrayList<>(Collections.nCopies(25, CompletableFuture.completedFuture(null)));
      Await.until(
          PATIENCE,
          () -> {
            for (int i = 0; i < paths.length; i++) {
              if (under.get(i).isDone()) {
                boolean events = i < 5;
                under.set(
                    i,
                    client
                        .sendAsync(request(jvm, paths[i]), HttpResponse.BodyHandlers.ofString())
                        .thenAccept(
                            a -> streamed.addAndGet(events && a.statusCode() == 200 ? 1 : 0)));
              }
            }
            for (int i = 0; i < 20; i++) {
              client.send(request(jvm, "/hello"), HttpResponse.BodyHandlers.discarding());
            }
            return streamed.get() >= 20
                && jvm.stderr().stream()
                    .anyMatch(l -> l.contains("rate limit \"polls\" qps 200 ->"));
          },
          jvm::told);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("rate limit \"calls\" qps"));
    }
  }

  private static HttpRequest request(Jvm jvm, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + path)).build();
  }

  @Test
  void ofAnOkHttpClientTheRateFollowsP99() throws Exception {
    Matrix.Cell cell = cell("okhttp", "okhttp-4.12");
    Rules rules = new Rules();
    rules.put("service/127.0.0.1/rate-limit", auto(", \"side\": \"client\""));
    HttpServer slow = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    slow.setExecutor(
        Executors.newCachedThreadPool(
            r -> {
              Thread t = new Thread(r, "slow");
              t.setDaemon(true);
              return t;
            }));
    slow.createContext(
        "/",
        exchange -> {
          try {
            Thread.sleep(200); // what it takes is the experiment
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    slow.start();
    String classes = Apps.compile(List.of("okhttp"), cell.classpath(), Map.of());
    try (Jvm jvm =
        Jvm.of(cell.jdk(), Apps.with(classes, cell.classpath()), "OkHttpApp")
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .start()) {
      Await.until(PATIENCE, () -> qps(jvm, "127.0.0.1", "client") == 400, jvm::told);
      int[] n = {0};
      Await.until(
          PATIENCE,
          () -> {
            for (int i = 0; i < 30; i++) {
              jvm.say(
                  "c" + ++n[0] + " enqueue http://127.0.0.1:" + slow.getAddress().getPort() + "/");
            }
            for (int i = 29; i >= 0; i--) {
              jvm.awaitStdout("c" + (n[0] - i) + " ");
            }
            return qps(jvm, "127.0.0.1", "client") < 400;
          },
          jvm::told);
      told(jvm.awaitStderr("auto: 127.0.0.1 rate limit \"default\" qps 400 -> "));
      assertThat(Metrics.of(jvm).page("/rules"))
          .contains(
              "\"auto\":[{\"service\":\"127.0.0.1\",\"side\":\"client\",\"rule\":\"default\"");
    } finally {
      slow.stop(0);
    }
  }
}
