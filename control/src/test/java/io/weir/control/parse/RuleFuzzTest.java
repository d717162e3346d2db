package io.weir.control.parse;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.weir.control.feed.RuleFeed;
import io.weir.control.json.JsonText;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/**
 * Mutated documents, by bytes and by structure, and now and then one made to be as expensive as 256
 * KB can be (deep, wide, aliases, tags, regular expressions), through parse, feed and the engine's
 * own apply: no exception escapes, no refused document replaces a good one, and none costs more
 * processor time or memory than {@link #MOST_CPU_NANOS} and {@link #MOST_BYTES}, both counted for
 * this thread alone. Short in the build; a million with {@code scripts/test RuleFuzzTest
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

  /** A document that costs more is a finding. */
  private static final long MOST_CPU_NANOS = 5_000_000_000L;

  private static final long MOST_BYTES = 512L << 20;

  private final long seed = Long.getLong("weir.fuzz.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private RuleBook book = RuleBook.EMPTY;

  @Test
  void noMutatedDocumentHurts() {
    int documents = Integer.getInteger("weir.fuzz.documents", 5_000);
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Engine engine = new Engine(EngineOptions.of("order", Ticker.SYSTEM));
    int accepted = 0;
    int heavy = 0;
    long parsing = 0;
    Costs most = new Costs();
    RuleFeed feed =
        new RuleFeed(
            b -> {
              engine.apply(b);
              book = b;
            },
            Log.NONE);
    for (int i = 0; i < documents; i++) {
      int type = random.nextInt(KEYS.length);
      boolean expensive = random.nextInt(500) == 0;
      heavy += expensive ? 1 : 0;
      byte[] document =
          expensive ? expensive(type) : random.nextInt(3) == 0 ? rebuilt(type) : mutate(type);
      RuleParser.Parsed parsed;
      List<Rule> before = rules(type);
      long bytes = thread.getCurrentThreadAllocatedBytes();
      long cpu = thread.getCurrentThreadCpuTime();
      try {
        parsed = RuleParser.parse(RuleKey.parse(KEYS[type]), document, "fuzz");
        parsing += thread.getCurrentThreadCpuTime() - cpu;
        feed.onBatch(
            new Batch(
                i + 1,
                List.of(new Change(KEYS[type], new Entry(KEYS[type], document, 1, i + 1, 0))),
                false));
      } catch (RuntimeException | Error e) {
        throw new AssertionError(told(i, document), e);
      }
      cpu = thread.getCurrentThreadCpuTime() - cpu;
      bytes = thread.getCurrentThreadAllocatedBytes() - bytes;
      most.cost(cpu, bytes, document);
      if (cpu > MOST_CPU_NANOS || bytes > MOST_BYTES) {
        throw new AssertionError(cpu / 1e6 + " ms, " + bytes + " bytes" + told(i, document));
      }
      RuleProblem refusal = parsed.refusal();
      if (refusal != null) {
        assertThat(refusal.code)
            .as(() -> refusal + told(0, document))
            .isNotEqualTo(ProblemCode.UNREADABLE);
        if (!rules(type).equals(before)) {
          throw new AssertionError("a refused document changed the rules" + told(i, document));
        }
        assertThat(refusal.toString().length()).as(refusal.toString()).isLessThan(1000);
      } else {
        accepted++;
      }
    }
    System.out.printf(
        "fuzz seed %d: %d documents (%d made to be expensive), %d accepted, parsed in %.3f ms on"
            + " average; parse and apply at most%n  %s%n",
        seed, documents, heavy, accepted, parsing / 1e6 / documents, most);
    assertThat(accepted).as("some mutations must stay valid to test anything").isPositive();
  }

  /** The worst of all, and what it looked like. */
  private static final class Costs {
    private long cpu;
    private String slowest;
    private long bytes;
    private String largest;

    void cost(long nanos, long allocated, byte[] document) {
      if (nanos > cpu) {
        cpu = nanos;
        slowest = start(document);
      }
      if (allocated > bytes) {
        bytes = allocated;
        largest = start(document);
      }
    }

    private static String start(byte[] document) {
      String s = new String(document, 0, Math.min(60, document.length), StandardCharsets.UTF_8);
      return document.length + " bytes: " + s.replaceAll("[^ -~]", "?");
    }

    @Override
    public String toString() {
      return String.format(
          "%.1f ms of processor time (%s)%n  %.1f MB allocated (%s)",
          cpu / 1e6, slowest, bytes / 1048576.0, largest);
    }
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

  // ---- structure: a tree is changed and written anew

  private byte[] rebuilt(int type) {
    String text = CORPUS[type][random.nextInt(CORPUS[type].length)];
    DocumentNode root;
    try {
      root = DocumentReader.read(KEYS[type], text.getBytes(StandardCharsets.UTF_8));
    } catch (DocumentRefused impossible) {
      throw new AssertionError(text, impossible);
    }
    List<DocumentNode> all = new ArrayList<>();
    collect(root, all);
    StringBuilder s = new StringBuilder();
    write(s, root, all, 0);
    return s.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void collect(DocumentNode n, List<DocumentNode> all) {
    all.add(n);
    n.fields.values().forEach(f -> collect(f, all));
    n.items.forEach(i -> collect(i, all));
  }

  /** Each node with a small chance is left out, doubled, renamed, wrapped or another one. */
  private void write(StringBuilder s, DocumentNode n, List<DocumentNode> all, int depth) {
    if (random.nextInt(25) == 0 && depth < 40) {
      switch (random.nextInt(4)) {
        case 0:
          write(s, all.get(random.nextInt(all.size())), all, depth + 1);
          return;
        case 1:
          write(s.append('['), n, all, depth + 1);
          s.append(']');
          return;
        case 2:
          write(s.append("{\"spec\":"), n, all, depth + 1);
          s.append('}');
          return;
        default:
          s.append(PIECES[random.nextInt(11)]);
          return;
      }
    }
    String comma = "";
    switch (n.kind) {
      case OBJECT:
        s.append('{');
        for (Map.Entry<String, DocumentNode> e : n.fields.entrySet()) {
          for (int times = times(); times > 0; times--) {
            JsonText.quote(s.append(comma), random.nextInt(40) == 0 ? name(all) : e.getKey());
            write(s.append(':'), e.getValue(), all, depth + 1);
            comma = ",";
          }
        }
        s.append('}');
        break;
      case LIST:
        s.append('[');
        for (DocumentNode item : n.items) {
          for (int times = times(); times > 0; times--) {
            write(s.append(comma), item, all, depth + 1);
            comma = ",";
          }
        }
        s.append(']');
        break;
      case TEXT:
        JsonText.quote(s, n.text);
        break;
      case NULL:
        s.append("null");
        break;
      default:
        s.append(n.text);
    }
  }

  private int times() {
    int n = random.nextInt(60);
    return n == 0 ? 0 : n == 1 ? 2 : 1;
  }

  private String name(List<DocumentNode> all) {
    DocumentNode n = all.get(random.nextInt(all.size()));
    return n.fields.isEmpty() ? "x" : n.fields.keySet().iterator().next();
  }

  // ---- cost: what 256 KB can be made to do

  private byte[] expensive(int type) {
    int n = DocumentReader.MAX_BYTES;
    String[] regex = {
      "((((a{0,9}){0,9}){0,9}){0,9}){0,9}",
      "(a|b|ab|ba)*".repeat(40),
      "\\\\pL{200}\\\\pN{40}",
      "(?i)[a-z\\\\x{10000}-\\\\x{10ffff}]{1,1000}",
      "(((((((((x?)+)*)?)+)*)?)+)*)",
      ".*.*.*.*=.*.*",
    };
    String pattern = "path matches '" + regex[random.nextInt(regex.length)] + "'";
    String match = String.join(" || ", Collections.nCopies(1 + random.nextInt(200), pattern));
    String start = type == 0 ? "{\"qps\": 1, " : "{";
    String[] all = {
      start + list(12_000, i -> "\"f" + i + "\":1") + "}",
      start + list(9_000, i -> "\"" + (i % 2 == 0 ? "brust" : "wieght") + i + "\":[[1]]") + "}",
      start + list(9_000, i -> "\"match\":\"path == 'x'\"") + "}",
      start + "\"by\":[" + list(19_000, i -> "\"header:a" + i + "\"") + "]}",
      start + "\"match\":\"" + match + "\"}",
      start + "\"match\":\"" + "!(".repeat(8000) + "\"}",
      start + "\"match\":\"path in [" + list(3000, i -> "'" + i + "'") + "]\"}",
      start + "\"match\":\"" + list(1500, i -> "path<" + i).replace(",", "||") + "\"}",
      "[" + list(6_000, i -> "{\"id\":\"r" + i + "\",\"qps\":1}") + "]",
      "["
          + list(2_000, i -> "{\"id\":\"r" + i + "\",\"qps\":1,\"match\":\"" + pattern + "\"}")
          + "]",
      "{\"routes\":["
          + list(1000, i -> "{\"to\":[{\"version\":\"v" + i + "\"}],\"match\":\"" + pattern + "\"}")
          + "]}",
      "{\"routes\":["
          + list(
              60,
              i ->
                  "{\"to\":["
                      + list(64, j -> "{\"version\":\"v" + j + "\",\"weight\":" + j)
                      + "}]}")
          + "]}",
      "{\"routes\":["
          + list(
              50,
              i ->
                  "{\"to\":["
                      + list(64, j -> "{\"version\":\"v" + j + "\",\"weight\":99999}")
                      + "]}")
          + "],\"default\":[{}]}",
      "{\"table\":["
          + list(64, i -> "{\"weight\":1,\"version\":\"v" + i + "\",\"match\":\"" + pattern + "\"}")
          + "]}",
      "[".repeat(n),
      "{\"a\":".repeat(n / 5),
      "- ".repeat(n / 2),
      "? ".repeat(n / 2),
      "a: &a [*a, *a]\n",
      bomb(),
      "qps: !!java.net.URL [!!java.lang.Runtime {}]\n",
      "qps: !<tag:yaml.org,2002:int> 5\n",
      "qps: " + "9".repeat(n - 100),
      "qps: 0." + "0".repeat(n - 100) + "1",
      "id: '" + "x".repeat(n - 100) + "'\nqps: 1",
      "x".repeat(n - 100) + ": 1\nqps: 1",
      "---\n".repeat(n / 4),
      "# " + "x\n# ".repeat(n / 4 - 10),
      "qps: 1\n" + " \n".repeat(n / 2 - 10),
      "qps: >\n" + "  x\n".repeat(n / 4 - 10),
      "'" + "''".repeat(n / 2 - 10),
      "%YAML 1.1\n".repeat(n / 10),
      "qps: 1\nresponse: {headers: {" + list(10_000, i -> "h" + i + ": v") + "}}\n",
      "x".repeat(n + 1),
    };
    int which = random.nextInt(all.length + 1);
    if (which < all.length) {
      return all[which].getBytes(StandardCharsets.UTF_8);
    }
    byte[] noise = new byte[n];
    random.nextBytes(noise);
    return noise;
  }

  private static String list(int count, IntFunction<String> item) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < count; i++) {
      s.append(i == 0 ? "" : ",").append(item.apply(i));
    }
    return s.toString();
  }

  private static String bomb() {
    StringBuilder s = new StringBuilder("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c < 'z'; c++) {
      char before = (char) (c - 1);
      s.append(c).append(": &").append(c).append(" [");
      s.append(list(9, i -> "*" + before)).append("]\n");
    }
    return s + "qps: *y\n";
  }

  /** Some number of the document becomes another. */
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
