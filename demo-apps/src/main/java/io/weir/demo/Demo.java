package io.weir.demo;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Directs {@code ./demo}: starts the shop under the agent, sends traffic, changes rules while it
 * flows, shows what happens, and checks each claim: the exit code is 0 only when every one came
 * true.
 */
public final class Demo {
  private static final int RATE = 300;

  private final Screen screen = new Screen();
  private final HttpClient http = HttpClient.newHttpClient();
  private final Path home;
  private final Path work;
  private final boolean etcd;
  private final boolean keep;
  private final List<AutoCloseable> open = new ArrayList<>();
  private int failures;
  private String secondShop;

  private Demo(Path home, Path work, boolean etcd, boolean keep) {
    this.home = home;
    this.work = work;
    this.etcd = etcd;
    this.keep = keep;
  }

  public static void main(String[] args) throws Exception {
    List<String> a = List.of(args);
    Path work = Files.createTempDirectory("weir-demo-");
    Demo demo =
        new Demo(
            Path.of(System.getProperty("weir.home", ".")).toAbsolutePath().normalize(),
            work,
            a.contains("--etcd"),
            a.contains("--keep"));
    try {
      demo.run();
    } catch (Exception e) {
      demo.failures++;
      demo.screen.bad("the demo could not go on: " + e.getMessage());
    } finally {
      demo.close();
    }
    System.exit(demo.failures == 0 ? 0 : 1);
  }

  private void run() throws Exception {
    long began = System.nanoTime();
    RuleShelf rules =
        etcd ? new RuleShelf.Etcd(work) : new RuleShelf.Directory(work.resolve("rules"));
    open.add(rules);

    screen.chapter(1, "A legacy shop starts under the agent");
    Child payA =
        app(
            "payment-v2.3.0",
            "service=payment-service;version=v2.3.0;" + rules.agentOptions(),
            "Payment",
            "0",
            "v2.3.0");
    Child payB =
        app(
            "payment-v2.4.0",
            "service=payment-service;version=v2.4.0;labels.canary=true;" + rules.agentOptions(),
            "Payment",
            "0",
            "v2.4.0");
    Child stock = app("stock", "service=stock-service;" + rules.agentOptions(), "Stock", "0");
    String payment = "127.0.0.1:" + payA.port();
    String canary = "127.0.0.1:" + payB.port();
    String stockAt = "127.0.0.1:" + stock.port();
    String options =
        "service=shop;services.payment-service="
            + payment
            + ";services.stock-service="
            + stockAt
            + ";"
            + rules.agentOptions();
    Child front = app("front-end", options, "FrontEnd", "0", "http://" + payment, stockAt);
    if (etcd) {
      Child second = app("front-end-b", options, "FrontEnd", "0", "http://" + payment, stockAt);
      secondShop = "http://127.0.0.1:" + second.port();
    }
    String shop = "http://127.0.0.1:" + front.port();
    screen.say("front end (Tomcat 9)  " + shop + "/order?item=book      pid " + front.pid());
    screen.say("  ├─ OkHttp ─▶ payment v2.3.0  " + payment + "   pid " + payA.pid());
    screen.say(
        "  │            payment v2.4.0  "
            + canary
            + "   pid "
            + payB.pid()
            + "  (nobody calls it yet)");
    screen.say("  └─ gRPC ───▶ stock           " + stockAt + "   pid " + stock.pid());
    screen.say(
        "each a plain JVM started with -javaagent:weir.jar; no Weir in its class path, no rule"
            + " yet");
    if (!etcd) {
      rules.put("/services/payment-service/instances/" + payment, "{\"version\": \"v2.3.0\"}");
      rules.put(
          "/services/payment-service/instances/" + canary,
          "{\"version\": \"v2.4.0\", \"labels\": {\"canary\": \"true\"}}");
    }
    await(
        "the shop answers",
        30,
        () -> get(shop + "/order?item=book").contains("paid by payment v2.3.0"));
    screen.good("GET /order  →  " + get(shop + "/order?item=book"));

    Traffic traffic = new Traffic(shop + "/order?item=book", RATE);
    open.add(traffic);
    seconds(traffic, 3);
    claim(
        "no rules: nothing is refused, nothing fails",
        traffic.count(429) == 0 && failed(traffic) == 0);

    limiter(rules, traffic);
    breaker(rules, traffic, payment, canary);
    canary(rules, traffic, payment, canary);

    screen.chapter(5, "The end");
    claim("no connection broke in all this time", traffic.brokenConnections() == 0);
    screen.say(
        String.format(
            "%,d calls in %d s; no application was restarted, none was rebuilt",
            all(traffic), (System.nanoTime() - began) / 1_000_000_000L));
    if (keep) {
      screen.say("");
      screen.say("left running for you (Ctrl-C ends everything):");
      screen.say(
          "  curl -i '"
              + shop
              + "/order?item=book'          curl "
              + "http://"
              + payment
              + "/break   (and /mend, /count)");
      screen.say("  " + rules.command("/service/shop/rate-limit"));
      screen.say("  java -jar " + home.resolve("agent/target/weir.jar") + " --help");
      screen.say("  logs in " + work);
      traffic.close();
      Thread.currentThread().join();
    }
  }

