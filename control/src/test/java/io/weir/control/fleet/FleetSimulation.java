package io.weir.control.fleet;

import static io.weir.control.fleet.Laws.require;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.breaker.FleetLink;
import io.weir.engine.breaker.TargetHealth;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.rules.CircuitBreakerRule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * One seeded life of a fleet in virtual time: real breakers and real machines, a simulated etcd,
 * and a schedule of crashes, pauses, cuts, delays, lease expiries and outages, after which all is
 * quiet and everything has to come together again. The laws are judged at every commit.
 */
final class FleetSimulation {
  private static final long MS = 1_000_000L;
  private static final long S = 1000 * MS;
  private static final int SESSION_TTL = 10;
  private static final int MIN_CALLS = 6;
  private static final long QUIET = 90 * S;

  private record Event(long at, long order, Runnable run) {}

  /** What may go wrong; all of it by default. */
  static final class Faults {
    boolean any = true;
    UnaryOperator<FleetTransaction> sabotage = m -> m;
    Sabotage.Machine machine = Sabotage.Machine.SOUND;

    /** Nothing goes wrong but the target, all the time: to count what that costs. Null: chaos. */
    Burden burden;

    /** Nothing goes wrong but what this says. Null: chaos. */
    Scene scene;
  }

  /**
   * After {@link #SCENE_BEGINS} some callers do not reach the target any more; all of them: it is
   * dead.
   *
   * @param perSecond calls a second of each caller
   * @param cutOff the first so many callers are cut off
   * @param hosts the callers are spread over so many
   * @param zones those who are cut off are in a zone of their own
   * @param idle further callers without any traffic
   */
  record Scene(int callers, double perSecond, int cutOff, int hosts, boolean zones, int idle) {
    Scene(int callers, double perSecond, int cutOff) {
      this(callers, perSecond, cutOff, callers, false, 0);
    }
  }

  /** So long after its beginning a scene's windows are full and its samples taken. */
  static final long SCENE_BEGINS = 15 * S;

  private static final long SCENE_ENDS = 40 * S;

  /**
   * @param probesAreGood so that it closes, and trips again at once
   */
  record Burden(
      int instances, int seconds, int openSeconds, int maxOpenSeconds, boolean probesAreGood) {}

  /** What etcd had to do in one second of virtual time. */
  static final class Cost {
    int applied;
    int refused;

    /** Puts and deletes inside the transactions applied. */
    int writes;

    int grants;
    int revocations;

    void add(Cost o) {
      applied += o.applied;
      refused += o.refused;
      writes += o.writes;
      grants += o.grants;
      revocations += o.revocations;
    }

    /** Entries in etcd's log; a keep-alive makes none, and instances share their own leases. */
    int entries() {
      return applied + refused + grants + revocations;
    }
  }

  final long seed;
  private final Random random;
  private final Faults faults;
  private final int size;
  private final Scene scene;

  /** 0: auto. */
  private final int quorum;

  private final int hosts;
  private final int zones;
  private final long chaosNanos;
  private final PriorityQueue<Event> queue =
      new PriorityQueue<>(
          (a, b) -> a.at != b.at ? Long.compare(a.at, b.at) : Long.compare(a.order, b.order));
  private final SimEtcd etcd = new SimEtcd();
  private final Map<Long, Long> expiry = new HashMap<>();
  private final Map<Long, Integer> ttl = new HashMap<>();
  private final List<Node> nodes = new ArrayList<>();
  private final Deque<String> trace = new ArrayDeque<>();
  private long now;
  private long order;
  private boolean etcdUp = true;
  private boolean healthy = true;
  private int incarnations;

  // what the laws need to know beyond etcd's keys
  private long lastClosedAt = Long.MIN_VALUE;
  private long openSentAt;
  int openings;
  int commits;
  final List<Cost> costs = new ArrayList<>();
  int takeOvers;
  int probesLetIn;
  int mostCommitsInAPeriod;
  private int commitsInPeriod;
  int objections;
  int openedAlone;
  private final Map<String, Long> votedAt = new HashMap<>();

  /** Of a scene, in nanos since the first call failed; -1: never. */
  long firstRefuses = -1;

