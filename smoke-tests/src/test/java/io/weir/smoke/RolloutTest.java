package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import io.weir.smoke.LoadLog.Call;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What operators do to a service under load, and what its callers see of it: real JVMs that
 * register themselves in a real etcd, and OkHttp clients under the agent which call at a steady
 * rate. A rule puts its name on the call and the instance answers it, so that every call tells
 * which rule decided it.
 */
class RolloutTest {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final long SECOND = 1_000_000_000L;
  private static final int RATE = 300;
  private static final int PATIENT_MILLIS = 10_000;
  private static final List<Jvm> CLIENTS = new ArrayList<>();
  private static EtcdServer etcd;
  private static String classpath;

  private final String service = "stock-" + NUMBER.incrementAndGet();
  private final Map<String, Jvm> instances = new LinkedHashMap<>();

  @BeforeAll
  static void clients() {
    String jars =
        Maven.resolve(
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "com.squareup.okhttp3:okhttp:4.12.0");
    classpath = Apps.with(Apps.compile("rollout", jars, Map.of()), jars);
    etcd = EtcdServer.start();
    for (int i = 0; i < 2; i++) {
      CLIENTS.add(
          jvm("rollout.Load", "service=shop;instance.address=shop-" + i + ":1;region=cn-east-2"));
    }
    CLIENTS.forEach(Jvm::awaitReady);
  }

  @AfterAll
  static void end() {
    CLIENTS.forEach(Jvm::close);
    etcd.close();
  }

  @AfterEach
  void stop() {
    instances.values().forEach(Jvm::kill); // nobody is left to be drained for
  }

  @Test
  void rollingThreeInstancesLosesNoCall() {
    start("", "a1", "b1", "c1");
    LoadLog log = go(CLIENTS.get(0), 500, PATIENT_MILLIS);
    for (String name : List.of("a", "b", "c")) {
      Jvm old = instances.get(name + "1");
      old.signal("TERM");
      assertThat(old.awaitExit()).as(old.told()).isEqualTo(143);
      assertThat(old.stderr()).anyMatch(l -> l.contains("draining for 1500 ms"));
      launch("", name + "2");
      awaitCall(log, c -> c.by().equals(name + "2"));
    }
    done(CLIENTS.get(0), log);
    assertThat(log.failed()).isEmpty();
    assertThat(log.calls().get(log.calls().size() - 1).by()).endsWith("2");
    say("three instances rolled: %s, 0 failed", rate(log));
  }

  @Test
  void aHungAndAKilledInstanceAreOutOfTheRouterWithinTheLeaseAndAHungOneComesBack() {
    start("", "a", "b", "c");
    // each in turn, so that the last failed call is the last that was sent there
    put("route", "balance: round-robin\n" + to("x", "{version: v1}"));
    LoadLog log = go(CLIENTS.get(0), 200, 300);
    awaitCall(log, c -> c.rule().equals("x"));
    Jvm a = instances.get("a");
    out(log, "SIGSTOP", a);
    long continued = System.nanoTime();
    a.signal("CONT");
    Call back = awaitCall(log, c -> c.start() > continued && c.by().equals("a"));
    say("SIGCONT: gets calls again after %.1f s", seconds(back.start() - continued));
    out(log, "SIGKILL", instances.get("b"));
    done(CLIENTS.get(0), log);
  }

  /** Stops or kills an instance and measures from then to the last call that was sent to it. */
  private void out(LoadLog log, String signal, Jvm instance) {
    long at = System.nanoTime();
    instance.signal(signal.substring(3));
    awaitCall(log, c -> c.start() > at + 13 * SECOND);
    List<Call> lost = log.calls(c -> c.failed() && c.end() > at);
    long last = lost.stream().mapToLong(Call::start).max().orElse(at) - at;
    say(
        "%s: the last call goes there after %.1f s (lease 10 s); %d of %s failed",
        signal, seconds(last), lost.size(), rate(log));
    assertThat(seconds(last)).isBetween(0.0, 10.5);
  }

  @Test
  void onePutSwitchesAllTrafficAtOnePointAndFailsNoCall() {
    start("version=v1", "blue1", "blue2");
    start("version=v2", "green1", "green2");
    put("route", to("blue", "{version: v1}"));
    for (String[] way : new String[][] {{"blue", "green"}, {"green", "blue"}}) {
      List<LoadLog> logs = new ArrayList<>();
      CLIENTS.forEach(c -> logs.add(go(c, RATE / 2, PATIENT_MILLIS)));
      logs.forEach(l -> awaitCalls(l, 200, c -> c.rule().equals(way[0])));
      long before = System.nanoTime();
      put("route", to(way[1], way[1].equals("green") ? "{version: v2}" : "{version: v1}"));
      logs.forEach(l -> awaitCalls(l, 500, c -> c.rule().equals(way[1])));
      for (int i = 0; i < logs.size(); i++) {
        LoadLog log = logs.get(i);
        done(CLIENTS.get(i), log);
        assertThat(log.failed()).isEmpty();
        assertThat(log.calls())
            .allMatch(c -> c.rule().equals("null") || c.by().startsWith(c.rule()));
        long first = switched(log, way[0], way[1]);
        say(
            "%s to %s, client %d: one switch point, first seen %.0f ms after etcdctl was started,"
                + " %s, 0 failed",
            way[0], way[1], i, (first - before) / 1e6, rate(log));
      }
    }
  }