  private void limiter(RuleShelf rules, Traffic traffic) throws Exception {
    screen.chapter(2, "A rate limit, while " + RATE + " calls a second flow");
    String rule = "{\"qps\": 100, \"burst\": 100}";
    screen.rule("/service/shop/rate-limit", rule);
    traffic.forgetFirstRefusal();
    long put = System.nanoTime();
    rules.put("/service/shop/rate-limit", rule);
    long written = System.nanoTime();
    await("429s begin", 10, () -> traffic.firstRefusedNanos() != 0);
    // the burst of 100 passes first: at 300 a second that alone takes half a second
    screen.good(
        String.format(
            "first 429 after %d ms (the burst of 100 had to be used up; writing the rule took %d"
                + " ms)",
            ms(traffic.firstRefusedNanos() - put), ms(written - put)));
    long ok = traffic.count(200);
    long from = System.nanoTime();
    seconds(traffic, 4);
    double rate = (traffic.count(200) - ok) / ((System.nanoTime() - from) / 1e9);
    claim(
        String.format("admitted %.0f calls a second: the rule says 100", rate),
        rate > 95 && rate < 105);
    screen.say("what a refused caller sees:");
    // with the limit saturated the next call is refused sooner or later
    for (int i = 0; i < 200; i++) {
      HttpResponse<String> r = send(traffic);
      if (r.statusCode() == 429) {
        screen.say(
            "  HTTP 429   Retry-After: "
                + r.headers().firstValue("Retry-After").orElse("-")
                + "   RateLimit-Policy: "
                + r.headers().firstValue("RateLimit-Policy").orElse("-")
                + "   RateLimit: "
                + r.headers().firstValue("RateLimit").orElse("-"));
        screen.say("  " + r.body());
        break;
      }
    }
    // now the same change again with a burst of 1, to see how fast a rule is in force
    rules.delete("/service/shop/rate-limit");
    long before = traffic.count(429);
    await("the limit is gone", 10, () -> quiet(traffic));
    traffic.forgetFirstRefusal();
    put = System.nanoTime();
    rules.put("/service/shop/rate-limit", "{\"qps\": 1, \"burst\": 1}");
    await("429s begin", 10, () -> traffic.firstRefusedNanos() != 0);
    screen.good(
        String.format(
            "rule changed to qps 1: first 429 %d ms after the put began, no restart",
            ms(traffic.firstRefusedNanos() - put)));
    rules.delete("/service/shop/rate-limit");
    await("the limit is gone", 10, () -> quiet(traffic));
    screen.good("rule deleted: refusals ended (" + (traffic.count(429) - before) + " in between)");
  }

  private void breaker(RuleShelf rules, Traffic traffic, String payment, String canary)
      throws Exception {
    screen.chapter(3, "Payment fails: the circuit breaker opens and closes");
    String rule =
        "{\"window\": {\"type\": \"count\", \"size\": 20}, \"min_calls\": 20, \"failure_ratio\":"
            + " 0.6, \"open_seconds\": 4}";
    screen.rule("/service/payment-service/circuit-breaker", rule);
    rules.put("/service/payment-service/circuit-breaker", rule);
    seconds(traffic, 2);
    long atPayment = count(payment);
    get("http://" + payment + "/break");
    long broke = System.nanoTime();
    screen.say("payment now answers 500 to everything");
    seconds(traffic, 2);
    long reached = count(payment);
    seconds(traffic, 1);
    long later = count(payment);
    claim(
        "open: "
            + (later - reached)
            + " of the last second's calls reached payment (front end answers 502 from the agent's"
            + " 503 at once)",
        later - reached <= 3);
    screen.say("calls that reached payment since it broke: " + (later - atPayment));
    if (secondShop != null) {
      tellFleet((RuleShelf.Etcd) rules, payment);
    }
    get("http://" + payment + "/mend");
    screen.say("payment is mended; after open_seconds the breaker lets 3 probes through");
    long ok = traffic.count(200);
    await("the breaker closes", 30, () -> traffic.count(200) > ok + 50);
    screen.good(
        String.format(
            "closed again %.1f s after payment broke", (System.nanoTime() - broke) / 1e9));
    seconds(traffic, 2);
    rules.delete("/service/payment-service/circuit-breaker");
  }

  /** Another JVM, which has seen no failure, refuses because the breaker is the fleet's. */
  private void tellFleet(RuleShelf.Etcd rules, String payment) throws Exception {
    long before = count(payment);
    String said = get(secondShop + "/order?item=book");
    claim(
        "one breaker for the fleet: a second front end, which has not called payment since, refuses"
            + " its first call too (\""
            + said
            + "\", and payment saw nothing of it)",
        said.contains("503") && count(payment) == before);
    screen.say("etcdctl get /circuit-breaker/payment-service/state");
    screen.say("  " + rules.get("/circuit-breaker/payment-service/state"));
  }