  long allRefuse = -1;
  private long firstFailure = -1;
  final List<String> openHere = new ArrayList<>();

  FleetSimulation(long seed, Faults faults) {
    this.seed = seed;
    this.faults = faults;
    random = new Random(seed);
    Burden b = faults.burden;
    scene = faults.scene;
    size =
        b != null
            ? b.instances
            : scene != null ? scene.callers + scene.idle : 2 + random.nextInt(7);
    int which = b != null || scene != null ? 0 : random.nextInt(6);
    quorum = which < 3 ? 0 : which == 3 ? 1 + random.nextInt(Math.min(3, size)) : 1;
    hosts = b != null ? size : scene != null ? scene.hosts : 1 + random.nextInt(size);
    zones = b != null || scene != null ? 0 : random.nextInt(4);
    chaosNanos =
        b != null
            ? b.seconds * S
            : scene != null ? SCENE_ENDS : faults.any ? (30 + random.nextInt(60)) * S : 60 * S;
    healthy = b == null;
  }

  /** What {@code {}} under a key says. */
  private static CircuitBreakerRule defaults() {
    RuleKey key = RuleKey.parse("/service/t/circuit-breaker");
    byte[] text = "{}".getBytes(StandardCharsets.UTF_8);
    return (CircuitBreakerRule) RuleParser.parse(key, text, "defaults").rules.get(0);
  }

  int size() {
    return size;
  }

  private long open() {
    return scene != null ? 60 * S : faults.burden == null ? 5 * S : faults.burden.openSeconds * S;
  }

  private long maxOpen() {
    return scene != null
        ? 300 * S
        : faults.burden == null ? 20 * S : faults.burden.maxOpenSeconds * S;
  }

  private Cost cost() {
    while (costs.size() <= now / S) {
      costs.add(new Cost());
    }
    return costs.get((int) (now / S));
  }

  // ---- one instance

  private final class Node implements FleetLink {
    final int number;
    final String id;
    final long clock = random.nextLong() >> 8;
    final FleetMachine machine;
    final CircuitBreakers breakers;
    final CircuitBreaker breaker;
    final FailureDomain site;
    final TargetHealth sight;
    boolean contested;
    boolean well;

    /** Calls that ended in this era: when they began, and 1 for good ones. */
    final Deque<long[]> lately = new ArrayDeque<>();

    int roles;
    boolean alive = true;
    boolean cut;
    boolean brokenNetwork;
    long pausedUntil;
    long silentUntil;
    int seen;
    long session;
    long timer;
    long evidenceSince;
    int permits;
    final long interval =
        scene != null
            ? (long) (S / scene.perSecond)
            : faults.burden == null && random.nextInt(4) == 0
                ? (1400 + random.nextInt(500)) * MS // about as many as it takes to object
                : (20 + random.nextInt(180)) * MS;

    Node(int number) {
      this.number = number;
      id = "n" + number + "." + incarnations++;
      FleetMachine.Settings s =
          new FleetMachine.Settings(open(), maxOpen(), 2 * S, quorum, 0, 500 * MS);
      boolean east = scene != null && scene.zones && number < scene.cutOff;
      site =
          new FailureDomain(
              scene != null && number >= scene.callers ? "idle" : "h" + number % hosts,
              scene != null
                  ? scene.zones ? east ? "east" : "west" : ""
                  : zones < 2 ? "" : "z" + number % hosts % zones);
      machine = faults.machine.of(id, site, s, random.nextLong());
      CircuitBreakerRule rule =
          scene != null
              ? defaults()
              : CircuitBreakerRule.builder()
                  .service("t")
                  .countWindow(10)
                  .minCalls(MIN_CALLS)
                  .failureRatio(0.5)
                  .openNanos(open())
                  .maxOpenNanos(maxOpen())
                  .probeTimeoutNanos(2 * S)
                  .build();
      Random own = new Random(random.nextLong());
      breakers =
          CircuitBreakers.build(
              "t", null, Collections.singletonList(rule), local(), own::nextDouble);
      breaker = breakers.all().get(0);
      breaker.link(this);
      sight = new TargetHealth(breaker);
      later(delay(), this::start);
      later(random.nextInt(200) * MS, this::call);
    }

    long local() {
      return now + clock;
    }

