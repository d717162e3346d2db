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
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;

/**
 * Directs {@code ./demo}: starts the shop under the agent, sends traffic, changes rules while it
 * flows, shows what happens, and checks each claim: the exit code is 0 only when every one came
 * true.
 */
public final class Demo {
  private static final int RATE = 300;

  /** Calls by which a step of the slider is judged. */
  private static final int STEP = 600;

  private static final String CANARY = "v2.4.0";
  private static final String NEAR = "cn-east-2";
  private static final String FAR = "cn-north-1";

  private final Screen screen = new Screen();
  private final HttpClient http = HttpClient.newHttpClient();
  private final Path home;
  private final Path work;
  private final boolean etcd;
  private final boolean keep;
  private final List<AutoCloseable> open = new CopyOnWriteArrayList<>();
  private volatile int failures;
  private String secondShop;

  /** Where calls of the shop land at the end: see {@link #regions}. */
  private Paying nearPayment;

  /** Every claim was made: it was not stopped on the way. */
  private volatile boolean ended;

  /** The JVM ends, by Ctrl-C or because the demo is over. */
  private volatile boolean interrupted;

  /** Guarded by this. */
  private boolean closed;

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
    // Ctrl-C: it ends the JVM without coming back to this method
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  demo.interrupted = true;
                  demo.close();
                },
                "end of the demo"));
    try {
      demo.run();
    } catch (Exception e) {
      demo.fail("the demo could not go on: " + e.getMessage());
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
    Paying first = paying(rules, "payment-v2.3.0", "v2.3.0", NEAR);
    Paying second = paying(rules, "payment-v2.4.0", CANARY, NEAR);
    Child stock = app("stock", "service=stock-service;" + rules.agentOptions(), "Stock", "0");
    String payment = first.address();
    String stockAt = "127.0.0.1:" + stock.port();
    String options =
        "service=shop;region="
            + NEAR
            + ";services.payment-service="
            + payment
            + ";services.stock-service="
            + stockAt
            + ";"
            + rules.agentOptions();
    Child front = app("front-end", options, "FrontEnd", "0", "http://" + payment, stockAt);
    if (etcd) {
      Child other = app("front-end-b", options, "FrontEnd", "0", "http://" + payment, stockAt);
      secondShop = "http://127.0.0.1:" + other.port();
    }
    String shop = "http://127.0.0.1:" + front.port();
    screen.say("front end (Tomcat 9)  " + shop + "/order?item=book      pid " + front.pid());
    screen.say("  ├─ OkHttp ─▶ payment v2.3.0  " + payment + "   pid " + first.jvm.pid());
    screen.say(
        "  │            payment v2.4.0  "
            + second.address()
            + "   pid "
            + second.jvm.pid()
            + "  (nobody calls it yet)");
    screen.say("  └─ gRPC ───▶ stock           " + stockAt + "   pid " + stock.pid());
    screen.say(
        "each a plain JVM started with -javaagent:weir.jar; no Weir in its class path, no rule"
            + " yet");
    first.register();
    second.register();
    await(
        "the shop answers",
        30,
        () -> get(shop + "/order?item=book").contains("paid by payment v2.3.0"));
    screen.good("GET /order  →  " + get(shop + "/order?item=book"));

    Traffic traffic = new Traffic(shop + "/order?item=book", RATE);
    open.add(traffic);
    long answered = all(traffic);
    long from = System.nanoTime();
    seconds(traffic, 3);
    double rate = (all(traffic) - answered) / ((System.nanoTime() - from) / 1e9);
    claim(
        "no rules: nothing is refused, nothing fails",
        traffic.count(429) == 0 && failed(traffic) == 0);

    // a third of what this machine manages to send: 100
    limiter(rules, traffic, Math.max(10, (int) Math.min(RATE, rate + 15) / 30 * 10));
    breaker(rules, traffic, shop, payment);
    canary(rules, traffic);
    slider(rules, traffic);
    regions(rules, traffic, first);

    screen.chapter(7, "The end");
    claim("no connection broke in all this time", traffic.brokenConnections() == 0);
    screen.say(
        String.format(
            "%,d calls in %d s; no application was restarted, none was rebuilt",
            all(traffic), (System.nanoTime() - began) / 1_000_000_000L));
    ended = true;
    if (keep) {
      traffic.close();
      playground(rules, shop);
      Thread.currentThread().join();
    }
  }

  /** What is left running with --keep. Each line that begins with $ is a command for a shell. */
  private void playground(RuleShelf rules, String shop) throws Exception {
    String payment = "http://" + nearPayment.address();
    String limit = "/service/shop/rate-limit";
    screen.say("");
    screen.say("left running for you (Ctrl-C ends everything and removes its files):");
    screen.say("an order, answered by one of the two payments near the shop:");
    screen.command("curl -i " + quoted(shop + "/order?item=book"));
    screen.say("one of the two fails, and works again:");
    screen.command("curl " + payment + "/break");
    screen.command("curl " + payment + "/mend");
    screen.say("a rate limit of one order a second, and none:");
    screen.command(rules.putCommand(limit, "{\"qps\": 1, \"burst\": 1}"));
    screen.command(rules.deleteCommand(limit));
    screen.say("what else there is:");
    screen.command(
        "java -jar " + quoted(home.resolve("agent/target/weir.jar").toString()) + " help");
    screen.say("logs in " + work);
  }

  /** For a shell. */
  static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  private void limiter(RuleShelf rules, Traffic traffic, int qps) throws Exception {
    screen.chapter(2, "A rate limit, while " + RATE + " calls a second flow");
    String rule = "{\"qps\": " + qps + ", \"burst\": " + qps + "}";
    screen.rule("/service/shop/rate-limit", rule);
    traffic.forgetRefusals();
    long put = System.nanoTime();
    rules.put("/service/shop/rate-limit", rule);
    long written = System.nanoTime();
    await("429s begin", 30, () -> traffic.firstRefusedNanos() != 0);
    // the burst passes first: at 300 a second that alone takes half a second
    screen.good(
        String.format(
            "first 429 after %d ms (the burst of %d had to be used up; writing the rule took %d"
                + " ms)",
            ms(traffic.firstRefusedNanos() - put), qps, ms(written - put)));
    await("a call is refused at once", 30, () -> traffic.refusal() != null);
    Bucket bucket = new Bucket(traffic, traffic.refusal(), qps, qps);
    seconds(traffic, 4);
    bucket.close();
    claim(
        String.format(
            "admitted %.0f of %.0f calls a second: the rule says %d (%.1f %% of what a bucket of"
                + " its own lets through of these calls)",
            bucket.admittedPerSecond(), bucket.offeredPerSecond(), qps, 100 * bucket.ratio()),
        bucket.kept());
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
    traffic.forgetRefusals();
    put = System.nanoTime();
    rules.put("/service/shop/rate-limit", "{\"qps\": 1, \"burst\": 1}");
    await("429s begin", 30, () -> traffic.firstRefusedNanos() != 0);
    screen.good(
        String.format(
            "rule changed to qps 1: first 429 %d ms after the put began, no restart",
            ms(traffic.firstRefusedNanos() - put)));
    rules.delete("/service/shop/rate-limit");
    await("the limit is gone", 10, () -> quiet(traffic));
    screen.good("rule deleted: refusals ended (" + (traffic.count(429) - before) + " in between)");
  }

  private void breaker(RuleShelf rules, Traffic traffic, String shop, String payment)
      throws Exception {
    screen.chapter(3, "Payment fails: the circuit breaker opens and closes");
    String rule =
        "{\"window\": {\"type\": \"count\", \"size\": 20}, \"min_calls\": 20, \"failure_ratio\":"
            + " 0.6, \"open_seconds\": 6}";
    screen.rule("/service/payment-service/circuit-breaker", rule);
    rules.put("/service/payment-service/circuit-breaker", rule);
    seconds(traffic, 2);
    long burst = System.nanoTime();
    for (int i = 0; i < 14; i++) {
      get(shop + "/order?item=poison");
    }
    long took = ms(System.nanoTime() - burst);
    long passed = traffic.count(200);
    seconds(traffic, 1);
    claim(
        "one user's 14 bad orders within "
            + took
            + " ms close nothing for anybody: "
            + (traffic.count(200) - passed)
            + " calls pass in the second after",
        traffic.count(200) > passed + 100);
    long atPayment = count(payment);
    get("http://" + payment + "/break");
    long broke = System.nanoTime();
    screen.say("payment now answers 503 to everything");
    await("the breaker opens", 10, () -> isOpen(traffic, payment));
    long reached = count(payment);
    long turnedAway = traffic.count(502);
    seconds(traffic, 1);
    long later = count(payment);
    claim(
        "open: "
            + (later - reached)
            + " of the last second's "
            + (traffic.count(502) - turnedAway)
            + " calls reached payment (front end answers 502 from the agent's 503 at once)",
        later - reached <= 3 && traffic.count(502) > turnedAway);
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

  /** While calls are answered with errors, none of them reaches payment. */
  private boolean isOpen(Traffic traffic, String payment) {
    long reached = count(payment);
    long failed = traffic.count(502);
    pause(100);
    return traffic.count(502) > failed + 5 && count(payment) == reached;
  }

  /** Another JVM, which has seen no failure, refuses because the breaker is the fleet's. */
  private void tellFleet(RuleShelf.Etcd rules, String payment) throws Exception {
    // one caller saw it fail: the others had a second to contradict
    await(
        "the breaker is open for the fleet",
        10,
        () -> says(rules, "/circuit-breaker/payment-service/state", "\"open\""));
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

  private static boolean says(RuleShelf rules, String key, String what) {
    try {
      return rules.get(key).contains(what);
    } catch (Exception notYet) {
      return false;
    }
  }

  private void canary(RuleShelf rules, Traffic traffic) throws Exception {
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
            set_headers: {X-Rule: canary}
        default: [{version: v2.3.0}]
        """;
    screen.rule("/service/payment-service/route", rule);
    rules.put("/service/payment-service/route", rule);
    traffic.sendCanaryHeader("true");
    await("canary calls arrive", 10, () -> traffic.paid("canary") > 10);
    traffic.awaitRound();
    long strayed = traffic.paid(Traffic.CANARY, "v2.3.0");
    long moved = traffic.paid(Traffic.CANARY, CANARY);
    seconds(traffic, 2);
    moved = traffic.paid(Traffic.CANARY, CANARY) - moved;
    strayed = traffic.paid(Traffic.CANARY, "v2.3.0") - strayed;
    claim(
        "with X-Canary: true " + moved + " calls landed on v2.4.0 and " + strayed + " on v2.3.0",
        moved > 0 && strayed == 0);
    traffic.sendCanaryHeader(null);
    long plain = traffic.paid("v2.3.0");
    seconds(traffic, 1);
    long leaked = traffic.paid(CANARY) - traffic.paid(Traffic.CANARY, CANARY);
    claim(
        "without the header "
            + (traffic.paid("v2.3.0") - plain)
            + " calls stayed on v2.3.0 and "
            + leaked
            + " landed on v2.4.0",
        traffic.paid("v2.3.0") > plain && leaked == 0);
  }

  /** Each step is one put; the rule writes its name on the call, so that every call tells it. */
  private void slider(RuleShelf rules, Traffic traffic) throws Exception {
    screen.chapter(5, "The slider: 0, 1, 5, 50, 100 % of everybody, and back by one put");
    long failed = failed(traffic);
    for (int percent : new int[] {0, 1, 5, 50, 100, 0}) {
      boolean back = percent == 0 && traffic.paid("slider-100") > 0;
      String name = (back ? "rollback-" : "slider-") + percent;
      String rule =
          String.format(
              "routes: [{to: [{version: v2.3.0, weight: %d}, {version: v2.4.0, weight: %d}],"
                  + " set_headers: {X-Rule: %s}}]",
              100 - percent, percent, name);
      screen.rule("/service/payment-service/route", rule);
      rules.put("/service/payment-service/route", rule);
      await(STEP + " calls by this rule", 30, () -> traffic.paid(name) >= STEP);
      // the canary first: calls that end in between must not look like too few
      long canary = traffic.paid(name, CANARY);
      long all = canary + traffic.paid(name, "v2.3.0");
      double p = percent / 100.0;
      // 5.5 standard deviations and a little for the smallest: missed once in ten million runs
      double bound = p * (1 - p) == 0 ? 0 : 5.5 * Math.sqrt(all * p * (1 - p)) + 3;
      claim(
          String.format(
              "%s %d %%: %d of %d calls landed on v2.4.0 = %.1f %%",
              back ? "rolled back to" : "slider at", percent, canary, all, 100.0 * canary / all),
          Math.abs(canary - all * p) <= bound);
    }
    claim("no call failed on the way", failed(traffic) == failed);
    rules.delete("/service/payment-service/route");
  }

  private void regions(RuleShelf rules, Traffic traffic, Paying first) throws Exception {
    screen.chapter(6, "A region stops: traffic goes far and comes back, and no call fails");
    screen.say(
        "the front end runs in "
            + NEAR
            + "; payment gets a second instance there and two in "
            + FAR);
    Paying second = paying(rules, "payment-near-2", "v2.3.0", NEAR);
    List<Paying> far =
        List.of(
            paying(rules, "payment-far-1", "v2.3.0", FAR),
            paying(rules, "payment-far-2", "v2.3.0", FAR));
    second.register();
    for (Paying p : far) {
      p.register();
    }
    long failed = failed(traffic);
    String rule =
        "{routes: [{to: [{version: v2.3.0}], set_headers: {X-Rule: region}}], region: {prefer:"
            + " same}}";
    screen.rule("/service/payment-service/route", rule);
    rules.put("/service/payment-service/route", rule);
    await("calls by this rule", 30, () -> traffic.paid("region") >= STEP / 2);
    claim(
        "all " + traffic.paid("region") + " calls are answered in " + NEAR,
        traffic.paid("region", FAR) == 0);

    screen.say(
        etcd
            ? "both near payments get a SIGTERM: they deregister, drain and end"
            : "both near payments are taken out of the registry and then get a SIGTERM");
    long began = System.nanoTime();
    for (Paying p : List.of(first, second)) {
      p.deregister();
    }
    await("calls go far", 30, () -> traffic.paid("region", FAR) > 0);
    long moved = System.nanoTime();
    if (!etcd) {
      pause(1000); // what is under way ends
    }
    first.jvm.close();
    second.jvm.close();
    traffic.awaitRound();
    long near = traffic.paid("region", NEAR);
    long before = traffic.paid("region", FAR);
    await("calls go far", 30, () -> traffic.paid("region", FAR) >= before + STEP / 2);
    claim(
        String.format(
            "the first call went to %s after %d ms; since both near ones ended, %d calls went there"
                + " and %d near; %d failed",
            FAR,
            ms(moved - began),
            traffic.paid("region", FAR) - before,
            traffic.paid("region", NEAR) - near,
            failed(traffic) - failed),
        traffic.paid("region", NEAR) == near && failed(traffic) == failed);

    List<Paying> again =
        List.of(
            paying(rules, "payment-near-3", "v2.3.0", NEAR),
            paying(rules, "payment-near-4", "v2.3.0", NEAR));
    for (Paying p : again) {
      p.register();
    }
    long nearAgain = traffic.paid("region", NEAR);
    await("calls come back", 30, () -> traffic.paid("region", NEAR) > nearAgain + STEP / 4);
    traffic.awaitRound();
    long still = traffic.paid("region", FAR);
    long back = traffic.paid("region", NEAR);
    await("calls stay near", 30, () -> traffic.paid("region", NEAR) > back + STEP / 2);
    claim(
        String.format(
            "two new near ones: of the next %d calls %d went far; %d failed in all of this chapter",
            traffic.paid("region", NEAR) - back,
            traffic.paid("region", FAR) - still,
            failed(traffic) - failed),
        traffic.paid("region", FAR) == still && failed(traffic) == failed);
    nearPayment = again.get(0);
    if (!keep) { // else calls would go where the front end's configuration says: it has ended
      rules.delete("/service/payment-service/route");
    }
  }

  /** Starts a payment instance; {@link Paying#register} waits for it. */
  private Paying paying(RuleShelf rules, String name, String version, String region)
      throws Exception {
    String options =
        "service=payment-service;drain_ms=1500;version="
            + version
            + ";region="
            + region
            + (version.equals(CANARY) ? ";labels.canary=true;" : ";")
            + rules.agentOptions();
    return new Paying(rules, app(name, options, "Payment", "0", version, region), version, region);
  }

  /** A payment instance and its place in the registry. */
  private final class Paying {
    final Child jvm;
    private final RuleShelf rules;
    private final String version;
    private final String region;

    Paying(RuleShelf rules, Child jvm, String version, String region) {
      this.rules = rules;
      this.jvm = jvm;
      this.version = version;
      this.region = region;
    }

    String address() throws Exception {
      return "127.0.0.1:" + jvm.port();
    }

    private String key() throws Exception {
      return "/services/payment-service/instances/" + address();
    }

    /** With etcd it does so itself, and is waited for. */
    void register() throws Exception {
      String key = key();
      if (etcd) {
        long until = System.nanoTime() + 30_000_000_000L;
        while (rules.get(key).isEmpty()) {
          if (System.nanoTime() > until) {
            throw new IllegalStateException(
                jvm.name() + " did not register (logs in " + work + ")");
          }
          pause(50);
        }
      } else {
        rules.put(
            key,
            String.format(
                "{\"version\": \"%s\", \"region\": \"%s\"%s}",
                version,
                region,
                version.equals(CANARY) ? ", \"labels\": {\"canary\": \"true\"}" : ""));
      }
    }

    /** With etcd a SIGTERM does it. */
    void deregister() throws Exception {
      if (etcd) {
        jvm.terminate();
      } else {
        rules.delete(key());
      }
    }
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
    pause(200);
    return t.count(429) == before;
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private HttpResponse<String> send(Traffic traffic) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create(traffic.url())).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private long count(String payment) {
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
      fail(text);
    }
  }

  private void fail(String text) {
    if (!interrupted) { // else what fails is what was stopped
      failures++;
      screen.bad(text);
    }
  }

  private static long ms(long nanos) {
    return nanos / 1_000_000;
  }

  /** Stops everything and removes the files; once, whoever comes first. */
  private synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (int i = open.size() - 1; i >= 0; i--) {
      if (open.get(i) instanceof Traffic traffic) {
        traffic.close();
      }
    }
    Child.stopAll();
    if (failures == 0) {
      try (var files = Files.walk(work)) {
        files.sorted(Comparator.reverseOrder()).forEach(f -> f.toFile().delete());
      } catch (java.io.IOException leftBehind) {
        screen.say("left behind: " + work);
      }
      screen.good(
          ended
              ? "all claims came true; every process was stopped"
              : "every process was stopped, and the demo's files are gone");
    } else {
      screen.bad(failures + " claim(s) did not come true; logs in " + work);
    }
  }
}
