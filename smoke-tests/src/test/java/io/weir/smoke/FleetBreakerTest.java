package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One breaker for the fleet: three real JVMs under the agent call one target, share its breaker
 * through a real etcd, and the processes are killed, paused and cut off as they would be.
 *
 * <p>The target fails for one caller only, so whoever refuses besides that one has never seen a
 * failure.
 */
@ParameterizedClass(name = "{0}")
@ValueSource(strings = {"okhttp", "grpc"})
class FleetBreakerTest {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final String RULE =
      "{\"window\": {\"type\": \"count\", \"size\": 10}, \"min_calls\": 10, \"failure_ratio\": 0.6,"
          + " \"probe_successes\": 3, \"ramp_seconds\": 0, \"record\": {\"status\": [\"5xx\"],"
          + " \"grpc\": [\"INTERNAL\", \"UNAVAILABLE\"]}";

  /** One witness opens for all, at once, and traffic comes back at once. */
  private static final String ALONE = RULE + ", \"quorum\": 1, \"min_seconds\": 0";

  private static EtcdServer etcd;

  private final String library;
  private final String service = "pay-" + NUMBER.incrementAndGet();
  private final Map<String, Jvm> callers = new LinkedHashMap<>();
  private final String classpath;
  private Jvm target;

  FleetBreakerTest(String library) {
    this.library = library;
    String jars =
        library.equals("grpc")
            ? Maven.resolve("io.grpc:grpc-netty-shaded:1.60.2", "io.grpc:grpc-stub:1.60.2")
            : Maven.resolve("com.squareup.okhttp3:okhttp:4.12.0");
    classpath = Apps.with(Apps.compile(List.of("fleet", "fleet-" + library), jars, Map.of()), jars);
  }

  private synchronized EtcdServer etcd() {
    if (etcd == null) {
      etcd = EtcdServer.start();
    }
    return etcd;
  }

  private Jdk jdk() {
    return Jdk.find(17).orElseThrow();
  }

  private void start(String rule) {
    start(rule, "a", "b", "c");
  }

  private void start(String rule, String... names) {
    target = Jvm.of(jdk(), classpath, "fleet.Target").start();
    etcd().ctl("put", "/service/" + service + "/circuit-breaker", rule);
    for (String name : names) {
      callers.put(name, caller(name));
    }
    callers.values().forEach(Jvm::awaitReady);
    callers.values().forEach(j -> j.awaitStderr("connected to"));
  }

  private Jvm caller(String name) {
    return caller(name, target.port());
  }

  /**
   * @param port where it finds the target
   */
  private Jvm caller(String name, int port) {
    return caller(name, port, "");
  }

  private Jvm caller(String name, int port, String options) {
    return builder(name, port, options).launch();
  }

  private Jvm.Builder builder(String name, int port, String options) {
    return Jvm.of(jdk(), classpath, "fleet.Caller")
        .weir(
            "service=shop;instance.address="
                + name
                + ":1;etcd.endpoints="
                + etcd().endpoint()
                + ";services."
                + service
                + "=127.0.0.1:"
                + port
                + options)
        .arguments(name, Integer.toString(port));
  }

  @AfterEach
  void stop() {
    callers.values().forEach(Jvm::close);
    if (target != null) {
      target.close();
    }
    etcd().ctl("del", "--prefix", "/service/" + service);
    etcd().ctl("del", "--prefix", "/services/" + service);
    etcd().ctl("del", "--prefix", "/circuit-breaker/" + service);
  }