    /** Runs on this instance, after its pause when it is paused; never when it has crashed. */
    void later(long delay, Runnable task) {
      at(
          now + delay,
          () -> {
            if (!alive) {
              return;
            }
            if (now < pausedUntil) {
              later(pausedUntil - now, task);
              return;
            }
            task.run();
            pump();
          });
    }

    boolean reaches() {
      return etcdUp && !cut;
    }

    void start() {
      if (!reaches()) {
        later(500 * MS, this::start);
        return;
      }
      session = lease(SESSION_TTL);
      machine.leaseGranted(local());
      etcd.keys.forEach((k, c) -> machine.see(k, c.value(), c.mod()));
      seen = etcd.log.size();
      machine.connected(true, local());
      machine.viewed(false, local());
      see();
      later(3 * S, this::keepAlive);
      later(random.nextInt(1000) * MS, this::look);
    }

    /** As {@code FleetCoordinator} does it. */
    void look() {
      sight.look(local());
      if (contested) {
        see();
      }
      later(S, this::look);
    }

    void see() {
      boolean before = contested;
      contested = machine.contested();
      if (!contested) {
        well = false;
        return;
      }
      if (!before) {
        sight.mark(local());
      }
      well = sight.well(well, local());
      machine.sees(sight.epoch(), well, sight.calls(), sight.failures(), local());
    }

    /** Whether it had calls enough in the last ten seconds, most of them good. */
    boolean sawWell() {
      int calls = 0;
      int good = 0;
      for (long[] c : lately) {
        calls += now - c[0] <= 11 * S ? 1 : 0;
        good += now - c[0] <= 11 * S ? (int) c[1] : 0;
      }
      return calls >= MIN_CALLS / 2 && good * 2 > calls;
    }

    void keepAlive() {
      if (reaches()) {
        if (etcd.leaseLives(session)) {
          expiry.put(session, now + SESSION_TTL * S);
        } else {
          machine.leaseLost(local());
          session = lease(SESSION_TTL);
          machine.leaseGranted(local());
        }
      }
      later(3 * S + random.nextInt(300) * MS, this::keepAlive);
    }

    void pull() {
      if (!reaches()) {
        return;
      }
      boolean any = false;
      while (seen < etcd.log.size()) {
        etcd.log
            .get(seen++)
            .changes()
            .forEach(
                (k, c) -> {
                  if (c == null) {
                    machine.gone(k);
                  } else {
                    machine.see(k, c.value(), c.mod());
                  }
                });
        any = true;
      }
      if (any) {
        machine.viewed(false, local());
        see();
      }
    }

    void pump() {
      FleetTransaction m = machine.takeMove();
      if (m != null) {
        send(m);
      }
      breaker.force(machine.force());
      DesiredState r = machine.takeRole();
      if (r != null) {
        note(id + " is " + r);
        permits = 0;
        roles++;
        if (faults.machine != Sabotage.Machine.FORGETFUL) {
          lately.clear();
        }
        switch (r.kind) {
          case CLOSED -> breaker.imposeClosed(r.epoch, local());
          case OPEN -> {
            breaker.imposeOpen(r.epoch, r.attempt, r.until, true, local());
            refuses();
          }
          case ALONE -> breaker.imposeOpen(r.epoch, r.attempt, r.until, false, local());
          case WAITING -> breaker.imposeWaiting(r.epoch, r.attempt, local());
          case PROBER -> breaker.imposeProber(r.epoch, r.attempt, r.fence, local());
        }
      }
      long next = machine.nextTick(local());
      if (next != Long.MAX_VALUE && next != timer) {
        timer = next;
        later(
            next - local(),
            () -> {
              timer = 0;
              see();
              machine.tick(local());
            });
      }
    }

