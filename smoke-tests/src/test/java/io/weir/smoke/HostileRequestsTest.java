package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Requests nobody would send in good faith, byte by byte on a socket, to a Tomcat under the agent
 * whose rules read every attribute there is: headers of 64 KB, ten thousand parameters, cookies or
 * header lines, broken UTF-8 and escapes, duplicates, deep JSON in tokens, and any of it cut or
 * mixed. No exception escapes, no call fails open, the server lives, in a heap of 128 MB.
 *
 * <p>Short in the build; the long form is {@code scripts/test HostileRequestsTest
 * -Dweir.fuzz.requests=100000}. The seed is printed; {@code -Dweir.fuzz.seed=N} repeats a run.
 */
class HostileRequestsTest {
  private static final int MAX_KEYS = 1000;

  private static final String[] METHODS = {
    "GET", "GET", "GET", "POST", "HEAD", "X", "get", "PATCH"
  };

  private static final String[] PIECES = {
    "",
    "a",
    "%",
    "%%",
    "%zz",
    "%u0041",
    "%00",
    "%0d%0a",
    "%c0%af",
    "%e4%",
    "%F0%9F%98%80",
    "+",
    "..",
    "../",
    "/./",
    "//",
    ";",
    ";x=1",
    "\\",
    "\"",
    "'",
    "<",
    "{",
    "}",
    "[",
    "|",
    "^",
    "`",
    "=",
    "&",
    "&&",
    "==",
    ",",
    ":",
    "true",
    "-1",
    "9223372036854775808",
    "1e309",
    "x.y.z",
    "aaaaaaaab",
    "Bearer ",
    "\u00e4",
    "\u0080",
    "\u00ff",
    "\u00c3",
    "\u00ed\u00a0\u0080",
    "\t",
  };

  private static final String[] HEADERS = {
    "X-A",
    "x-a",
    "X-User",
    "X-Key",
    "X-Env",
    "Cookie",
    "Authorization",
    "baggage",
    "traceparent",
    "X-Weir-Caller",
    "X-Forwarded-For",
    "Content-Type",
    "Accept-Language",
    "Referer",
  };

  private final long seed = Long.getLong("weir.fuzz.seed", System.nanoTime());
  private final Random random = new Random(seed);

