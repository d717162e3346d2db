package io.weir.smoke;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Makes up what nobody would send in good faith: huge, broken, doubled, cut, mixed. Characters
 * stand for bytes. The same seed makes up the same things.
 */
final class Hostile {
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

  private final long seed;
  private final Random random;

  Hostile(long seed) {
    this.seed = seed;
    this.random = new Random(seed);
  }

  /** A request of HTTP/1.1, head and body. */
  byte[] request() throws IOException {
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

  /** Mostly one that a rule may match. */
  String path() {
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

  /** With its question mark; or empty. */
  String query() {
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

  /** Names and values in turn, names in lower case; now and then one of them ten thousand times. */
  List<String> headers() {
    List<String> all = new ArrayList<>();
    for (int n = random.nextInt(6); n > 0; n--) {
      all.add(HEADERS[random.nextInt(HEADERS.length)].toLowerCase(Locale.ROOT));
      StringBuilder value = new StringBuilder();
      value(value);
      all.add(value.toString());
    }
    if (random.nextInt(50) == 0) {
      String name = HEADERS[random.nextInt(HEADERS.length)].toLowerCase(Locale.ROOT);
      for (int n = 10_000; n > 0; n--) {
        all.add(name);
        all.add(Integer.toString(n));
      }
    }
    return all;
  }

  /** One time in so many. */
  boolean rarely(int one) {
    return random.nextInt(one) == 0;
  }

  private void header(StringBuilder head, String name) {
    head.append(name).append(": ");
    value(head);
    head.append("\r\n");
  }

  private void value(StringBuilder head) {
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

  /** Up to so many pieces. */
  String junk(int most) {
    StringBuilder s = new StringBuilder();
    for (int n = 1 + random.nextInt(most); n > 0; n--) {
      s.append(
          random.nextInt(4) == 0
              ? (char) (random.nextInt(4) == 0 ? 0x80 + random.nextInt(0x80) : 'a' + n % 26)
              : PIECES[random.nextInt(PIECES.length)]);
    }
    return s.toString();
  }

  static String noSpace(String s) {
    return s.replace(' ', '_').replace('\t', '_').replace('#', '_');
  }

  /** For the message of a failure. */
  String told(int i, String request) {
    return "seed "
        + seed
        + " request "
        + i
        + ": "
        + request.substring(0, Math.min(4000, request.length()))
        + "\n";
  }
}