    void send(FleetTransaction move) {
      FleetTransaction m = faults.sabotage.apply(move);
      note(id + " sends " + m);
      long sent = now;
      long sentSession = session;
      long evidence =
          move.kind != FleetTransaction.Kind.OBJECT
              ? evidenceSince
              : lately.isEmpty() ? Long.MIN_VALUE : lately.peekFirst()[0];
      boolean saw = sawWell();
      boolean[] done = new boolean[1];
      if (!reaches()) {
        later(2 * S, () -> machine.answered(false, local()));
        return;
      }
      long expiring = 0;
      if (m.ttlSeconds > 0) {
        expiring = lease(m.ttlSeconds);
        cost().grants++;
      }
      long ofState = expiring;
      later(
          2 * S,
          () -> {
            if (!done[0]) {
              done[0] = true;
              machine.answered(false, local());
            }
          });
      // the request arrives whatever becomes of its sender
      at(
          now + rareLongDelay(),
          () -> {
            if (!reaches()) {
              return;
            }
            boolean lease = etcd.leasesLive(m, sentSession, ofState);
            apply(this, m, sentSession, ofState, sent, evidence, saw);
            later(
                rareLongDelay(),
                () -> {
                  if (!done[0] && reaches()) {
                    done[0] = true;
                    machine.answered(lease, local());
                  }
                });
          });
    }

    // -- traffic

    void call() {
      if (scene != null && number >= scene.callers) {
        return;
      }
      later(interval, this::call);
      if (now < silentUntil) {
        return;
      }
      CallLedger t = new CallLedger();
      t.begin(local(), null);
      boolean in = breakers.admit(NO_ATTRIBUTES, "", local(), t);
      if (machine.force() == CircuitBreakerRule.Force.OPEN) {
        require(!in, "forced open lets nothing pass", id);
      }
      if (!in) {
        return;
      }
      long began = now;
      int role = roles;
      boolean counts = breaker.state().equals("closed");
      if (machine.role() != null
          && machine.role().kind == DesiredState.Kind.PROBER
          && machine.force() == CircuitBreakerRule.Force.NONE) {
        probesLetIn++;
        permits++;
        require(permits <= 3, "half-open admits no more than the probes", id, permits);
      }
      int fate = faults.burden != null || scene != null ? 1000 : random.nextInt(1000);
      boolean spared =
          faults.burden != null
              && faults.burden.probesAreGood
              && machine.role() != null
              && machine.role().kind == DesiredState.Kind.PROBER;
      if (fate < 3 && now < chaosNanos) {
        return; // hangs for ever
      }
      long took = scene != null ? MS : (1 + random.nextInt(20)) * MS;
      later(
          took,
          () -> {
            boolean good = healthy && !brokenNetwork || spared;
            if (!good && firstFailure < 0) {
              firstFailure = now;
            }
            if (fate >= 8 && counts && role == roles) {
              lately.add(new long[] {began, good ? 1 : 0});
              while (lately.size() > 1 && now - lately.peekFirst()[0] > 11 * S) {
                lately.removeFirst();
              }
            }
            if (fate < 8) {
              permits--;
              t.endFailure(Failure.CANCELLED, null, local());
            } else if (good) {
              t.endHttp(200, local());
            } else {
              t.endHttp(503, local());
            }
          });
    }

    /** In a scene: it refuses from now on. */
    private void refuses() {
      if (scene != null && firstFailure >= 0 && !openHere.contains(id)) {
        openHere.add(id);
        firstRefuses = firstRefuses < 0 ? now - firstFailure : firstRefuses;
        allRefuse = openHere.size() == size ? now - firstFailure : -1;
      }
    }

    @Override
    public void tripped(CircuitBreaker b, long epoch, long calls, long failures, long age) {
      refuses();
      lately.clear();
      evidenceSince = now - age;
      later(0, () -> machine.tripped(epoch, calls, failures, age, local()));
    }

    @Override
    public void recovered(CircuitBreaker b) {
      later(0, () -> machine.recovered(local()));
    }

    @Override
    public void wanted(CircuitBreaker b) {
      later(0, () -> machine.wanted(local()));
    }

    @Override
    public void probing(CircuitBreaker b, int outstanding) {
      later(0, () -> machine.probing(outstanding, local()));
    }

    @Override
    public void probed(CircuitBreaker b, long fence, boolean good) {
      later(0, () -> machine.probed(fence, good, local()));
    }
  }

  // ---- etcd

  private long lease(int seconds) {
    long l = etcd.grant();
    ttl.put(l, seconds);
    expiry.put(l, now + seconds * S);
    at(now + seconds * S, () -> expireIfDue(l));
    return l;
  }

