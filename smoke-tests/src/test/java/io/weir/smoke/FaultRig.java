package io.weir.smoke;

import io.weir.control.testing.Certificates;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One etcd, or a cluster, that things happen to; a proxy before it; JVMs under the agent that
 * follow it; and steady traffic to them. Knows when etcd answers again and when a rule is in force.
 */
final class FaultRig implements AutoCloseable {
  private static final String RULES = "/service/shop/rate-limit/";
  private static final AtomicInteger MARK = new AtomicInteger();
  private static final Duration LIMIT = Duration.ofSeconds(90);

  final List<EtcdServer> servers;
  final EtcdServer etcd;
  final TcpProxy proxy;

  /** A second way to etcd. */
  final TcpProxy mute;

  final List<Jdk> jdks = new ArrayList<>();
  final List<Jvm> jvms = new ArrayList<>();
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofMillis(500)).build();
  private final List<Raw> probes = new ArrayList<>();

  /** How {@code etcdctl} says who it is, before its command. */
  private String[] credentials = {};

  private boolean gateway;

  /** Of a rig that speaks TLS. */
  Certificates certificates;

  private Traffic traffic;

  /** When etcd had taken the last {@link #mark}. */
  private long marked;

  private long counted;
  private final List<Long> obeyed = new ArrayList<>();

  FaultRig(EtcdServer... servers) {
    this.servers = Arrays.asList(servers);
    etcd = servers[0];
    gateway = etcd.endpoint().startsWith("http:");
    proxy = new TcpProxy(etcd.port());
    mute = new TcpProxy(etcd.port());
  }

  /** Writes and reads by {@code etcdctl} with these options from now on. */
  FaultRig as(String... options) {
    credentials = options;
    gateway = false;
    return this;
  }

  /** Starts the JVMs, two where the whole table is wanted, with these agent options. */
  FaultRig jvms(String options) {
    boolean both = System.getProperty("weir.faults") != null;
    for (Matrix.Cell cell : Matrix.cells("manners")) {
      if (jvms.isEmpty() || both) {
        jdks.add(cell.jdk());
        jvms.add(
            Sites.jvm(cell)
                .weir("service=shop;drain_ms=0;" + options)
                // else a collection leaves regions with a little garbage as they are, and a
                // histogram counts that, as int[] on JDK 17: up to a megabyte that nobody holds
                .options("-XX:MarkSweepDeadRatio=0")
                .launch());
      }
    }
    jvms.forEach(Jvm::awaitReady);
    return this;
  }

  /** As above, of JVMs that find etcd through the proxy. */
  FaultRig jvms() {
    return jvms("etcd.endpoints=" + proxy.endpoint());
  }

  /** Puts the rule that the traffic expects, waits until it is in force, and lets it flow. */
  FaultRig traffic() {
    put("held", Traffic.HELD_RULE);
    converged();
    return trafficAlone();
  }

  /** Lets traffic flow where no rule can be in force yet. */
  FaultRig trafficAlone() {
    traffic = new Traffic(jvms);
    return this;
  }

  Traffic load() {
    return traffic;
  }

  // ---- etcd's truth

  /** Writes a rule of the service; tries until etcd takes it. */
  void put(String id, String rule) {
    String key = RULES + id;
    Await.until(
        LIMIT,
        () -> {
          if (gateway) {
            return ask(
                "put", "{\"key\":\"" + base64(key) + "\",\"value\":\"" + base64(rule) + "\"}");
          }
          return tried("put", key, rule);
        },
        () -> key + " cannot be written\n" + etcd.log());
  }

  /** Writes some keys that no instance asks for, as others would. */
  void others(int n) {
    for (int i = 0; i < n; i++) {
      put("other-" + i % 5, "{\"qps\": " + (1000 + i) + ", \"match\": \"path == '/nowhere'\"}");
    }
  }

  /** Writes until etcd takes no more. */
  void fill() {
    String value = base64("x".repeat(400_000));
    Await.until(
        LIMIT,
        () ->
            !ask(
                "put",
                "{\"key\":\""
                    + base64("/fill/" + MARK.incrementAndGet())
                    + "\",\"value\":\""
                    + value
                    + "\"}"),
        () -> "etcd took everything");
  }

  /**
   * Changes what is in force without changing what the traffic is to see: a limit nobody reaches,
   * another text for the rule that holds back, a rule that comes and goes.
   */
  void change(int n) {
    put("high", "{\"qps\": " + (100_000 + n) + ", \"burst\": " + (100_000 + n) + "}");
    if (n % 3 == 0) {
      put(
          "held",
          Traffic.HELD_RULE.replace(
              "{\"qps\"", "{\"response\": {\"body\": \"" + n + "\"}, \"qps\""));
    } else if (n % 3 == 1) {
      ctl("del", RULES + "other-1");
    } else {
      others(2);
    }
  }

  /** Throws the history away up to now. */
  void compact() {
    String status = ctl("endpoint", "status", "-w", "json");
    ctl("compact", status.replaceAll("(?s).*\"revision\":(\\d+).*", "$1"));
  }

  /** Runs {@code etcdctl} with the credentials there are; a busy etcd may take its time. */
  String ctl(String... command) {
    return run("60s", command);
  }

  /** The same once, and whether it was answered in time. */
  private boolean tried(String... command) {
    try {
      run("5s", command);
      return true;
    } catch (AssertionError refused) {
      return false;
    }
  }

  private String run(String limit, String... command) {
    List<String> all =
        new ArrayList<>(List.of("--command-timeout=" + limit, "--dial-timeout=" + limit));
    all.addAll(Arrays.asList(credentials));
    all.addAll(Arrays.asList(command));
    return alive().ctl(all.toArray(new String[0]));
  }

  /** Waits for the moment when a linearised read is answered, and returns it. */
  long awaitReads() {
    Await.until(LIMIT, this::reads, () -> "etcd does not answer\n" + etcd.log());
    return System.nanoTime();
  }

  private boolean reads() throws IOException, InterruptedException {
    if (gateway) {
      return ask("range", "{\"key\":\"" + base64("/any") + "\"}");
    }
    return tried("get", "/any");
  }

  private boolean ask(String what, String body) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(alive().endpoint() + "/v3/kv/" + what))
            .timeout(Duration.ofSeconds(2))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
  }

  private EtcdServer alive() {
    return servers.stream().filter(EtcdServer::isRunning).findFirst().orElse(etcd);
  }

  private static String base64(String s) {
    return Base64.getEncoder().encodeToString(s.getBytes(StandardCharsets.UTF_8));
  }

  // ---- what is in force

  /** Puts a rule nobody has seen and returns how many seconds after {@code since} all obey it. */
  double converged(long since) {
    return inForce(mark(), since);
  }

  /** The same from now on: what this machine needs when nothing is wrong. */
  double converged() {
    return converged(System.nanoTime());
  }

  /** Puts a rule nobody has seen. */
  String mark() {
    String mark = Integer.toString(MARK.incrementAndGet());
    put(
        "probe",
        "{\"qps\": 0, \"by\": [\"header:X-Weir-Probe\"], \"on_missing\": \"skip\", \"match\":"
            + " \"header:X-Weir-Probe == '"
            + mark
            + "'\", \"response\": {\"headers\": {\"X-Weir-Probe\": \""
            + mark
            + "\"}}}");
    marked = System.nanoTime();
    return mark;
  }

  /** Waits until every JVM obeys a {@link #mark}; seconds after {@code since}. */
  double inForce(String mark, long since) {
    counted = since;
    obeyed.clear();
    for (int i = 0; i < jvms.size(); i++) {
      Jvm jvm = jvms.get(i);
      int n = i;
      if (probes.size() <= n) {
        probes.add(null);
      }
      Await.until(
          LIMIT,
          () -> {
            try {
              if (probes.get(n) == null) {
                probes.set(n, new Raw(jvm.port()));
              }
              Raw.Answer answer = probes.get(n).get("/hello", "X-Weir-Probe: " + mark);
              if ("close".equalsIgnoreCase(answer.header("Connection"))) {
                probes.set(n, null);
              }
              return mark.equals(answer.header("X-Weir-Probe"));
            } catch (IOException e) {
              probes.set(n, null);
              return false;
            }
          },
          () -> "not in force\n" + jvm.told());
      obeyed.add(System.nanoTime());
    }
    return (System.nanoTime() - since) / 1e9;
  }

  /** Where the time of the last {@link #converged} or {@link #inForce} went. */
  String parts() {
    StringBuilder told =
        new StringBuilder(
            String.format(Locale.ROOT, "the rule was written at %.2f s", (marked - counted) / 1e9));
    for (int i = 0; i < obeyed.size(); i++) {
      told.append(
          String.format(
              Locale.ROOT,
              ", JDK %d obeyed at %.2f s",
              jdks.get(i).version(),
              (obeyed.get(i) - counted) / 1e9));
    }
    return told.toString();
  }

  /** What the JVMs said from {@code seconds} before the count of {@link #parts} began. */
  String saidMeanwhile(double seconds) {
    StringBuilder told = new StringBuilder();
    for (int i = 0; i < jvms.size(); i++) {
      told.append("JDK ").append(jdks.get(i).version()).append('\n');
      for (String line : jvms.get(i).stderrSince(counted - (long) (seconds * 1e9))) {
        told.append("  ").append(line).append('\n');
      }
    }
    return told.toString();
  }

  /** Whether every JVM lets a call with this header pass. */
  boolean passes(String header) {
    return jvms.stream()
        .allMatch(
            jvm -> {
              try (Raw http = new Raw(jvm.port())) {
                return http.get("/hello", header).status() == 200;
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
  }

  /** Waits until every JVM has said this on stderr. */
  void awaitSaid(String text) {
    jvms.forEach(j -> j.awaitStderr(text));
  }

  /** What each JVM holds now. */
  List<Vitals> vitals() {
    List<Vitals> all = new ArrayList<>();
    for (int i = 0; i < jvms.size(); i++) {
      all.add(Vitals.of(jdks.get(i), jvms.get(i)));
    }
    return all;
  }

  /** Whether every JVM has said this in one line, not in many. */
  boolean saidOnce(String text) {
    return jvms.stream()
        .allMatch(j -> j.stderr().stream().filter(l -> l.contains(text)).count() == 1);
  }

  @Override
  public void close() {
    if (traffic != null) {
      traffic.close();
    }
    jvms.forEach(Jvm::kill);
    jvms.forEach(Jvm::close);
    proxy.close();
    mute.close();
    servers.forEach(EtcdServer::close);
  }
}
