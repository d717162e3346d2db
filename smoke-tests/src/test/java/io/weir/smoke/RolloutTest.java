package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import io.weir.smoke.LoadLog.Call;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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

  /** Until JVMs that were just started are known to each other. */
  private static final Duration PATIENT = Duration.ofSeconds(120);

  private static final long SECOND = 1_000_000_000L;
  private static final String ETCD = "etcd.endpoints=";
  private static final int RATE = 300;

  /** How seldom a right share may be told wrong, on either side. */
  private static final double RARE = 1e-7;

  private static final int PATIENT_MILLIS = 10_000;
  private static final List<Jvm> CLIENTS = new ArrayList<>();
  private static EtcdServer etcd;
  private static String okhttp;
  private static String grpc;

  private String classpath = okhttp;
  private final String service = "stock-" + NUMBER.incrementAndGet();
  private final Map<String, Jvm> instances = new LinkedHashMap<>();

  @BeforeAll
  static void clients() {
    okhttp =
        application(
            "rollout-okhttp",
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "com.squareup.okhttp3:okhttp:4.12.0");
    grpc =
        application(
            "rollout-grpc", "io.grpc:grpc-netty-shaded:1.85.1", "io.grpc:grpc-services:1.85.1");
    etcd = EtcdServer.start();
    for (int i = 0; i < 2; i++) {
      CLIENTS.add(
          client(okhttp, "service=shop;instance.address=shop-" + i + ":1;region=cn-east-2"));
    }
    CLIENTS.forEach(Jvm::awaitReady);
  }

  private static String application(String sources, String... libraries) {
    String jars = Maven.resolve(libraries);
    return Apps.with(Apps.compile(List.of("rollout", sources), jars, Map.of()), jars);
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
    roll(CLIENTS.get(0), "Tomcat and OkHttp");
  }

  @Test
  void rollingThreeGrpcServersLosesNoCall() {
    classpath = grpc;
    try (Jvm client = client(grpc, "service=shop;instance.address=shop-grpc:1").awaitReady()) {
      launch("", "a1", "b1", "c1");
      meet(client, "a1", "b1", "c1");
      roll(client, "gRPC");
    }
  }

  private void roll(Jvm client, String what) {
    LoadLog log = go(client, 500, PATIENT_MILLIS);
    for (String name : List.of("a", "b", "c")) {
      Jvm old = instances.get(name + "1");
      old.signal("TERM");
      assertThat(old.awaitExit()).as(old.told()).isEqualTo(143);
      assertThat(old.stderr()).anyMatch(l -> l.contains("draining for 1500 ms"));
      launch("", name + "2");
      awaitCall(log, c -> c.by().equals(name + "2"));
    }
    done(client, log);
    assertThat(log.failed()).isEmpty();
    assertThat(log.calls().get(log.calls().size() - 1).by()).endsWith("2");
    say("three instances rolled, %s: %s, 0 failed", what, rate(log));
  }

  /** A full collection stops a JVM as SIGSTOP does: nothing runs, the kernel goes on accepting. */
  @Test
  void aPauseShorterThanTheLeaseCostsNoRegistrationALongerOneAndAKillDoAndTheLeaseBoundsThem() {
    start("", "a", "b", "c");
    // each in turn, so that the last failed call is the last that was sent there
    put("route", "balance: round-robin\n" + to("x", "{version: v1}"));
    LoadLog log = go(CLIENTS.get(0), 200, 300);
    awaitCall(log, c -> c.rule().equals("x"));
    Jvm a = instances.get("a");
    Lease paused = lease(a);
    a.signal("STOP");
    long pause = Math.min(5, paused.remaining - 2);
    awaitCall(log, c -> c.start() > paused.asked + pause * SECOND);
    a.signal("CONT");
    long woken = System.nanoTime();
    awaitCall(log, c -> c.start() > woken && c.by().equals("a"));
    assertThat(lease(a).id).as("the registration was kept").isEqualTo(paused.id);
    say("a pause of %d s: registered all the time", pause);

    try (Hiccups machine = new Hiccups()) {
      long at = System.nanoTime();
      a.signal("STOP");
      instances.get("b").signal("KILL");
      Lease ofA = lease(a);
      Lease ofB = lease(instances.get("b"));
      awaitCall(log, c -> c.start() > at + 13 * SECOND);
      List<Call> lost = log.calls(c -> c.failed() && c.end() > at);
      List<Call> hung = lost.stream().filter(c -> c.answer().contains("imeout")).toList();
      List<Call> refused = lost.stream().filter(c -> !c.answer().contains("imeout")).toList();
      out("SIGSTOP", hung, at, ofA, machine);
      out("SIGKILL", refused, at, ofB, machine);
    }
    long continued = System.nanoTime();
    a.signal("CONT");
    Call back = awaitCall(log, c -> c.start() > continued && c.by().equals("a"));
    say("SIGCONT: gets calls again after %.1f s", seconds(back.start() - continued));
    done(CLIENTS.get(0), log);
  }

  /**
   * That no call was sent there later than half a second after its lease ran out (etcd looks twice
   * a second), a tenth for the news to get to the routers, and what this machine held its own
   * threads up.
   */
  private void out(String what, List<Call> there, long at, Lease lease, Hiccups machine) {
    long last = there.stream().mapToLong(Call::start).max().orElse(at);
    say(
        "%s: the last call goes there after %.1f s (lease 10 s), %d calls there since",
        what, seconds(last - at), there.size());
    assertThat(seconds(last - lease.end()))
        .as("%s; the machine held its threads up for %d ms", what, machine.worstNanos() / 1_000_000)
        .isLessThan(0.6 + 3 * seconds(machine.worstNanos()));
  }

  /** What etcd says of the lease an instance is registered under: when it ends unless renewed. */
  private record Lease(String id, long asked, long remaining) {
    /** At the latest: etcd tells whole seconds. */
    long end() {
      return asked + (remaining + 1) * SECOND;
    }
  }

  private Lease lease(Jvm instance) {
    String key = "/services/" + service + "/instances/127.0.0.1:" + instance.port();
    long id = number("lease", etcd.ctl("get", key, "-w", "json"));
    String hex = Long.toHexString(id);
    String said = etcd.ctl("lease", "timetolive", hex, "-w", "json");
    return new Lease(hex, System.nanoTime(), number("ttl", said));
  }

  private static long number(String field, String json) {
    Matcher m = Pattern.compile("\"" + field + "\":(-?[0-9]+)").matcher(json);
    assertThat(m.find()).as(json).isTrue();
    return Long.parseLong(m.group(1));
  }

  /**
   * Between the instance and etcd only: its callers reach it, and it reaches them. One line
   * swallows what is sent, as a cut cable does; the other refuses, as a firewall may.
   */
  @Test
  void anInstanceCutOffFromEtcdIsOutWithinItsLeaseGoesOnWithItsRulesAndCallsAndComesBack()
      throws Exception {
    try (TcpProxy mute = new TcpProxy(etcd.port());
        TcpProxy closed = new TcpProxy(etcd.port());
        Hiccups machine = new Hiccups()) {
      start("", "stays");
      launch("etcd.endpoints=" + mute.endpoint(), "mute");
      launch("etcd.endpoints=" + closed.endpoint(), "closed");
      put("rate-limit", "{\"qps\": 0, \"match\": \"header:X-Limited == 'yes'\"}");
      put("route", "balance: round-robin\n" + to("x", "{version: v1}"));
      meet(CLIENTS.get(0), "stays", "mute", "closed");
      List<String> cut = List.of("mute", "closed");
      LoadLog log = go(CLIENTS.get(0), 200, PATIENT_MILLIS);
      HttpClient http = HttpClient.newHttpClient();
      Map<String, CompletableFuture<HttpResponse<String>>> held = new LinkedHashMap<>();
      for (String name : cut) {
        awaitCall(log, c -> c.by().equals(name) && c.rule().equals("x"));
        Await.until(
            SOON,
            () -> http.send(ask(name, "/", "yes"), BodyHandlers.ofString()).statusCode() == 429,
            () -> instances.get(name).told());
        held.put(name, http.sendAsync(ask(name, "/held", "no"), BodyHandlers.ofString()));
        instances.get(name).awaitStdout("HOLDING");
      }
      long at = System.nanoTime();
      mute.swallow(true);
      closed.refuse(true);
      Map<String, Lease> leases = new LinkedHashMap<>();
      cut.forEach(name -> leases.put(name, lease(instances.get(name))));
      awaitCall(log, c -> c.start() > at + 13 * SECOND);
      for (String name : cut) {
        List<Call> there = log.calls(c -> c.start() > at && c.by().equals(name));
        out("cut off from etcd (" + name + ")", there, at, leases.get(name), machine);
        // its callers are gone, it is not: what it had begun it ends, and its rules are in force
        instances.get(name).say("release");
        assertThat(held.get(name).get(30, TimeUnit.SECONDS).body()).startsWith(name);
        assertThat(http.send(ask(name, "/", "yes"), BodyHandlers.ofString()).statusCode())
            .isEqualTo(429);
        assertThat(http.send(ask(name, "/", "no"), BodyHandlers.ofString()).statusCode())
            .isEqualTo(200);
      }
      long mended = System.nanoTime();
      mute.swallow(false);
      mute.cut(); // what was swallowed is missing in its streams; a real line would send it again
      closed.refuse(false);
      for (String name : cut) {
        Call back = awaitCall(log, c -> c.start() > mended && c.by().equals(name));
        say("%s: gets calls again %.1f s after", name, seconds(back.start() - mended));
      }
      done(CLIENTS.get(0), log);
      assertThat(log.failed()).isEmpty();
    }
  }

  /** An operator's slip: keys are deleted while the instances live and their leases are renewed. */
  @Test
  void deletedRegistrationsFailNoCallAndAreBackWithinTwoSeconds() {
    start("", "a", "b", "c", "d");
    LoadLog log = go(CLIENTS.get(0), 200, PATIENT_MILLIS);
    awaitCalls(log, 100, c -> true);
    String before = sorted(keys());
    String[] all = before.split("\\s+");
    assertThat(all).hasSize(4);
    for (int i = 0; i < 3; i++) {
      etcd.ctl("del", all[i]);
    }
    backSoon(before);
    etcd.ctl("del", "--prefix", "/services/");
    backSoon(before);
    long back = System.nanoTime();
    for (String name : instances.keySet()) {
      awaitCall(log, c -> c.start() > back && c.by().equals(name));
      assertThat(instances.get(name).stderr())
          .anyMatch(l -> l.contains("is gone (somebody deleted it) and is made again"));
    }
    done(CLIENTS.get(0), log);
    assertThat(log.failed()).isEmpty();
    say("registrations deleted twice: %s, 0 failed", rate(log));
  }

  private void backSoon(String before) {
    long at = System.nanoTime();
    Await.until(Duration.ofSeconds(20), () -> sorted(keys()).equals(before), this::keys);
    double took = seconds(System.nanoTime() - at);
    say("registrations are back %.2f s after they were deleted", took);
    assertThat(took).isLessThan(2);
  }

  private static String sorted(String keys) {
    return Arrays.stream(keys.split("\\s+")).sorted().collect(Collectors.joining("\n"));
  }

  /** Nobody puts the keys back here: the instances are cut off from etcd at the same time. */
  @Test
  void aServiceThatVanishesWithoutAWordIsStillReachedAsALastResort() throws Exception {
    try (TcpProxy line = new TcpProxy(etcd.port())) {
      launch("etcd.endpoints=" + line.endpoint(), "a", "b");
      meet(CLIENTS.get(0), "a", "b");
      LoadLog log = go(CLIENTS.get(0), 200, PATIENT_MILLIS);
      awaitCalls(log, 100, c -> true);
      line.swallow(true);
      etcd.ctl("del", "--prefix", "/services/" + service + "/");
      long at = System.nanoTime();
      CLIENTS.get(0).awaitStderr("2 of 2 instances of " + service + " vanished");
      awaitCall(log, c -> c.start() > at + 3 * SECOND && c.by().equals("a"));
      awaitCall(log, c -> c.start() > at + 3 * SECOND && c.by().equals("b"));
      line.swallow(false);
      line.cut();
      Await.until(SOON, () -> keys().split("\\s+").length == 2, this::keys);
      done(CLIENTS.get(0), log);
      assertThat(log.failed()).isEmpty();
      say("all registrations gone and nobody to write them: %s, 0 failed", rate(log));
    }
  }

  private HttpRequest ask(String name, String path, String limited) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + instances.get(name).port() + path))
        .header("X-Limited", limited)
        .timeout(SOON)
        .build();
  }

  /**
   * Two bad answers of its own health check take an instance out, one good one brings it back: over
   * HTTP, and by the gRPC health protocol. Both belong to one service; each protocol's callers get
   * the servers that speak it.
   */
  @Test
  void anInstanceThatSaysItIsSickGetsNoCallsUntilItIsWell() {
    try (Jvm other = client(grpc, "service=shop;instance.address=shop-grpc:1").awaitReady()) {
      Jvm[] clients = {CLIENTS.get(0), other};
      String[] sick = {"web1", "grpc1"};
      launch("", "web1", "web2");
      classpath = grpc;
      launch("", "grpc1", "grpc2");
      LoadLog[] logs = new LoadLog[2];
      for (int i = 0; i < 2; i++) {
        meet(clients[i], sick[i], sick[i].replace('1', '2'));
        logs[i] = go(clients[i], 100, PATIENT_MILLIS);
      }
      long at = System.nanoTime();
      for (String name : sick) {
        instances.get(name).say("sick");
      }
      for (String name : sick) {
        instances.get(name).awaitStderr("deregistered");
      }
      Await.until(SOON, () -> keys().split("\\s+").length == 2, this::keys);
      long gone = System.nanoTime();
      for (int i = 0; i < 2; i++) {
        String well = sick[i].replace('1', '2');
        // a second for the news and for what was under way
        awaitCalls(logs[i], 100, c -> c.start() > gone + SECOND);
        assertThat(logs[i].calls(c -> c.start() > gone + SECOND))
            .allMatch(c -> c.by().equals(well));
      }
      long cured = System.nanoTime();
      for (int i = 0; i < 2; i++) {
        String name = sick[i];
        instances.get(name).say("well");
        Call back = awaitCall(logs[i], c -> c.start() > cured && c.by().equals(name));
        done(clients[i], logs[i]);
        assertThat(logs[i].failed()).isEmpty();
        say(
            "%s said it was sick: out after %.1f s, calls again %.1f s after it was well, 0 of %s"
                + " failed",
            name, seconds(gone - at), seconds(back.start() - cured), rate(logs[i]));
      }
    }
  }

  private String keys() {
    return etcd.ctl("get", "--prefix", "--keys-only", "/services/" + service + "/").trim();
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
          "%s %%: %d of %d calls on the canary = %.2f %%, bound %d to %d",
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
    // the rule's promise, for each instance and caller: five failures in a row eject it, and what
    // was under way when the fifth was seen is lost, too
    assertThat(lost.size()).isLessThanOrEqualTo(2 * (5 + underWay(lost) - 1));
  }

  /** How many of these calls there were at the same time, at most. */
  private static int underWay(List<Call> calls) {
    int most = 0;
    for (Call c : calls) {
      long beside =
          calls.stream().filter(d -> d.start() <= c.start() && d.end() >= c.start()).count();
      most = Math.max(most, (int) beside);
    }
    return most;
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
    CLIENTS.forEach(c -> meet(c, names));
  }

  private void meet(Jvm client, String... names) {
    String line = "meet " + service + " " + String.join(" ", names);
    client.say(line);
    Await.until(PATIENT, () -> client.stdout().contains("DONE " + line), client::told);
  }

  private void launch(String options, String... names) {
    for (String name : names) {
      String version = options.contains("version=") ? "" : ";version=v1";
      String place = options.contains("etcd.endpoints=") ? "" : ";" + ETCD + etcd.endpoint();
      instances.put(
          name,
          jvm(
              classpath,
              "rollout.Instance",
              "service=" + service + ";drain_ms=1500;" + options + version + place,
              name));
    }
    Arrays.stream(names).forEach(n -> instances.get(n).awaitReady());
  }

  private static Jvm client(String classpath, String options) {
    return jvm(classpath, "rollout.Load", options + ";" + ETCD + etcd.endpoint());
  }

  private static Jvm jvm(String classpath, String main, String options, String... arguments) {
    return Jvm.of(Jdk.find(17).orElseThrow(), classpath, main)
        .weir(options)
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

  /**
   * The counts outside which a binomial falls on either side once in ten million runs; exact, for
   * far out a normal distribution is wrong about small counts.
   */
  private static int[] bound(int n, double p) {
    if (p == 0 || p == 1) {
      return new int[] {(int) (n * p), (int) (n * p)};
    }
    double log = n * Math.log(1 - p);
    double sum = 0;
    int low = -1;
    for (int k = 0; k <= n; k++) {
      sum += Math.exp(log);
      if (low < 0 && sum > RARE) {
        low = k;
      }
      if (sum >= 1 - RARE) {
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