  private void canary(RuleShelf rules, Traffic traffic, String payment, String canary)
      throws Exception {
    screen.chapter(4, "A canary: header X-Canary lands on payment v2.4.0");
    screen.say(
        etcd
            ? "both payments registered themselves under /services/payment-service/instances/"
            : "both payments stand under /services/payment-service/instances/ (with etcd they"
                + " register themselves)");
    String rule =
        """
        routes:
          - match: "header:X-Canary == 'true'"
            to: [{version: v2.4.0, weight: 100}]
        default: [{version: v2.3.0}]
        """;
    screen.rule("/service/payment-service/route", rule);
    rules.put("/service/payment-service/route", rule);
    long canaryBefore = traffic.onCanary();
    seconds(traffic, 2);
    claim("without the header every call stays on v2.3.0", traffic.onCanary() == canaryBefore);
    traffic.sendCanaryHeader("true");
    await("canary calls arrive", 10, () -> traffic.onCanary() > canaryBefore + 10);
    long stable = traffic.onStable();
    long moved = traffic.onCanary();
    seconds(traffic, 2);
    claim(
        "with X-Canary: true "
            + (traffic.onCanary() - moved)
            + " calls landed on v2.4.0 and "
            + (traffic.onStable() - stable)
            + " on v2.3.0",
        traffic.onCanary() > moved + RATE && traffic.onStable() - stable <= 4);
    traffic.sendCanaryHeader(null);
    String slider =
        """
        default: [{version: v2.3.0, weight: 80}, {version: v2.4.0, weight: 20}]
        """;
    screen.rule("/service/payment-service/route", slider);
    rules.put("/service/payment-service/route", slider);
    seconds(traffic, 1);
    stable = traffic.onStable();
    moved = traffic.onCanary();
    seconds(traffic, 4);
    double c = traffic.onCanary() - moved;
    double share = 100 * c / (c + traffic.onStable() - stable);
    claim(
        String.format("the slider at 20 %% for everybody: %.1f %% landed on v2.4.0", share),
        share > 14 && share < 26);
    rules.delete("/service/payment-service/route");
  }

  private Child app(String name, String options, String main, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add("-javaagent:" + home.resolve("agent/target/weir.jar") + "=" + options);
    command.add("-cp");
    command.add(
        home.resolve("demo-apps/target/classes")
            + ":"
            + home.resolve("demo-apps/target/lib")
            + "/*");
    command.add("com.example.shop." + main);
    command.addAll(List.of(arguments));
    Child c = Child.jvm(name, work, command);
    open.add(c);
    return c;
  }

  private void seconds(Traffic traffic, int n) throws InterruptedException {
    for (int i = 1; i <= n; i++) {
      long ok = traffic.count(200);
      long refused = traffic.count(429);
      long failed = failed(traffic);
      Thread.sleep(1000);
      screen.second(
          "+" + i + " s",
          traffic.count(200) - ok,
          traffic.count(429) - refused,
          failed(traffic) - failed);
    }
  }

  private static long failed(Traffic t) {
    return t.count(500) + t.count(502) + t.count(503);
  }

  private static long all(Traffic t) {
    return t.count(200) + t.count(429) + failed(t);
  }

  /** No refusal for a fifth of a second. */
  private static boolean quiet(Traffic t) {
    long before = t.count(429);
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return t.count(429) == before;
  }

  private HttpResponse<String> send(Traffic traffic) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create(traffic.url())).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private long count(String payment) throws Exception {
    return Long.parseLong(get("http://" + payment + "/count"));
  }

  private String get(String url) {
    try {
      return http.send(
              HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (Exception e) {
      return "no answer: " + e;
    }
  }

  private void await(String what, int seconds, BooleanSupplier condition) throws Exception {
    long until = System.nanoTime() + seconds * 1_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new IllegalStateException(
            what + ": not within " + seconds + " s (logs in " + work + ")");
      }
      Thread.sleep(2);
    }
  }

  private void claim(String text, boolean holds) {
    if (holds) {
      screen.good(text);
    } else {
      failures++;
      screen.bad(text);
    }
  }

  private static long ms(long nanos) {
    return nanos / 1_000_000;
  }

  private void close() {
    for (int i = open.size() - 1; i >= 0; i--) {
      try {
        open.get(i).close();
      } catch (Exception e) {
        screen.bad("could not stop " + open.get(i) + ": " + e.getMessage());
      }
    }
    if (failures == 0) {
      try (var files = Files.walk(work)) {
        files.sorted(Comparator.reverseOrder()).forEach(f -> f.toFile().delete());
      } catch (java.io.IOException leftBehind) {
        screen.say("left behind: " + work);
      }
      screen.good("all claims came true; every process was stopped");
    } else {
      screen.bad(failures + " claim(s) did not come true; logs in " + work);
    }
  }
}
