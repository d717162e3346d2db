package io.weir.smoke;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A fleet worth looking at: two governed JVMs of a shop which call two versions of a payment
 * service, steady traffic of ten users of whom one wants too much, and a real Prometheus with the
 * configuration that {@code dashboards export} wrote, but for names, addresses and intervals.
 */
final class DashboardRig implements AutoCloseable {
  private static final int THREADS = 8;
  private static final String BREAKER =
      "{\"window\": {\"type\": \"count\", \"size\": 20}, \"min_calls\": 20, \"failure_ratio\": 0.5,"
          + " \"open_seconds\": 6, \"probe_successes\": 2}";

  /** Of one user, of one shop. */
  static final String PER_USER = "{\"qps\": 12, \"burst\": 12, \"by\": [\"query:user\"]}";

  /** Where the command line wrote the dashboard and the rest. */
  final Path exported;

  final Rules rules = new Rules();
  final Prometheus prometheus;
  private final List<Jvm> shops = new ArrayList<>();
  private final List<Jvm> payments = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicLong calls = new AtomicLong();
  private volatile int perSecond;
  private volatile boolean over;

  /**
   * @param exported a directory that {@code dashboards export} wrote
   * @param scrape how often Prometheus asks: {@code 500ms}
   */
  DashboardRig(Path exported, String scrape, int perSecond) {
    this.exported = exported;
    this.perSecond = perSecond;
    try {
      launch();
      prometheus = Prometheus.start(config(scrape));
      for (int i = 0; i < THREADS; i++) {
        Thread t = new Thread(this::call, "customers");
        t.setDaemon(true);
        t.start();
        threads.add(t);
      }
    } catch (Throwable t) {
      stop();
      throw t;
    }
  }

  private void launch() {
    String jars =
        Maven.resolve(
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "com.squareup.okhttp3:okhttp:4.12.0");
    String classpath = Apps.with(Apps.compile("dashboard", jars, Map.of()), jars);
    Jdk jdk = Jdk.find(17).orElseThrow();
    for (int i = 0; i < 2; i++) {
      payments.add(Jvm.of(jdk, classpath, "Payment").launch());
      shops.add(
          Jvm.of(jdk, classpath, "Shop")
              .weir(
                  "service=shop;metrics.exporter=prometheus;admin.port=0;rules=" + rules.location())
              .launch());
    }
    payments.forEach(Jvm::awaitReady);
    for (int i = 0; i < 2; i++) {
      rules.put(
          "services/payment/instances/127.0.0.1:" + payments.get(i).port(),
          "{\"version\": \"v2." + (3 + i) + ".0\", \"region\": \"cn-east-2\"}");
    }
    share(10);
    rules
        .put("service/payment/circuit-breaker", BREAKER)
        .put("service/shop/rate-limit/all", "{\"qps\": 55, \"burst\": 55}")
        .put("service/shop/rate-limit/per-user", PER_USER)
        .put(
            "service/shop/rate-limit/crowd", "{\"max_concurrent\": 30, \"adaptive\": {\"min\": 4}}")
        .put(
            "service/shop/rate-limit/tuned",
            "{\"auto\": {\"metric\": \"p99\", \"target\": 400, \"min_qps\": 20, \"max_qps\": 80}}")
        .put("service/shop/rate-limit/trial", "{\"qps\": 40, \"burst\": 40, \"mode\": \"shadow\"}");
    shops.forEach(Jvm::awaitReady);
    shops.forEach(s -> rules.awaitInForce("shop", s, "/"));
    rules.remove("service/shop/rate-limit/probe");
  }

  private Path config(String scrape) {
    Path file = exported.resolve("prometheus-of-the-test.yml");
    try {
      String shipped = Files.readString(exported.resolve("prometheus.yml"));
      StringBuilder s =
          new StringBuilder(
              shipped
                  .substring(0, shipped.indexOf("    static_configs:"))
                  .replace(
                      "scrape_interval: 15s",
                      "scrape_interval: " + scrape + "\n  evaluation_interval: " + scrape)
                  .replace("order-service", "shop"));
      s.append("    static_configs:\n");
      for (int i = 0; i < shops.size(); i++) {
        String admin =
            shops
                .get(i)
                .awaitStderr("admin endpoint on http://127.0.0.1:")
                .replaceAll(".*(127\\.0\\.0\\.1:\\d+).*", "$1");
        s.append("      - targets: ['").append(admin).append("']\n");
        s.append("        labels: {instance: 'shop-").append(i + 1).append(":8080'}\n");
      }
      return Files.writeString(file, s);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void call() {
    HttpClient http = HttpClient.newHttpClient();
    long due = System.nanoTime();
    while (!over) {
      due += THREADS * 1_000_000_000L / perSecond;
      for (long now; (now = System.nanoTime()) < due; ) {
        LockSupport.parkNanos(due - now);
      }
      due = Math.max(due, System.nanoTime() - 1_000_000_000L); // what was late stays late
      long n = calls.getAndIncrement();
      long user = n % 3 == 0 ? 7 : n % 10;
      URI uri =
          URI.create(
              "http://127.0.0.1:" + shops.get((int) (n % 2)).port() + "/orders?user=u" + user);
      try {
        http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** Calls a second, of all users, to both shops. */
  void rate(int perSecond) {
    this.perSecond = perSecond;
  }

  /** Share of the newer version, in percent. */
  void share(int percent) {
    rules.put(
        "service/payment/route",
        "default: [{version: v2.3.0, weight: "
            + (100 - percent)
            + "}, {version: v2.4.0, weight: "
            + percent
            + "}]");
  }

  /** How both instances of payment are: {@code well}, {@code slow} or {@code broken}. */
  void payment(String mood) {
    payments.forEach(p -> p.say(mood));
  }

  String told() {
    StringBuilder s = new StringBuilder();
    shops.forEach(j -> s.append(j.told()).append('\n'));
    return s.toString();
  }

  private void stop() {
    over = true;
    shops.forEach(Jvm::kill);
    payments.forEach(Jvm::kill);
  }

  @Override
  public void close() {
    over = true;
    try {
      for (Thread t : threads) {
        t.join(10_000);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stop();
    prometheus.close();
  }
}
