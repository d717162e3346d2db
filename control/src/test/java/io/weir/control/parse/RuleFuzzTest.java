package io.weir.control.parse;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.feed.RuleFeed;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Mutated documents, by bytes and by structure, through parse, feed and the engine's own apply: no
 * exception escapes, no refused document replaces a good one. Short in the build; a million with
 * {@code mvn -pl control -am test -Dtest=RuleFuzzTest -Dsurefire.failIfNoSpecifiedTests=false
 * -Dweir.fuzz.documents=1000000}. The seed is printed; {@code -Dweir.fuzz.seed=N} repeats a run.
 */
class RuleFuzzTest {
  private static final String[] KEYS = {
    "/service/order/rate-limit", "/service/order/circuit-breaker", "/service/order/route"
  };
  private static final String[][] CORPUS = {
    {
      "{\"enabled\": true, \"qps\": 5000, \"burst\": 10000, \"by\": [\"header:X-Region\","
          + " \"query:userId\"]}",
      "{\"id\": \"r-7a2f\", \"type\": \"rate-limit\", \"version\": \"2.1\", \"spec\": {\"qps\":"
          + " 100, \"burst\": 50, \"scope\": \"service\"}}",
      "# yaml\nqps: 0.5\nburst: 2\nmatch: \"path startsWith '/api/' && method == 'POST'\"\n"
          + "max_wait_ms: 20\nresponse: {status: 503, headers: {X-A: b}, body: \"no\"}\n",
      "- {id: a, qps: 1}\n- {id: b, qps: 2, mode: shadow, on_missing: reject, by: [client-ip]}\n",
    },
    {
      "{}",
      "window: {type: time, seconds: 10}\nmin_calls: 5\nfailure_ratio: 0.5\nquorum: 30%\n"
          + "record: {status: [5xx, 429], exceptions: [java.io.IOException], grpc: [UNAVAILABLE]}\n"
          + "ignore: {status: [501-503]}\nforce: none\nramp_seconds: 5\n",
      "{\"version\": \"2.0\", \"spec\": {\"window\": {\"size\": 50}, \"open_seconds\": 1.5,"
          + " \"max_open_seconds\": 30, \"slow_call_ms\": 100, \"slow_ratio\": 0.8}}",
    },
    {
      "routes:\n  - match: \"header:X-Canary == 'true'\"\n    to: [{version: v2, weight: 100}]\n"
          + "  - to: [{version: v1, weight: 95}, {version: v2, weight: 5}]\n"
          + "    sticky: header:X-User\n    fallback: default\n    set_headers: {X-B: c}\n"
          + "default: [{version: v1, labels: {zone: cn-*}}]\nregion: {prefer: same}\n",
      "- {weight: 95%, version: v2.3.0, match: \"header:X-Env == 'prod'\"}\n"
          + "- {weight: 5%, version: v2.4.0, match: \"header:X-Canary == 'true'\"}\n",
      "{\"spec\": {\"default\": [{\"version\": \"v1\"}], \"balance\": \"round-robin\"}}",
    }
  };
  private static final String[] PIECES = {
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "-0",
    "1e999",
    "9223372036854775808",
    "0x7f",
    "010",
    ".inf",
    ".nan",
    "''",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[",
    "{{{{{{",
    "]",
    "}",
    ":",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!!str ",
    "<<: *a\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "|\n  x\n",
    ">-\n  y\n",
    "\t",
    "\r\n",
    "\0",
    "\u00fc",
    "\ud83d\ude00",
    "\ufeff",
    "\u2028",
    "\\u0000",
    "\\ud800",
    "\"",
    "'",
    "#",
    "//",
    "/*",
    "qps: ",
    "\"qps\": ",
    "spec: ",
    "version: ",
    "routes: ",
    "to: ",
    "weight: ",
    "match: ",
    "'a matches \"(a+)+$\"'",
    "100%",
    "-5%",
    "((((((((((",
    "!!!!!!!!!!",
    "header:",
    "percent(path, 5)",
    "exists ",
    " && ",
    " || ",
    "in ['a', 'b']",
    "5xx",
    "599-500",
    "30%",
    "table: ",
    "default: ",
  };

  private final long seed = Long.getLong("weir.fuzz.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private RuleBook book = RuleBook.EMPTY;

  @Test
  void noMutatedDocumentHurts() {
    int documents = Integer.getInteger("weir.fuzz.documents", 5_000);
    Engine engine = new Engine("order", Ticker.SYSTEM);
    int accepted = 0;
    long slowest = 0;
    long parsing = 0;
    RuleFeed feed =
        new RuleFeed(
            b -> {
              engine.apply(b);
              book = b;
            },
            Log.NONE);
    for (int i = 0; i < documents; i++) {
      int type = random.nextInt(KEYS.length);
      byte[] document = mutate(type);
      RuleParser.Parsed parsed;
      long start = System.nanoTime();
      List<Rule> before = rules(type);
      try {
        parsed = RuleParser.parse(RuleKey.parse(KEYS[type]), document, "fuzz");
        parsing += System.nanoTime() - start;
        feed.onBatch(
            new Batch(
                i + 1,
                List.of(new Change(KEYS[type], new Entry(KEYS[type], document, 1, i + 1, 0))),
                false));
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError(told(i, document), e);
      }
      slowest = Math.max(slowest, System.nanoTime() - start);
      RuleProblem refusal = parsed.refusal();
      if (refusal != null) {
        assertThat(refusal.code)
            .as(() -> refusal + told(0, document))
            .isNotEqualTo(Code.UNREADABLE);
        if (!rules(type).equals(before)) {
          throw new AssertionError("a refused document changed the rules" + told(i, document));
        }
        assertThat(refusal.toString().length()).isLessThan(1500);
      } else {
        accepted++;
      }
    }
    System.out.printf(
        "fuzz seed %d: %d documents, %d accepted, parsed in %.3f ms on average, slowest %.1f ms%n",
        seed, documents, accepted, parsing / 1e6 / documents, slowest / 1e6);
    assertThat(accepted).as("some mutations must stay valid to test anything").isPositive();
  }

  private List<Rule> rules(int type) {
    List<Rule> all = new ArrayList<>();
    if (type == 0) {
      all.addAll(book.limits("order"));
    } else if (type == 1) {
      all.addAll(book.breakers("order"));
    } else if (book.route("order") != null) {
      all.add(book.route("order"));
    }
    return all;
  }

  private String told(int i, byte[] document) {
    return " seed "
        + seed
        + " document "
        + i
        + ": "
        + new String(document, StandardCharsets.UTF_8)
        + "\n"
        + Arrays.toString(document);
  }

  private byte[] mutate(int type) {
    String[] own = CORPUS[random.nextInt(20) == 0 ? random.nextInt(CORPUS.length) : type];
    byte[] d = own[random.nextInt(own.length)].getBytes(StandardCharsets.UTF_8);
    for (int n = random.nextInt(4); n >= 0; n--) {
      int at = d.length == 0 ? 0 : random.nextInt(d.length);
      int end = Math.min(d.length, at + random.nextInt(12));
      switch (random.nextInt(9)) {
        case 0:
          if (d.length > 0) {
            d[at] ^= (byte) (1 << random.nextInt(8));
          }
          break;
        case 1:
          d = splice(d, at, end, new byte[0]);
          break;
        case 2:
          d = splice(d, at, at, Arrays.copyOfRange(d, at, end));
          break;
        case 3:
          d = Arrays.copyOf(d, at);
          break;
        case 4:
          byte[] other = CORPUS[type][random.nextInt(CORPUS[type].length)].getBytes();
          int from = random.nextInt(other.length);
          d = splice(d, at, end, Arrays.copyOfRange(other, from, other.length));
          break;
        case 5:
          d = number(d);
          break;
        case 6:
          String piece = PIECES[random.nextInt(PIECES.length)];
          int times = random.nextInt(200) == 0 ? 3000 : 1;
          d = splice(d, at, at, piece.repeat(times).getBytes(StandardCharsets.UTF_8));
          break;
        default:
          d =
              splice(
                  d,
                  at,
                  end,
                  PIECES[random.nextInt(PIECES.length)].getBytes(StandardCharsets.UTF_8));
      }
    }
    return d;
  }

  /** Structure, not bytes: some number of the document becomes another. */
  private byte[] number(byte[] d) {
    String text = new String(d, StandardCharsets.ISO_8859_1);
    String[] values = {
      "0", "-1", "1", "0.5", "1e9", "1e12", "99999999999999999999", "1.5", "2147483648"
    };
    List<int[]> numbers = new ArrayList<>();
    java.util.regex.Matcher m = java.util.regex.Pattern.compile("[0-9.]+").matcher(text);
    while (m.find()) {
      numbers.add(new int[] {m.start(), m.end()});
    }
    if (numbers.isEmpty()) {
      return d;
    }
    int[] which = numbers.get(random.nextInt(numbers.size()));
    String value = values[random.nextInt(values.length)];
    return splice(d, which[0], which[1], value.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] splice(byte[] d, int from, int to, byte[] piece) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(d, 0, from);
    out.write(piece, 0, piece.length);
    out.write(d, to, d.length - to);
    return out.toByteArray();
  }
}