  @Test
  void noRequestHurts() throws Exception {
    int requests = Integer.getInteger("weir.fuzz.requests", 3_000);
    Rules rules = rules();
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
        byte[] request = request();
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
      String health = admin(jvm, "/health");
      String metrics = admin(jvm, "/metrics");
      System.out.printf(
          "hostile requests, seed %d: %d (%d MB) in %.1f s with the start, answers by status %s (0:"
              + " hung up on), slowest %.1f ms%n",
          seed, requests, bytes >> 20, seconds, statuses, slowest / 1e6);
      assertThat(health).contains("\"fail_open\":0");
      assertThat(jvm.stderr()).as(jvm.told()).noneMatch(l -> l.contains("WARN"));
      int through = statuses.getOrDefault(200, 0) + statuses.getOrDefault(429, 0);
      assertThat(through).as("most must get past the container").isGreaterThan(requests / 2);
      assertThat(statuses.getOrDefault(429, 0)).as("rules must match some").isPositive();
      Matcher keys = Pattern.compile("(?m)^weir_rate_limit_keys\\{.*\\} (\\d+)").matcher(metrics);
      while (keys.find()) {
        assertThat(Integer.parseInt(keys.group(1))).as(keys.group()).isLessThanOrEqualTo(MAX_KEYS);
      }
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

  /** Every attribute there is, in every kind of test, as keys, and as carried colours. */
  private static Rules rules() {
    return new Rules()
        .put(
            "service/shop/rate-limit/keys",
            "{\"qps\": 1000000, \"by\": [\"header:X-Key\", \"query:q\", \"cookie:c\", \"path\","
                + " \"jwt:sub\", \"tag:t\", \"caller\", \"host\"], \"max_keys\": "
                + MAX_KEYS
                + "}")
        .put(
            "service/shop/rate-limit/other-keys",
            "{\"qps\": 1000000, \"by\": [\"method\", \"client-ip\", \"header:Accept-Language\"],"
                + " \"on_missing\": \"skip\", \"max_keys\": "
                + MAX_KEYS
                + "}")
        .put(
            "service/shop/rate-limit/match",
            "qps: 0\n"
                + "match: \"header:X-A matches '(a|b|ab)*c' || query:q matches '(.*x)*y.*' ||"
                + " cookie:c contains 'zz' || jwt:sub == 'x' || jwt:deep in ['a', 'b'] || path"
                + " matches '(/[a-z%]*)*z' || host endsWith '.evil' || tag:t startsWith 'aa' ||"
                + " query:n > 100 || caller matches '\\\\p{L}+' || percent(header:X-User, 3) ||"
                + " percent(query:u, 3) || header:Authorization matches '(?i)bearer .*a.*b.*c' ||"
                + " exists cookie:refuse || method == 'X'\"\n")
        .put(
            "service/payment/route",
            "routes:\n  - match: \"header:X-Env == 'prod' || exists tag:t\"\n"
                + "    to: [{version: v1}]\n    sticky: header:X-User\ndefault: [{version: v2}]\n");
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

  // ---- what is sent; characters stand for bytes

  private byte[] request() throws IOException {
    String method = METHODS[random.nextInt(METHODS.length)];
    StringBuilder head = new StringBuilder(256);
    head.append(method).append(' ').append(path()).append(query()).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(random.nextInt(10) == 0 ? junk(3) : "shop").append("\r\n");
    for (int n = random.nextInt(6); n > 0; n--) {
      header(head, HEADERS[random.nextInt(HEADERS.length)]);
    }
    if (random.nextInt(50) == 0) {
      String name = HEADERS[random.nextInt(HEADERS.length)];
      for (int n = 10_000; n > 0; n--) {
        head.append(name).append(": ").append(n).append("\r\n");
      }
    }
    byte[] body = new byte[0];
    if (method.equals("POST")) {
      body = "[".repeat(random.nextInt(20_000)).getBytes(StandardCharsets.ISO_8859_1);
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    all.write(body);
    return all.toByteArray();
  }

  private String path() {
    switch (random.nextInt(8)) {
      case 0:
        return "/" + noSpace(junk(6));
      case 1:
        return "/" + noSpace(junk(4)) + "/" + noSpace(junk(4));
      case 2:
        return random.nextInt(10) == 0 ? "/" + "a%61/".repeat(12_000) : "/%61/b";
      default:
        return "/" + "abcz".substring(random.nextInt(4));
    }
  }

  private String query() {
    String name = "qnu".substring(random.nextInt(3)).substring(0, 1);
    switch (random.nextInt(8)) {
      case 0:
        return "?" + noSpace(junk(20));
      case 1:
        return "?" + name + "=" + noSpace(junk(5)) + "&" + name + "=" + noSpace(junk(5));
      case 2:
        if (random.nextInt(4) > 0) {
          return "?" + name + "=" + random.nextLong();
        }
        StringBuilder many = new StringBuilder("?");
        String other = random.nextBoolean() ? name : "p";
        for (int i = 0; i < 10_000; i++) {
          many.append(other).append(random.nextInt(3) == 0 ? "=%" : "=").append(i).append('&');
        }
        return many.append(name).append("=last").toString();
      case 3:
        return random.nextInt(10) == 0 ? "?" + name + "=" + "xy%41+".repeat(11_000) : "?&&=&=&";
      default:
        return "";
    }
  }

  private void header(StringBuilder head, String name) {
    head.append(name).append(": ");
    switch (random.nextInt(12)) {
      case 0:
        head.append("ab".repeat(32 << 10)); // 64 KB
        break;
      case 1:
        head.append("a=%,;=".repeat(random.nextInt(10_000)));
        break;
      case 2:
        head.append("c=1; c=2; c=\"; refuse; =; ;;c\t=").append(junk(4));
        break;
      case 3:
      case 4:
        head.append("Bearer ").append(token());
        break;
      case 5:
        head.append("t=").append(junk(3)).append(",t=a;p=%,=,").append(junk(5));
        break;
      case 6:
        for (int i = random.nextInt(10_000); i > 0; i--) {
          head.append("k").append(i).append('=').append(i).append("; ");
        }
        break;
      case 7:
        head.append("00-").append("f".repeat(32)).append('-').append(junk(3));
        break;
      default:
        head.append(junk(8));
    }
    head.append("\r\n");
  }

  private String token() {
    String[] payloads = {
      "{\"sub\":" + "[".repeat(5000) + "]",
      "{\"a\":".repeat(1000) + "1" + "}".repeat(1000),
      "{\"sub\":\"x\",\"sub\":\"y\"}",
      "{\"sub\":\"\\ud800\\u00\"}",
      "{\"deep\":\"" + junk(5).replace("\"", "") + "\",\"sub\":" + random.nextLong() + "}",
      "[1,2",
      "",
    };
    byte[] payload =
        payloads[random.nextInt(payloads.length)].getBytes(StandardCharsets.ISO_8859_1);
    String encoded = Base64.getUrlEncoder().withoutPadding().encodeToString(payload);
    switch (random.nextInt(4)) {
      case 0:
        return "e30." + encoded.substring(random.nextInt(encoded.length() + 1)) + ".";
      case 1:
        return noSpace(junk(4)) + "." + encoded + "." + noSpace(junk(4));
      default:
        return "e30." + encoded + ".c2ln";
    }
  }

  private String junk(int most) {
    StringBuilder s = new StringBuilder();
    for (int n = 1 + random.nextInt(most); n > 0; n--) {
      s.append(
          random.nextInt(4) == 0
              ? (char) (random.nextInt(4) == 0 ? 0x80 + random.nextInt(0x80) : 'a' + n % 26)
              : PIECES[random.nextInt(PIECES.length)]);
    }
    return s.toString();
  }

  private static String noSpace(String s) {
    return s.replace(' ', '_').replace('\t', '_').replace('#', '_');
  }

  private String told(int i, byte[] request) {
    String text = new String(request, StandardCharsets.ISO_8859_1);
    return "seed "
        + seed
        + " request "
        + i
        + ": "
        + text.substring(0, Math.min(4000, text.length()))
        + "\n";
  }
}