  private void expireIfDue(long lease) {
    long at = expiry.get(lease);
    if (!etcdUp) {
      at(now + S, () -> expireIfDue(lease));
    } else if (now >= at) {
      int before = etcd.log.size();
      cost().revocations++;
      etcd.expire(lease);
      if (etcd.log.size() > before) {
        note("lease ran out: " + etcd.log.get(before).changes().keySet());
        told();
      }
    } else {
      at(at, () -> expireIfDue(lease));
    }
  }

  private void apply(
      Node from,
      FleetTransaction m,
      long session,
      long expiring,
      long sent,
      long evidence,
      boolean saw) {
    if (!etcd.holds(m) || !etcd.leasesLive(m, session, expiring)) {
      note(from.id + " refused " + m.kind);
      cost().refused++;
      return;
    }
    FleetEpoch before = etcd.fence();
    String prober = etcd.prober();
    Map<String, SimEtcd.Cell> keys = Map.copyOf(etcd.keys);
    etcd.write(m, session, expiring);
    note(from.id + " applied " + m.kind + " -> " + etcd.fence());
    boolean young = evidence >= lastClosedAt;
    Laws.Sender sender =
        new Laws.Sender(from.id, from.site, young ? before.epoch : before.epoch - 1, saw);
    Laws.applied(before, prober, m, etcd, sender, quorum, keys);
    if (m.kind == FleetTransaction.Kind.VOTE) {
      votedAt.put(from.id, now);
    }
    if (m.kind == FleetTransaction.Kind.OBJECT) {
      objections++;
    }
    if (m.kind == FleetTransaction.Kind.OPEN
        && quorum == 0
        && !Laws.secondWitness(before, sender, keys)) {
      openedAlone++;
      require(
          now - votedAt.get(from.id) >= FleetMachine.WITNESS_NANOS,
          "others had a second to object",
          from.id);
    }
    commits++;
    commitsInPeriod++;
    cost().applied++;
    cost().writes += m.writes.size();
    switch (m.kind) {
      case OPEN, REOPEN -> {
        openSentAt = sent;
        openings++;
        if (m.kind == FleetTransaction.Kind.REOPEN) {
          periodEnds();
        }
      }
      case CAMPAIGN -> {
        FleetEpoch f = etcd.fence();
        require(
            now - openSentAt >= f.openMillis * MS,
            "at most one opening per open time",
            (now - openSentAt) / MS + " ms",
            f);
      }
      case TAKE_OVER -> takeOvers++;
      case CLOSE -> {
        lastClosedAt = now;
        periodEnds();
      }
      default -> {}
    }
    told();
  }

  private void periodEnds() {
    mostCommitsInAPeriod = Math.max(mostCommitsInAPeriod, commitsInPeriod);
    commitsInPeriod = 0;
  }

  private void told() {
    for (Node n : nodes) {
      n.later(rareLongDelay() / 2, n::pull);
    }
  }

  // ---- chaos

