package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Requests nobody would send in good faith: byte by byte on a socket to a Tomcat and to a gRPC
 * server, and through OkHttp and a gRPC channel to others, all under the agent, with rules that
 * read every attribute there is. Headers of 64 KB, ten thousand parameters, cookies or header
 * lines, broken UTF-8 and escapes, duplicates, deep JSON in tokens, and any of it cut or mixed. No
 * exception escapes, no call fails open, the JVM lives, in a heap of 128 MB.
 *
 * <p>Short in the build; the long form is {@code scripts/test HostileRequestsTest
 * -Dweir.fuzz.requests=100000}. The seed is printed; {@code -Dweir.fuzz.seed=N} repeats a run.
 */
class HostileRequestsTest {
  private static final int MAX_KEYS = 1000;

  private final long seed = Long.getLong("weir.fuzz.seed", System.nanoTime());
  private final Hostile hostile = new Hostile(seed);

  @Test
  void noRequestHurts() throws Exception {
    int requests = Integer.getInteger("weir.fuzz.requests", 3_000);
    Rules rules = rules("shop", "server");
    Map<Integer, Integer> statuses = new TreeMap<>();
    long slowest = 0;
    long bytes = 0;
    long began = System.nanoTime();
    String jars = Maven.resolve("org.apache.tomcat.embed:tomcat-embed-core:10.1.59");
    try (Jvm jvm =
        Jvm.of(
                Jdk.find(17).orElseThrow(),
                Apps.with(Apps.compile("hostile", jars, Map.of()), jars),
                "HostileMain")
            .options("-Xmx128m", "-XX:+ExitOnOutOfMemoryError")
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .start()) {
      rules.awaitInForce("shop", jvm, "/");
      Raw http = new Raw(jvm.port());
      for (int i = 0; i < requests; i++) {
        byte[] request = hostile.request();
        bytes += request.length;
        long start = System.nanoTime();
        int status;
        boolean goesOn = true;
        try {
          Raw.Answer answer = http.send(request);
          status = answer.status();
          goesOn = !"close".equalsIgnoreCase(answer.header("Connection"));
        } catch (java.net.SocketTimeoutException hangs) {
          throw new AssertionError("no answer: " + told(i, request) + jvm.told(), hangs);
        } catch (IOException closed) {
          status = 0; // the container hung up
          goesOn = false;
        }
        slowest = Math.max(slowest, System.nanoTime() - start);
        statuses.merge(status, 1, Integer::sum);
        if (status >= 500 || !jvm.isAlive()) {
          throw new AssertionError(status + ": " + told(i, request) + jvm.told());
        }
        if (!goesOn) {
          http.close();
          http = new Raw(jvm.port());
        }
      }
      http.close();
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          "hostile requests, seed %d: %d (%d MB) in %.1f s with the start, answers by status %s (0:"
              + " hung up on), slowest %.1f ms%n",
          seed, requests, bytes >> 20, seconds, statuses, slowest / 1e6);
      unharmed(jvm);
      int through = statuses.getOrDefault(200, 0) + statuses.getOrDefault(429, 0);
      assertThat(through).as("most must get past the container").isGreaterThan(requests / 2);
      assertThat(statuses.getOrDefault(429, 0)).as("rules must match some").isPositive();
      assertThat(
              new Cli(rules.directory())
                  .run("doctor", Long.toString(jvm.pid()), "--rules", rules.location())
                  .exits(0)
                  .out())
          .as("and a doctor knows it")
          .containsPattern("ok +servlet: covers \\[.*jakarta.servlet.http.HttpServlet");
      try (Raw after = new Raw(jvm.port())) {
        assertThat(after.get("/").status()).as("still serves").isEqualTo(200);
      }
    }
  }

  /** Metadata as bytes to a server; and as an application passes it on, outbound. */
  @Test
  void noCallHurts() throws Exception {
    int calls = Integer.getInteger("weir.fuzz.requests", 500);
    String jars =
        Maven.resolve(
            "com.squareup.okhttp3:okhttp:4.12.0",
            "io.grpc:grpc-netty-shaded:1.85.1",
            "io.grpc:grpc-stub:1.85.1");
    Rules rules = rules("shop", "server");
    limits(rules, "payment", "client");
    limits(rules, "stock", "client");
    try (Jvm jvm =
        Jvm.of(
                Jdk.find(17).orElseThrow(),
                Apps.with(Apps.compile("hostile-calls", jars, Map.of()), jars),
                "HostileCalls")
            .options("-Xmx128m", "-XX:+ExitOnOutOfMemoryError")
            .weir("service=shop;admin.port=0;rules=" + rules.location())
            .start()) {
      String[] ports = jvm.awaitStdout("PORTS ").split(" ");
      int grpc = Integer.parseInt(ports[1]);
      rules
          .put("services/stock/instances/127.0.0.1:" + grpc, "{\"protocol\": \"grpc\"}")
          .put("services/payment/instances/127.0.0.1:" + ports[2], "{\"version\": \"v2\"}")
          .put("service/shop/route", "default: [{version: v1}]");
      Await.until(
          Duration.ofSeconds(30),
          () -> admin(jvm, "/rules").contains("/service/shop/route"),
          jvm::told);
      inbound(jvm, grpc, calls);
      outbound(jvm, calls);
      unharmed(jvm);
      try (RawGrpc after = new RawGrpc(grpc)) {
        assertThat(after.call(head("/shop.Stock/Get", "shop"))).as("still serves").isZero();
      }
    }
  }

  private static List<String> head(String path, String authority) {
    return new ArrayList<>(
        List.of(
            ":method",
            "POST",
            ":scheme",
            "http",
            ":path",
            path,
            ":authority",
            authority,
            "te",
            "trailers",
            "content-type",
            "application/grpc"));
  }

  private void inbound(Jvm jvm, int port, int calls) throws Exception {
    Map<Integer, Integer> statuses = new TreeMap<>();
    long slowest = 0;
    long began = System.nanoTime();
    RawGrpc grpc = new RawGrpc(port);
    for (int i = 0; i < calls; i++) {
      List<String> call =
          head(
              hostile.rarely(5) ? hostile.path() : "/shop.Stock/Get",
              hostile.rarely(10) ? hostile.junk(3) : "shop");
      call.addAll(hostile.headers());
      if (hostile.rarely(50)) {
        call.add(Hostile.noSpace(hostile.junk(3))); // a name that is none
        call.add("x");
      }
      long start = System.nanoTime();
      int status;
      try {
        status = grpc.call(call);
      } catch (java.net.SocketTimeoutException hangs) {
        throw new AssertionError(
            "no answer: " + hostile.told(i, call.toString()) + jvm.told(), hangs);
      } catch (IOException closed) {
        status = 1000; // gRPC hung up
        grpc.close();
        grpc = new RawGrpc(port);
      }
      slowest = Math.max(slowest, System.nanoTime() - start);
      statuses.merge(status, 1, Integer::sum);
      if (status == 2 || status == 13 || !jvm.isAlive()) {
        throw new AssertionError(status + ": " + hostile.told(i, call.toString()) + jvm.told());
      }
    }
    grpc.close();
    System.out.printf(
        "hostile metadata, seed %d: %d calls in %.1f s, by gRPC status %s (1000: hung up on, -n:"
            + " reset), slowest %.1f ms%n",
        seed, calls, (System.nanoTime() - began) / 1e9, statuses, slowest / 1e6);
    int through = statuses.getOrDefault(0, 0) + statuses.getOrDefault(8, 0);
    assertThat(through).as("most must get past gRPC").isGreaterThan(calls / 2);
    assertThat(statuses.getOrDefault(8, 0)).as("rules must match some").isPositive();
  }

  private void outbound(Jvm jvm, int calls) throws IOException {
    for (boolean grpc : new boolean[] {false, true}) {
      Map<String, Integer> answers = new TreeMap<>();
      long slowest = 0;
      long began = System.nanoTime();
      try (Socket socket = new Socket("127.0.0.1", jvm.port())) {
        socket.setSoTimeout(30_000);
        socket.setTcpNoDelay(true);
        DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        DataOutputStream out =
            new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
        for (int i = 0; i < calls; i++) {
          String url = hostile.path() + hostile.query();
          List<String> headers = hostile.headers();
          out.writeBoolean(grpc);
          text(out, url);
          out.writeInt(headers.size());
          for (String h : headers) {
            text(out, h);
          }
          out.flush();
          long start = System.nanoTime();
          String answer = in.readUTF();
          slowest = Math.max(slowest, System.nanoTime() - start);
          answers.merge(answer, 1, Integer::sum);
          if (answer.startsWith("THREW") || !jvm.isAlive()) {
            throw new AssertionError(answer + ": " + hostile.told(i, url + headers) + jvm.told());
          }
        }
      }
      System.out.printf(
          "hostile calls by %s, seed %d: %d in %.1f s, answers %s, slowest %.1f ms%n",
          grpc ? "gRPC" : "OkHttp",
          seed,
          calls,
          (System.nanoTime() - began) / 1e9,
          answers,
          slowest / 1e6);
      int well = answers.getOrDefault(grpc ? "OK" : "200", 0);
      int refused =
          answers.entrySet().stream()
              .filter(e -> e.getKey().matches("429|RESOURCE_EXHAUSTED .*"))
              .mapToInt(Map.Entry::getValue)
              .sum();
      assertThat(well).as("some go through: %s", answers).isGreaterThan(calls / 10);
      assertThat(refused).as("rules must match some: %s", answers).isPositive();
      assertThat(well + refused).as("most: %s", answers).isGreaterThan(calls / 2);
    }
  }

  private static void text(DataOutputStream out, String bytes) throws IOException {
    out.writeInt(bytes.length());
    out.write(bytes.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** No call failed open, nothing was complained about, and no keyed rule grew past its bound. */
  private void unharmed(Jvm jvm) throws IOException, InterruptedException {
    assertThat(admin(jvm, "/health")).contains("\"fail_open\":0");
    assertThat(jvm.complaints()).as(jvm.told()).isEmpty();
    Matcher keys =
        Pattern.compile("(?m)^weir_rate_limit_keys\\{.*\\} (\\d+)").matcher(admin(jvm, "/metrics"));
    while (keys.find()) {
      assertThat(Integer.parseInt(keys.group(1))).as(keys.group()).isLessThanOrEqualTo(MAX_KEYS);
    }
  }

  /** Every attribute there is, in every kind of test, as keys, and as carried colours. */
  private static Rules rules(String service, String side) {
    return limits(new Rules(), service, side)
        .put(
            "service/payment/route",
            "routes:\n  - match: \"header:X-Env == 'prod' || exists tag:t\"\n"
                + "    to: [{version: v1}]\n    sticky: header:X-User\ndefault: [{version: v2}]\n");
  }

  private static Rules limits(Rules rules, String service, String side) {
    String prefix = "service/" + service + "/rate-limit/";
    String common = "\"side\": \"" + side + "\", \"qps\": 1000000, \"max_keys\": " + MAX_KEYS;
    return rules
        .put(
            prefix + "keys",
            "{"
                + common
                + ", \"by\": [\"header:X-Key\", \"query:q\", \"cookie:c\", \"path\","
                + " \"jwt:sub\", \"tag:t\", \"caller\", \"host\"]}")
        .put(
            prefix + "other-keys",
            "{"
                + common
                + ", \"by\": [\"method\", \"client-ip\", \"header:Accept-Language\"],"
                + " \"on_missing\": \"skip\"}")
        .put(
            prefix + "match",
            "qps: 0\nside: "
                + side
                + "\n"
                + "match: \"header:X-A matches '(a|b|ab)*c' || query:q matches '(.*x)*y.*' ||"
                + " cookie:c contains 'zz' || jwt:sub == 'x' || jwt:deep in ['a', 'b'] || path"
                + " matches '(/[a-z%]*)*z' || host endsWith '.evil' || tag:t startsWith 'aa' ||"
                + " query:n > 100 || caller matches '\\\\p{L}{5,}' || percent(header:X-User, 3) ||"
                + " percent(query:u, 3) || header:Authorization matches '(?i)bearer .*a.*b.*c' ||"
                + " exists cookie:refuse || exists header:Referer || method == 'X'\"\n");
  }

  private String admin(Jvm jvm, String page) throws IOException, InterruptedException {
    Matcher m = Pattern.compile("http://127.0.0.1:\\d+").matcher(jvm.awaitStderr("admin endpoint"));
    assertThat(m.find()).isTrue();
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create(m.group() + page)).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private String told(int i, byte[] request) {
    return hostile.told(i, new String(request, StandardCharsets.ISO_8859_1));
  }
}