  @Test
  void oneTripOpensForAllAndThreeGoodProbesOfOneProberCloseForAll() {
    start(ALONE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    List<Long> opening = new ArrayList<>();
    List<Long> closing = new ArrayList<>();
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    for (int cycle = 0; cycle < 12; cycle++) {
      long began = System.nanoTime();
      tell("arm");
      tell("fail a");
      long first = edge(callers.get("a"), "refused", began);
      opening.add(edge(callers.get("b"), "refused", began) - first);
      opening.add(edge(callers.get("c"), "refused", began) - first);
      long all = System.nanoTime();
      tell("mend");
      for (Jvm j : callers.values()) {
        edge(j, "admitted", all);
      }
      List<String[]> hits = hits(all);
      String prober = hits.get(0)[1];
      assertThat(hits.subList(0, 3))
          .as("the first three calls after opening")
          .allMatch(h -> h[1].equals(prober));
      long third = Long.parseLong(hits.get(2)[2]);
      callers.forEach(
          (name, j) -> {
            if (!name.equals(prober)) {
              closing.add(edge(j, "admitted", all) - third);
            }
          });
      assertThat(hits.stream().filter(h -> !h[1].equals(prober)).map(h -> Long.parseLong(h[2])))
          .as("nobody but the prober called before the third good probe")
          .allMatch(at -> at > third);
      tell("disarm");
    }
    System.out.println(figures("opening reaches an instance that saw no failure", opening));
    System.out.println(figures("closing reaches an instance after the third good probe", closing));
  }

  @Test
  void theStateKeyReadsAsTheArticleSays() {
    start(ALONE + ", \"open_seconds\": 60}", "a");
    trip();
    String key = "/circuit-breaker/" + service + "/state";
    Await.until(
        SOON,
        () -> etcd().ctl("get", key).contains("\"open\""),
        () -> etcd().ctl("get", "--prefix", "/circuit-breaker"));
    String state = etcd().ctl("get", "--print-value-only", key);
    assertThat(state)
        .startsWith("{\"state\":\"open\",\"failure_count\":")
        .containsPattern("\"window_start\":[0-9]{13},");
    String lease =
        etcd()
            .ctl("get", "-w", "fields", key)
            .lines()
            .filter(l -> l.startsWith("\"Lease\" : "))
            .map(l -> Long.toHexString(Long.parseLong(l.substring(10))))
            .findFirst()
            .orElseThrow();
    assertThat(etcd().ctl("lease", "timetolive", lease)).contains("granted with TTL(60s)");
  }

  @Test
  void anotherTakesOverWhenTheProberIsKilled() {
    start(ALONE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    String prober = hangingProber();
    callers.get(prober).kill();
    callers.remove(prober);
    tell("mend");
    callers.values().forEach(j -> edge(j, "admitted", j.since()));
  }

  @Test
  void theLateResultOfAPausedProberIsDiscarded() {
    start(ALONE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    String prober = hangingProber();
    Jvm paused = callers.get(prober);
    paused.signal("STOP");
    tell("mend");
    callers.forEach(
        (name, j) -> {
          if (!name.equals(prober)) {
            edge(j, "admitted", j.since());
          }
        });
    String epoch =
        etcd().ctl("get", "--print-value-only", "/circuit-breaker/" + service + "/epoch");
    paused.signal("CONT");
    edge(paused, "admitted", paused.since());
    assertThat(etcd().ctl("get", "--print-value-only", "/circuit-breaker/" + service + "/epoch"))
        .isEqualTo(epoch);
  }

  @Test
  void withoutEtcdTheOpenStateHoldsAndEndsLocallyAndIsReconciledAfterwards() {
    start(ALONE + ", \"open_seconds\": 2, \"max_open_seconds\": 2}");
    trip();
    etcd().stop();
    tell("mend");
    callers.values().forEach(j -> edge(j, "admitted", j.since()));
    etcd().restart();
    Await.until(
        Duration.ofSeconds(60),
        () ->
            !etcd()
                .ctl("get", "--print-value-only", "/circuit-breaker/" + service + "/state")
                .contains("\"open\""),
        () -> etcd().ctl("get", "--prefix", "/circuit-breaker"));
    callers.values().forEach(j -> Await.until(SOON, () -> once(j).equals("ok"), j::told));
  }

  @Test
  void aFleetRestartedWhileOpenStaysOpen() {
    start(ALONE + ", \"open_seconds\": 60}");
    trip();
    tell("mend");
    Await.until(
        SOON,
        () -> etcd().ctl("get", "/circuit-breaker/" + service + "/state").contains("\"open\""),
        () -> "the fleet has not heard of it");
    callers.values().forEach(Jvm::close);
    callers.replaceAll((name, old) -> caller(name));
    callers.values().forEach(Jvm::awaitReady);
    callers.values().forEach(j -> Await.until(SOON, () -> once(j).equals("refused"), j::told));
  }

  @Test
  void anOperatorsHandOverridesEverything() {
    start(ALONE + ", \"open_seconds\": 60}", "a", "b");
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    long before = System.nanoTime();
    etcd().ctl("put", "/service/" + service + "/force", "open");
    callers.values().forEach(j -> edge(j, "refused", before));
    long after = System.nanoTime();
    etcd().ctl("del", "/service/" + service + "/force");
    callers.values().forEach(j -> edge(j, "admitted", after));
  }

  @Test
  void oneInstanceAloneCannotBlackOutTheFleetWhenTheQuorumIsTwo() {
    start(RULE + ", \"open_seconds\": 60, \"quorum\": 2}");
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    long before = System.nanoTime();
    tell("fail a");
    edge(callers.get("a"), "refused", before);
    Await.until(
        SOON,
        () ->
            !etcd()
                .ctl("get", "--prefix", "--keys-only", "/circuit-breaker/" + service + "/votes/")
                .isBlank(),
        () -> "no vote was cast");
    assertThat(once(callers.get("b"))).isEqualTo("ok");
    assertThat(once(callers.get("c"))).isEqualTo("ok");
    tell("fail all");
    callers.values().forEach(j -> edge(j, "refused", before));
  }

  @Test
  void aClientWhoseOwnNetworkIsBrokenCannotBlackOutTheFleetWhenTheQuorumIsTwo() {
    target = Jvm.of(jdk(), classpath, "fleet.Target").start();
    try (TcpProxy network = new TcpProxy(target.port())) {
      etcd()
          .ctl(
              "put",
              "/service/" + service + "/circuit-breaker",
              RULE + ", \"open_seconds\": 60, \"quorum\": 2}");
      callers.put("a", caller("a", network.port()));
      callers.put("b", caller("b", target.port()));
      callers.put("c", caller("c", target.port()));
      callers.values().forEach(Jvm::awaitReady);
      callers.values().forEach(j -> j.awaitStderr("connected to"));
      callers.values().forEach(j -> j.say("go"));
      callers.values().forEach(j -> edge(j, "admitted", 0));
      network.refuse(true);
      // what the library says itself and what the agent says look the same to a gRPC caller: the
      // vote is the proof that its breaker has opened
      Await.until(
          Duration.ofSeconds(60),
          () ->
              !etcd()
                  .ctl("get", "--prefix", "--keys-only", "/circuit-breaker/" + service + "/votes/")
                  .isBlank(),
          () -> "no vote was cast\n" + callers.get("a").told());
      for (String well : List.of("b", "c")) {
        assertThat(once(callers.get(well))).as(well).isEqualTo("ok");
      }
      assertThat(etcd().ctl("get", "/circuit-breaker/" + service + "/epoch"))
          .as("the fleet has not opened")
          .isBlank();
      assertThat(callers.get("b").stdout().stream().filter(l -> l.startsWith("EDGE refused")))
          .isEmpty();
    }
  }

  @Test
  void whatOpensForWhomWhenTheRuleSaysNothing() {
    start(RULE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    // a sick caller beside two healthy ones closes nothing but itself
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    long sick = System.nanoTime();
    tell("fail a");
    edge(callers.get("a"), "refused", sick);
    await("an objection", () -> !key("objections/").isBlank());
    await("a's next try fails as well", () -> key("votes/a").contains("\"failures\""));
    stays(2_500, () -> key("epoch").isBlank());
    assertThat(refusals("b", sick) + refusals("c", sick)).isZero();
    long well = System.nanoTime();
    tell("mend");
    edge(callers.get("a"), "admitted", well);
    await("a takes its vote back", () -> key("votes/").isBlank());
    callers.values().forEach(j -> j.say("stop"));
    await("nobody objects to nothing", () -> key("objections/").isBlank());

    // a dead target with one caller of little traffic opens for all after a second
    tell("fail all");
    await("it refuses", () -> once(callers.get("a")).equals("refused"));
    await("the fleet is open", () -> key("state").contains("one witness, nobody objects"));
    assertThat(once(callers.get("b"))).isEqualTo("refused");
    assertThat(once(callers.get("c"))).isEqualTo("refused");
    tell("mend");
    await(
        "it closes", () -> once(callers.get("a")).equals("ok") && key("epoch").contains("closed"));

    // two witnesses open it at once
    long dead = System.nanoTime();
    tell("fail all");
    callers.get("b").say("go");
    callers.get("c").say("go");
    edge(callers.get("b"), "refused", dead);
    edge(callers.get("c"), "refused", dead);
    await("the fleet is open", () -> key("state").contains("two witnesses"));
    assertThat(once(callers.get("a"))).isEqualTo("refused");
  }

  @Test
  void aZoneThatIsCutOffCannotCloseATargetTheOtherZoneSeesWell() {
    target = Jvm.of(jdk(), classpath, "fleet.Target").start();
    try (TcpProxy east = new TcpProxy(target.port())) {
      etcd()
          .ctl("put", "/service/" + service + "/circuit-breaker", RULE + ", \"open_seconds\": 60}");
      for (String name : List.of("e1", "e2")) {
        callers.put(name, caller(name, east.port(), ";zone=east"));
      }
      for (String name : List.of("w1", "w2")) {
        callers.put(name, caller(name, target.port(), ";zone=west"));
      }
      callers.values().forEach(Jvm::awaitReady);
      callers.values().forEach(j -> j.awaitStderr("connected to"));
      callers.values().forEach(j -> j.say("go"));
      callers.values().forEach(j -> edge(j, "admitted", 0));
      long cut = System.nanoTime();
      east.refuse(true);
      await(
          "both vote",
          () -> key("votes/").contains("votes/e1") && key("votes/").contains("votes/e2"));
      await("an objection", () -> !key("objections/").isBlank());
      stays(2_500, () -> key("epoch").isBlank());
      assertThat(refusals("w1", cut) + refusals("w2", cut)).isZero();
    }
  }

  @Test
  void fourteenBadAnswersAndMoreWithinASecondOpenNothing() {
    start(RULE + ", \"open_seconds\": 60}");
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    Await.until(
        Duration.ofSeconds(60),
        () -> {
          tell("arm");
          long began = System.nanoTime();
          tell("fail a");
          Await.until(
              SOON,
              () -> hits(began).stream().filter(h -> h[1].equals("a")).count() >= 14,
              target::told);
          tell("mend");
          tell("disarm");
          return System.nanoTime() - began < 900_000_000L; // else the machine was too slow: again
        },
        () -> "no burst of less than a second");
    long since = System.nanoTime();
    stays(2_000, () -> key("epoch").isBlank());
    assertThat(key("votes/")).isBlank();
    assertThat(refusals("a", since) + refusals("b", 0) + refusals("c", 0)).isZero();
  }

  @Test
  void aServicesOwnErrorsOpenForTheInstanceThatGotThemAndForNoOther() {
    start(
        "{\"window\": {\"type\": \"count\", \"size\": 10}, \"min_calls\": 10, \"failure_ratio\":"
            + " 0.6, \"ramp_seconds\": 0, \"open_seconds\": 60}");
    tell("plain");
    tell("fail a");
    callers.get("a").say("go");
    tell("arm");
    await("it opens", () -> standsStill("a"));
    stays(2_000, () -> key("epoch").isBlank() && key("votes/").isBlank());
    assertThat(once(callers.get("b"))).isEqualTo("ok");
    assertThat(once(callers.get("c"))).isEqualTo("ok");
  }

  @Test
  void whatTheTargetsOwnWeirRefusesOpensNothing() {
    start(RULE + ", \"open_seconds\": 60}");
    etcd()
        .ctl(
            "put",
            "/services/" + service + "/instances/127.0.0.1:" + target.port(),
            library.equals("grpc") ? "{\"protocol\": \"grpc\"}" : "alive");
    callers.values().forEach(this::awaitRegistered);
    tell("shed");
    tell("fail all");
    callers.values().forEach(j -> j.say("go"));
    stays(3_000, () -> key("epoch").isBlank() && key("votes/").isBlank());
    tell("arm");
    long now = System.nanoTime();
    for (String name : callers.keySet()) {
      await(name + " still calls", () -> hits(now).stream().anyMatch(h -> h[1].equals(name)));
    }
  }

  @Test
  void aCallerWhoseNameServiceIsBrokenClosesNothingForOthers() {
    start(RULE + ", \"open_seconds\": 60}", "b", "c");
    callers.put(
        "a",
        Jvm.of(jdk(), classpath, "fleet.Caller")
            .weir(
                "service=shop;instance.address=a:1;etcd.endpoints="
                    + etcd().endpoint()
                    + ";services."
                    + service
                    + "=nosuch.invalid:"
                    + target.port())
            .arguments("a", Integer.toString(target.port()), "nosuch.invalid")
            .start());
    callers.get("a").awaitStderr("connected to");
    // b and c have no traffic, so nobody would contradict
    callers.get("a").say("go");
    if (library.equals("okhttp")) {
      edge(callers.get("a"), "refused", 0); // gRPC's own answer looks like a refusal
    }
    stays(5_000, () -> key("epoch").isBlank() && key("votes/").isBlank());
    assertThat(once(callers.get("b"))).isEqualTo("ok");
    assertThat(once(callers.get("c"))).isEqualTo("ok");
  }

  @Test
  void whoObjectedAndStandsStillNoLongerSpeaksForTheTarget() {
    start(RULE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}", "a", "b", "c");
    Jvm objector = callers.get("b");
    callers.get("a").say("go");
    objector.say("go");
    edge(callers.get("a"), "admitted", 0);
    edge(objector, "admitted", 0);
    tell("fail a");
    await("b objects", () -> key("objections/").contains("\"by\":\"b:1~"));
    objector.signal("STOP");
    // its lease runs out, and a's next bad probe finds nobody who contradicts
    Await.until(
        Duration.ofSeconds(60),
        () -> key("state").contains("one witness, nobody objects"),
        () -> key(""));
    assertThat(once(callers.get("c"))).isEqualTo("refused");
    assertThat(key("objections/")).isBlank();
    long woken = System.nanoTime();
    objector.signal("CONT");
    edge(objector, "refused", woken);
    assertThat(key("objections/")).as("what it knew is of an old epoch").isBlank();
    long well = System.nanoTime();
    tell("mend");
    edge(objector, "admitted", well);
    edge(callers.get("a"), "admitted", well);
  }

  @Test
  void whatAPausedVoterKnewOpensNothingWhenItWakes() {
    start(RULE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    tell("fail a");
    await("a votes", () -> key("votes/a").contains("\"failures\""));
    await("somebody objects", () -> !key("objections/").isBlank());
    Jvm voter = callers.get("a");
    voter.signal("STOP");
    // the fleet opens and closes without it
    long dead = System.nanoTime();
    tell("fail all");
    edge(callers.get("b"), "refused", dead);
    edge(callers.get("c"), "refused", dead);
    await("the fleet is open", () -> key("epoch").contains("\"e\":1,"));
    long well = System.nanoTime();
    tell("mend");
    edge(callers.get("b"), "admitted", well);
    edge(callers.get("c"), "admitted", well);
    await("it is closed", () -> key("epoch").contains("\"phase\":\"closed\""));
    String epoch = key("epoch");
    long woken = System.nanoTime();
    voter.signal("CONT");
    edge(voter, "admitted", woken);
    stays(2_000, () -> key("epoch").equals(epoch) && key("votes/").isBlank());
    assertThat(refusals("b", woken) + refusals("c", woken)).isZero();
  }

  @Test
  void wallClocksThatAreHoursApartDecideNothing() throws Exception {
    String library = SteppedClock.library();
    target = Jvm.of(jdk(), classpath, "fleet.Target").start();
    etcd()
        .ctl(
            "put",
            "/service/" + service + "/circuit-breaker",
            RULE + ", \"open_seconds\": 1, \"max_open_seconds\": 1}");
    Map<String, Duration> ahead =
        Map.of("a", Duration.ofHours(1), "b", Duration.ofHours(-1), "c", Duration.ZERO);
    for (String name : List.of("a", "b", "c")) {
      Path clock = SteppedClock.file(service + "-" + name);
      SteppedClock.step(clock, ahead.get(name));
      callers.put(
          name,
          builder(name, target.port(), "")
              .env("LD_PRELOAD", library)
              .env("STEPPED_CLOCK", clock.toString())
              .launch());
    }
    callers.values().forEach(Jvm::awaitReady);
    callers.values().forEach(j -> j.awaitStderr("connected to"));
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    long sick = System.nanoTime();
    tell("fail a");
    edge(callers.get("a"), "refused", sick);
    await("an objection", () -> !key("objections/").isBlank());
    stays(2_500, () -> key("epoch").isBlank());
    long dead = System.nanoTime();
    tell("fail all");
    callers.values().forEach(j -> edge(j, "refused", dead));
    await("the fleet is open", () -> key("state").contains("two witnesses"));
    long well = System.nanoTime();
    tell("mend");
    callers.values().forEach(j -> edge(j, "admitted", well));
    await("it is closed", () -> key("epoch").contains("\"phase\":\"closed\""));
  }

  /** Keys of this breaker under that name, with what they say. */
  private String key(String name) {
    return etcd().ctl("get", "--prefix", "/circuit-breaker/" + service + "/" + name);
  }

  private void await(String what, BooleanSupplier is) {
    Await.until(
        SOON,
        is::getAsBoolean,
        () -> "not within time: " + what + " (" + library + ")\n" + key(""));
  }

  /** Looks for so long that what may not happen would have happened. */
  private void stays(int millis, BooleanSupplier is) {
    long since = System.nanoTime();
    await(
        "a while passes",
        () -> {
          assertThat(is.getAsBoolean()).as(() -> key("")).isTrue();
          return System.nanoTime() - since > millis * 1_000_000L;
        });
  }

  /** A rule that came after the registration is obeyed, so the registration is known. */
  private void awaitRegistered(Jvm caller) {
    String key = "/service/" + service + "/rate-limit";
    etcd().ctl("put", key, "{\"qps\": 0, \"side\": \"client\"}");
    await("it is refused", () -> !once(caller).equals("ok"));
    etcd().ctl("del", key);
    await("it is admitted", () -> once(caller).equals("ok"));
  }

  /** Whether no call of it has reached the target for half a second. */
  private boolean standsStill(String caller) {
    long since = System.nanoTime();
    List<String[]> all = hits(0).stream().filter(h -> h[1].equals(caller)).toList();
    return !all.isEmpty()
        && since - Long.parseLong(all.get(all.size() - 1)[2]) > 500_000_000L
        && once(callers.get(caller)) != null
        && hits(since).stream().noneMatch(h -> h[1].equals(caller));
  }

  /** How often a caller's answer has changed to a refusal. */
  private long refusals(String caller, long since) {
    return callers.get(caller).stdout().stream()
        .map(l -> l.split(" "))
        .filter(w -> w[0].equals("EDGE") && w[1].equals("refused"))
        .filter(w -> Long.parseLong(w[2]) >= since)
        .count();
  }

  /** Opens by failures of caller a alone, and waits until all refuse. */
  private void trip() {
    callers.values().forEach(j -> j.say("go"));
    callers.values().forEach(j -> edge(j, "admitted", 0));
    long before = System.nanoTime();
    tell("fail a");
    callers.values().forEach(j -> edge(j, "refused", before));
    callers.values().forEach(Jvm::mark);
  }

  /** Opens, lets the first probe hang in the target, and tells whose it is. */
  private String hangingProber() {
    trip();
    tell("hang");
    long from = System.nanoTime();
    tell("arm");
    Await.until(
        SOON,
        () -> !hits(from).isEmpty(),
        () -> "no probe came\n" + etcd().ctl("get", "--prefix", "/circuit-breaker"));
    callers.values().forEach(Jvm::mark);
    return hits(from).get(0)[1];
  }

  private void tell(String line) {
    int done = (int) target.stdout().stream().filter(("DONE " + line)::equals).count();
    target.say(line);
    Await.until(
        SOON,
        () -> target.stdout().stream().filter(("DONE " + line)::equals).count() > done,
        target::told);
  }

  private String once(Jvm caller) {
    int before = (int) caller.stdout().stream().filter(l -> l.startsWith("ONCE ")).count();
    caller.say("once");
    String[] said = new String[1];
    Await.until(
        SOON,
        () -> {
          List<String> all = caller.stdout().stream().filter(l -> l.startsWith("ONCE ")).toList();
          if (all.size() > before) {
            said[0] = all.get(before).split(" ")[1];
          }
          return said[0] != null;
        },
        caller::told);
    return said[0];
  }

  /** When the caller's answer first changed to {@code kind} after {@code since}. */
  private long edge(Jvm caller, String kind, long since) {
    long[] at = new long[1];
    Await.until(
        Duration.ofSeconds(60),
        () -> {
          for (String line : caller.stdout()) {
            String[] w = line.split(" ");
            if (w[0].equals("EDGE") && w[1].equals(kind) && Long.parseLong(w[2]) >= since) {
              at[0] = Long.parseLong(w[2]);
              return true;
            }
          }
          return false;
        },
        () ->
            "no change to "
                + kind
                + " ("
                + library
                + ")\n"
                + caller.told()
                + "\n"
                + etcd().ctl("get", "--prefix", "/circuit-breaker"));
    return at[0];
  }

  private List<String[]> hits(long since) {
    return target.stdout().stream()
        .filter(l -> l.startsWith("HIT "))
        .map(l -> l.split(" "))
        .filter(h -> Long.parseLong(h[2]) >= since)
        .toList();
  }

  private String figures(String what, List<Long> nanos) {
    Collections.sort(nanos);
    return String.format(
        "%s (%s, n=%d): p50 %.1f ms, p99 %.1f ms, max %.1f ms",
        what,
        library,
        nanos.size(),
        nanos.get(nanos.size() / 2) / 1e6,
        nanos.get(Math.min(nanos.size() - 1, (int) (nanos.size() * 0.99))) / 1e6,
        nanos.get(nanos.size() - 1) / 1e6);
  }
}