  private void chaos() {
    if (now >= chaosNanos) {
      return;
    }
    at(now + (200 + random.nextInt(4000)) * MS, this::chaos);
    Node n = nodes.get(random.nextInt(nodes.size()));
    long span = (long) (Math.pow(random.nextDouble(), 2) * 25 * S);
    switch (random.nextInt(faults.any ? 11 : 1)) {
      case 0, 1 -> healthy = !healthy;
      case 2 -> {
        note("crash " + n.id);
        n.alive = false;
        at(
            now + span,
            () -> {
              nodes.remove(n);
              nodes.add(new Node(n.number));
            });
      }
      case 3 -> {
        note("pause " + n.id);
        n.pausedUntil = now + span;
      }
      case 4 -> {
        note("cut " + n.id);
        n.cut = true;
        away(n);
        at(
            now + span,
            () -> {
              n.cut = false;
              back(n);
            });
      }
      case 5 -> {
        if (etcdUp) {
          note("etcd down");
          etcdUp = false;
          nodes.forEach(this::away);
          at(
              now + span / 2,
              () -> {
                note("etcd up");
                etcdUp = true;
                // a restarted etcd gives every lease its whole time again
                expiry.replaceAll((l, at) -> now + ttl.get(l) * S);
                nodes.forEach(this::back);
              });
        }
      }
      case 6 -> {
        n.brokenNetwork = !n.brokenNetwork;
        note(n.id + " broken network: " + n.brokenNetwork);
      }
      case 7 -> n.silentUntil = now + span;
      case 10 -> {
        String zone = n.site.zone;
        note("zone '" + zone + "' is cut off from the target");
        nodes.stream().filter(x -> x.site.zone.equals(zone)).forEach(x -> x.brokenNetwork = true);
        at(
            now + span,
            () ->
                nodes.stream()
                    .filter(x -> x.site.zone.equals(zone))
                    .forEach(x -> x.brokenNetwork = false));
      }
      case 8 -> {
        if (etcdUp && n.session != 0) {
          note("lease of " + n.id + " revoked"); // as a stuck leader does
          int before = etcd.log.size();
          etcd.expire(n.session);
          if (etcd.log.size() > before) {
            told();
          }
        }
      }
      default -> {
        if (etcdUp) {
          CircuitBreakerRule.Force f = CircuitBreakerRule.Force.values()[random.nextInt(3)];
          note("force " + f);
          etcd.put(FleetMachine.FORCE, f == CircuitBreakerRule.Force.NONE ? null : f);
          told();
        }
      }
    }
  }

  private void away(Node n) {
    n.later(
        S,
        () -> {
          if (!n.reaches()) {
            n.machine.connected(false, n.local());
          }
        });
  }

  private void back(Node n) {
    n.later(
        delay(),
        () -> {
          if (n.reaches() && n.session != 0) {
            n.pull();
            n.machine.connected(true, n.local());
          }
        });
  }

  private void calm() {
    healthy = true;
    if (etcd.keys.containsKey(FleetMachine.FORCE)) {
      etcd.put(FleetMachine.FORCE, null);
    }
    for (Node n : nodes) {
      n.brokenNetwork = false;
      n.silentUntil = 0;
    }
    told();
  }

  // ---- the run

  void run() {
    for (int i = 0; i < size; i++) {
      nodes.add(new Node(i));
    }
    long end = chaosNanos;
    if (scene != null) {
      at(
          SCENE_BEGINS,
          () ->
              nodes.stream()
                  .filter(n -> n.number < scene.cutOff)
                  .forEach(n -> n.brokenNetwork = true));
    } else if (faults.burden == null) {
      at(S, this::chaos);
      at(chaosNanos + 30 * S, this::calm);
      end += 30 * S + QUIET;
    }
    while (!queue.isEmpty()
        && queue.peek().at <= end
        && (scene == null || scene.idle == 0 || allRefuse < 0)) {
      Event e = queue.poll();
      now = e.at;
      e.run.run();
    }
    if (faults.burden != null || scene != null) {
      return;
    }
    FleetEpoch f = etcd.fence();
    require(f.phase == FleetEpoch.Phase.CLOSED, "closed is always reached", f);
    for (Node n : nodes) {
      require(n.machine.fence().equals(f), "all agree after quiet", n.id, n.machine.fence(), f);
      require(n.breaker.state().equals("closed"), "all are closed after quiet", n.id, n.breaker);
    }
  }

  /** Virtual seconds that have passed. */
  long seconds() {
    return now / S;
  }

  List<String> trace() {
    return new ArrayList<>(trace);
  }

  private void note(String what) {
    if (trace.size() == 60) {
      trace.removeFirst();
    }
    trace.add(now / MS + " ms " + what);
  }

  private void at(long time, Runnable run) {
    queue.add(new Event(time, order++, run));
  }

  private long delay() {
    return (long) (random.nextDouble() * 5 * MS);
  }

  private long rareLongDelay() {
    return faults.any && now < chaosNanos && random.nextInt(50) == 0
        ? (long) (random.nextDouble() * 8 * S)
        : delay();
  }

  private static final AttributeSource<String> NO_ATTRIBUTES =
      new AttributeSource<>() {
        @Override
        public String header(String call, String name) {
          return null;
        }

        @Override
        public String path(String call) {
          return "/";
        }

        @Override
        public String method(String call) {
          return "GET";
        }

        @Override
        public String host(String call) {
          return "t";
        }
      };
}