  @Test
  void aCanarySliderHoldsItsShareAtEveryStepAndIsRolledBackByOnePut() {
    start("version=v1", "stable");
    start("version=v2", "canary");
    LoadLog log = go(CLIENTS.get(0), RATE, PATIENT_MILLIS);
    String before = null;
    for (int percent : new int[] {0, 1, 5, 50, 100, 0}) {
      String rule = (before == null || percent > 0 ? "s-" : "rollback-") + percent;
      put("route", slider(rule, percent));
      awaitCalls(log, 1500, c -> c.rule().equals(rule));
      if (before != null) {
        switched(log, before, rule);
      }
      before = rule;
    }
    done(CLIENTS.get(0), log);
    assertThat(log.failed()).isEmpty();
    for (String rule : List.of("s-0", "s-1", "s-5", "s-50", "s-100", "rollback-0")) {
      double p = Integer.parseInt(rule.split("-")[1]) / 100.0;
      List<Call> calls = log.calls(c -> c.rule().equals(rule));
      int canary = (int) calls.stream().filter(c -> c.by().equals("canary")).count();
      int[] bound = bound(calls.size(), p);
      say(
          "%s %%: %d of %d calls on the canary = %.2f %%, 99.9 %% bound %d to %d",
          rule, canary, calls.size(), 100.0 * canary / calls.size(), bound[0], bound[1]);
      assertThat(canary).isBetween(bound[0], bound[1]);
    }
  }

  @Test
  void trafficLeavesARegionThatStopsAndComesBackWithIt() {
    start("region=cn-east-2", "near1", "near2");
    start("region=cn-north-1", "far1", "far2");
    put(
        "circuit-breaker",
        "{window: {type: count, size: 5000}, min_calls: 5000, max_ejection_percent: 50}");
    put("route", "region: {prefer: same}\n" + to("region", "{version: v1}"));
    LoadLog log = go(CLIENTS.get(0), RATE, PATIENT_MILLIS);
    Call first = awaitCall(log, c -> c.rule().equals("region"));
    awaitCalls(log, 300, c -> c.start() > first.end());
    assertThat(log.calls(c -> c.start() > first.end())).allMatch(c -> c.by().startsWith("near"));

    long stopped = System.nanoTime();
    List<Jvm> near = List.of(instances.get("near1"), instances.get("near2"));
    near.forEach(j -> j.signal("TERM"));
    near.forEach(Jvm::awaitExit);
    awaitCalls(log, 300, c -> c.start() > stopped && c.by().startsWith("far"));
    say(
        "region stopped (SIGTERM): the first call goes far after %.1f s, the last near after %.1f"
            + " s, %d failed",
        seconds(start(log, stopped, "far")), seconds(last(log, stopped)), log.failed().size());
    assertThat(log.failed()).isEmpty();

    launch("region=cn-east-2", "near3", "near4");
    awaitCall(log, c -> c.by().equals("near3"));
    Call back = awaitCall(log, c -> c.by().equals("near4"));
    awaitCalls(log, 300, c -> c.start() > back.end());
    List<Call> since = log.calls(c -> c.start() > back.end());
    assertThat(since).allMatch(c -> c.by().startsWith("near"));
    say("region back: all %d calls after near4's first are near", since.size());

    long killed = System.nanoTime();
    instances.get("near3").kill();
    instances.get("near4").kill();
    awaitCalls(log, 1500, c -> c.start() > killed && c.by().startsWith("far"));
    done(CLIENTS.get(0), log);
    List<Call> lost = log.failed();
    long until = lost.stream().mapToLong(Call::start).max().orElse(killed) - killed;
    say(
        "region killed (SIGKILL): the last failed call starts after %.2f s, %d of %s failed",
        seconds(until), lost.size(), rate(log));
    assertThat(lost).allMatch(c -> c.end() > killed);
    // five in a row eject an instance; what had been decided by then, a call a thread, is lost, too
    assertThat(lost.size()).isLessThanOrEqualTo(2 * (5 + 32));
    assertThat(seconds(until)).isLessThan(10.5);
  }

  private static long start(LoadLog log, long since, String by) {
    return log.calls(c -> c.start() > since && c.by().startsWith(by)).stream()
            .mapToLong(Call::start)
            .min()
            .orElseThrow()
        - since;
  }

  private static long last(LoadLog log, long since) {
    return log.calls(c -> c.by().startsWith("near")).stream()
            .mapToLong(Call::start)
            .max()
            .orElseThrow()
        - since;
  }

  /**
   * One switch point: what started after the first call of the new rule had ended was decided by
   * it, too. Returns when that was.
   */
  private static long switched(LoadLog log, String from, String to) {
    long seen =
        log.calls(c -> c.rule().equals(to)).stream().mapToLong(Call::end).min().orElseThrow();
    assertThat(log.calls(c -> c.start() > seen && c.rule().equals(from))).isEmpty();
    return seen;
  }

  private static String slider(String name, int percent) {
    return to(
        name,
        "{version: v1, weight: " + (100 - percent) + "}, {version: v2, weight: " + percent + "}");
  }

  private static String to(String name, String arms) {
    return "routes: [{to: [" + arms + "], set_headers: {X-Rule: " + name + "}}]\n";
  }

  private void put(String rule, String text) {
    etcd.ctl("put", "/service/" + service + "/" + rule, text);
  }

  /** Starts instances and waits until the clients call them. */
  private void start(String options, String... names) {
    launch(options, names);
    String line = "meet " + service + " " + String.join(" ", names);
    CLIENTS.forEach(c -> c.say(line));
    CLIENTS.forEach(c -> c.awaitStdout("DONE " + line));
  }

  private void launch(String options, String... names) {
    for (String name : names) {
      String version = options.contains("version=") ? "" : ";version=v1";
      instances.put(
          name,
          jvm(
              "rollout.Instance",
              "service=" + service + ";drain_ms=1500;" + options + version,
              name));
    }
    Arrays.stream(names).forEach(n -> instances.get(n).awaitReady());
  }

  private static Jvm jvm(String main, String options, String... arguments) {
    return Jvm.of(Jdk.find(17).orElseThrow(), classpath, main)
        .weir(options + ";etcd.endpoints=" + etcd.endpoint())
        .arguments(arguments)
        .launch();
  }

  private LoadLog go(Jvm client, int rate, int timeoutMillis) {
    String file = Work.fresh("load").resolve("calls").toString();
    String line = "go " + service + " " + rate + " " + timeoutMillis + " " + file;
    client.say(line);
    client.awaitStdout("DONE " + line);
    return new LoadLog(java.nio.file.Path.of(file));
  }

  /** Ends the load, and waits for its last call. */
  private void done(Jvm client, LoadLog log) {
    long stops = client.stdout().stream().filter("DONE stop"::equals).count();
    client.say("stop");
    Await.until(
        SOON,
        () -> client.stdout().stream().filter("DONE stop"::equals).count() > stops,
        client::told);
    log.calls();
  }

  private Call awaitCall(LoadLog log, Predicate<Call> which) {
    awaitCalls(log, 1, which);
    return log.calls(which).get(0);
  }

  private void awaitCalls(LoadLog log, int count, Predicate<Call> which) {
    Await.until(
        SOON,
        () -> log.calls(which).size() >= count,
        () ->
            "only "
                + log.calls(which).size()
                + " such calls; last: "
                + log.calls().subList(Math.max(0, log.calls().size() - 5), log.calls().size())
                + "\n"
                + etcd.ctl("get", "--prefix", "/service")
                + CLIENTS.get(0).told());
  }

  private static String rate(LoadLog log) {
    List<Call> calls = log.calls();
    double took = seconds(calls.get(calls.size() - 1).end() - calls.get(0).start());
    return String.format("%d calls in %.0f s (%.0f/s)", calls.size(), took, calls.size() / took);
  }

  /** The counts outside which a binomial falls on either side with probability 0.0005 at most. */
  private static int[] bound(int n, double p) {
    if (p == 0 || p == 1) {
      return new int[] {(int) (n * p), (int) (n * p)};
    }
    double log = n * Math.log(1 - p);
    double sum = 0;
    int low = -1;
    for (int k = 0; k <= n; k++) {
      sum += Math.exp(log);
      if (low < 0 && sum > 0.0005) {
        low = k;
      }
      if (sum >= 0.9995) {
        return new int[] {low, k};
      }
      log += Math.log((double) (n - k) / (k + 1)) + Math.log(p) - Math.log(1 - p);
    }
    throw new AssertionError("sums up to " + sum);
  }

  private static double seconds(long nanos) {
    return nanos / 1e9;
  }

  private static void say(String format, Object... arguments) {
    System.out.println("rollout: " + String.format(format, arguments));
  }
}
