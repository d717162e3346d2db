package io.weir.control.fleet;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.breaker.FleetLink;
import io.weir.engine.breaker.TargetHealth;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.PlanListener;
import io.weir.engine.gate.RulesInForce;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Runs one {@link FleetMachine} for each breaker whose rule is shared: it hands changes of the
 * store and events of the breaker to the machine, sends the machine's transactions, and applies the
 * state that the machine wants to the breaker.
 *
 * <p>A breaker's keys are under {@code /circuit-breaker/<service>/}. Where a service has several
 * shared breaker rules, these are the keys of the one called {@code default}, and each other one
 * has {@code /circuit-breaker/<service>@<rule id>/}. An operator can force a breaker ("hand") by
 * keys that agents cannot write: {@code /service/<service>/force} for the breaker with the first
 * kind of keys, and {@code /service/<service>/force/<rule id>}, which has precedence, for the rule
 * of that id.
 *
 * <p>Threads: all state belongs to the control loop. Breakers call the {@link FleetLink} on request
 * threads; its methods only hand over to the loop, the frequent one ({@code wanted}) at most every
 * 50 ms. The engine announces new and closed plans ({@link PlanListener}) the same way.
 */
public final class FleetCoordinator implements Store.Listener, AutoCloseable {
  /** The prefix of all keys that this class writes. */
  public static final String PREFIX = "/circuit-breaker/";

  private static final String FORCE = "/force";

  private static final int SESSION_SECONDS = 10;
  private static final long MILLI = 1_000_000L;
  private static final long JITTER_NANOS = 500 * MILLI;
  private static final long WANTED_NANOS = 50 * MILLI;

  /** How often the breakers' calls are sampled, and work that threw is repeated. */
  private static final long LOOK_NANOS = 1000 * MILLI;

  private final SharedStore store;
  private final Loop loop;
  private final Engine engine;
  private final Log log;
  private final Loop.Chain looks;
  private final String self;
  private final FailureDomain site;
  private final Random random = new Random();

  /** By breaker. There are few, so they may be searched one by one. */
  private final Map<CircuitBreaker, Target> targets = new HashMap<CircuitBreaker, Target>();

  /**
   * All keys in the store, also of breakers that are not here (yet): by the prefix of a breaker's
   * keys, then by the rest of the key.
   */
  private final Map<String, Map<String, Entry>> view = new HashMap<String, Map<String, Entry>>();

  /** What operators force, by the whole key. */
  private final Map<String, Force> forces = new HashMap<String, Force>();

  /** Whether plans have changed since {@link #refresh()} read them. */
  private final AtomicBoolean stale = new AtomicBoolean(true);

  private final Runnable refresh = this::refresh;
  private final PlanListener plans = new Plans();
  private boolean looking;
  private @Nullable LeaseSession session;
  private boolean viewed;
  private boolean connected;
  private boolean closed;
  private long sent;
  private long applied;
  private long grants;

  /**
   * @param instance this instance's name, {@code host:port}. A random suffix is added, so that a
   *     restarted instance is not taken for the earlier one
   * @param zone this instance's zone; empty: none. The instances of one zone count as one witness
   */
  public FleetCoordinator(
      SharedStore store, Loop loop, Engine engine, String instance, String zone, Log log) {
    this.store = store;
    this.loop = loop;
    this.engine = engine;
    this.log = log;
    site = FailureDomain.of(instance, zone);
    self = instance.replace('/', '_') + "~" + Integer.toHexString(random.nextInt() & 0xFFFFFF);
    looks = loop.chain("fleet", LOOK_NANOS, this::look);
    engine.addPlanListener(plans);
    loop.execute(refresh); // the rules that are in force already
  }

  /** The name of this instance in votes, probes and states. */
  public String self() {
    return self;
  }

  /** How many transactions were sent. Loop only. */
  public long sent() {
    return sent;
  }

  /** How many transactions were applied. Loop only. */
  public long applied() {
    return applied;
  }

  /** How many leases were granted for states and votes. Loop only. */
  public long grants() {
    return grants;
  }

  /** How many breakers have a machine now. Loop only. */
  int followed() {
    return targets.size();
  }

  // ---- the store

  @Override
  public void onBatch(Batch batch) {
    viewed = true;
    refresh();
    List<String> touched = new ArrayList<String>();
    boolean forced = false;
    for (Change c : batch.changes) {
      if (c.key.startsWith(RuleKey.SERVICE) && c.key.contains(FORCE)) {
        forced |= force(c);
        continue;
      }
      int end = c.key.startsWith(PREFIX) ? c.key.indexOf('/', PREFIX.length()) : -1;
      if (end < 0) {
        continue;
      }
      String base = c.key.substring(0, end + 1);
      Map<String, Entry> keys = view.get(base);
      if (keys == null) {
        keys = new TreeMap<String, Entry>();
        view.put(base, keys);
      }
      String key = c.key.substring(end + 1);
      if (c.now != null) {
        keys.put(key, c.now);
      } else {
        keys.remove(key);
        if (keys.isEmpty()) {
          view.remove(base);
        }
      }
      touched.add(base);
      for (Target t : targets.values()) {
        if (t.base.equals(base)) {
          t.changed(key, c.now);
        }
      }
    }
    for (Target t : targets.values()) {
      boolean hand = forced && t.hand();
      if (batch.newHistory || !t.viewed || hand || touched.contains(t.base)) {
        t.viewed = true;
        t.machine.viewed(batch.newHistory, loop.now());
        t.see();
        t.pump();
      }
    }
  }

  /**
   * Takes a change of what an operator forces. A value that cannot be read changes nothing.
   *
   * @return whether something has changed
   */
  private boolean force(Change c) {
    RuleKey key = RuleKey.parse(c.key);
    if (key.kind != RuleKey.Kind.FORCE) {
      return false;
    }
    Force f = c.now == null ? Force.NONE : RuleParser.force(c.now.value);
    if (f == null) {
      return false; // RuleFeed reports it
    }
    Force before = f == Force.NONE ? forces.remove(c.key) : forces.put(c.key, f);
    return before != f;
  }

  @Override
  public void onConnected(boolean now, String reason) {
    connected = now;
    for (Target t : targets.values()) {
      t.machine.connected(now, loop.now());
      t.pump();
    }
  }

  // ---- the rules

  private void look() {
    refresh();
    for (Target t : targets.values()) {
      t.look();
      t.pump(); // in case a task threw before it did this
    }
    if (targets.isEmpty()) {
      looking = false;
      looks.cancel();
    }
  }

  private void keepLooking() {
    if (!looking) {
      looking = true;
      looks.in(LOOK_NANOS);
    }
  }

  /** Makes and ends machines where the plans have changed. */
  private void refresh() {
    // reset the flag first: a change during the following sets it again
    if (closed || !stale.getAndSet(false)) {
      return;
    }
    boolean followed = false;
    try {
      follow(engine.snapshot());
      followed = true;
    } finally {
      if (!followed) {
        stale.set(true); // after an exception the next look tries again
      }
      if (!followed || !targets.isEmpty()) {
        keepLooking();
      }
    }
  }

  /** Makes machines for new breakers and ends those of breakers that no longer exist. */
  private void follow(RulesInForce rules) {
    Map<CircuitBreaker, String> bases = new HashMap<CircuitBreaker, String>();
    for (ServicePlan plan : rules.plans()) {
      if (plan.breakers() != null && !plan.service().equals("*")) {
        bases(plan.breakers().all(), bases);
      }
    }
    for (Iterator<Target> i = targets.values().iterator(); i.hasNext(); ) {
      Target t = i.next();
      if (!t.base.equals(bases.get(t.breaker))) {
        t.end();
        i.remove();
      }
    }
    int live = rules.book().instances(engine.service()).size();
    for (Map.Entry<CircuitBreaker, String> e : bases.entrySet()) {
      Target t = targets.get(e.getKey());
      if (t == null) {
        t = new Target(e.getKey(), e.getValue());
        t.begin(live);
        targets.put(e.getKey(), t);
      } else {
        t.edited(live);
      }
    }
  }

  /** The engine calls it on any thread, also on threads of calls; it hands over to the loop. */
  private final class Plans implements PlanListener {
    @Override
    public void rulesApplied() {
      changed();
    }

    @Override
    public void planOpened(ServicePlan plan) {
      if (mayBeShared(plan)) {
        changed();
      }
    }

    @Override
    public void planClosed(ServicePlan plan) {
      planOpened(plan);
    }

    private void changed() {
      if (!stale.get() && stale.compareAndSet(false, true)) {
        loop.execute(refresh);
      }
    }
  }

  /**
   * Whether the plan has a shared breaker. Plans for unknown hosts have none: anybody can make up
   * host names by the thousands.
   */
  private static boolean mayBeShared(ServicePlan plan) {
    if (plan.breakers() != null) {
      for (CircuitBreaker b : plan.breakers().all()) {
        if (isShared(b)) {
          return true;
        }
      }
    }
    return false;
  }

  private static boolean isShared(CircuitBreaker b) {
    return b.rule().fleet && !b.rule().shadow;
  }

  private static void bases(List<CircuitBreaker> breakers, Map<CircuitBreaker, String> into) {
    List<CircuitBreaker> shared = new ArrayList<CircuitBreaker>();
    for (CircuitBreaker b : breakers) {
      if (isShared(b)) {
        shared.add(b);
      }
    }
    for (CircuitBreaker b : shared) {
      boolean plain = shared.size() == 1 || b.id().equals("default");
      into.put(b, PREFIX + b.target() + (plain ? "" : "@" + b.id()) + "/");
    }
  }

  private LeaseSession lease() {
    LeaseSession s = session;
    if (s == null) {
      s =
          store.lease(
              SESSION_SECONDS,
              new LeaseSession.Listener() {
                @Override
                public void onGranted(long id) {
                  for (Target t : targets.values()) {
                    t.machine.leaseGranted(loop.now());
                    t.pump();
                  }
                }

                @Override
                public void onLost(long id, String reason) {
                  for (Target t : targets.values()) {
                    t.machine.leaseLost(loop.now());
                    t.pump();
                  }
                }
              });
      session = s;
    }
    return s;
  }

  /** From now on the breakers decide alone. If this instance probes, that ends with its lease. */
  @Override
  public void close() {
    engine.removePlanListener(plans);
    loop.execute(
        () -> {
          closed = true;
          looks.cancel();
          for (Target t : targets.values()) {
            t.end();
          }
          targets.clear();
          if (session != null) {
            session.close();
          }
        });
  }

  private static FleetMachine.Settings settings(CircuitBreakerRule r) {
    return new FleetMachine.Settings(
        r.openNanos, r.maxOpenNanos, r.probeTimeoutNanos, r.quorum, r.quorumShare, JITTER_NANOS);
  }

  /** One breaker, its machine, and the state around them. */
  private final class Target implements FleetLink {
    final CircuitBreaker breaker;
    final String base;
    final FleetMachine machine;
    private final TargetHealth sight;
    private boolean contested;
    private boolean well;
    private final AtomicBoolean wantedSoon = new AtomicBoolean();
    private final Runnable wantedTask = this::heardWanted;
    private final Loop.Chain wantedAgain = loop.chain("breaker's call", WANTED_NANOS, this::heard);
    private CircuitBreakerRule rule;
    private final Loop.Chain ticks = loop.chain("breaker", LOOK_NANOS, this::tick);
    private final Loop.Chain unsent = loop.chain("breaker's move", LOOK_NANOS, this::notSent);
    private long tickAt;
    private Force hand = Force.NONE;
    private boolean ended;
    boolean viewed;

    Target(CircuitBreaker breaker, String base) {
      this.breaker = breaker;
      this.base = base;
      this.rule = breaker.rule();
      this.sight = new TargetHealth(breaker);
      this.machine = new FleetMachine(self, site, settings(rule), random.nextLong());
    }

    void begin(int live) {
      LeaseSession lease = lease();
      long now = loop.now();
      machine.live(live, now);
      if (lease.id() != 0) {
        machine.leaseGranted(now);
      }
      machine.connected(connected, now);
      Map<String, Entry> keys = view.get(base);
      if (keys != null) {
        for (Map.Entry<String, Entry> e : keys.entrySet()) {
          changed(e.getKey(), e.getValue());
        }
      }
      hand();
      breaker.link(this);
      // during a batch the view is incomplete, so the machine gets it after the batch
      loop.execute(
          () -> {
            if (FleetCoordinator.this.viewed && !viewed && !ended) {
              viewed = true;
              machine.viewed(false, loop.now());
              see();
              pump();
            }
          });
    }

    /** Samples the breaker's calls, about once a second. */
    void look() {
      if (rule.quorumAuto()) {
        sight.look(loop.now());
        if (contested) {
          see();
        }
      }
    }

    /** Reports to the machine how well this instance's own calls go, while others vote. */
    void see() {
      boolean before = contested;
      contested = machine.contested();
      if (!contested) {
        well = false;
        return;
      }
      long now = loop.now();
      if (!before) {
        sight.mark(now);
      }
      well = sight.well(well, now);
      machine.sees(sight.epoch(), well, sight.calls(), sight.failures(), now);
    }

    void edited(int live) {
      if (rule != breaker.rule()) {
        rule = breaker.rule();
        machine.settings(settings(rule), loop.now());
      }
      machine.live(live, loop.now());
      pump();
    }

    void end() {
      ended = true;
      breaker.link(null);
      ticks.cancel();
      unsent.cancel();
      wantedAgain.cancel();
    }

    /**
     * Reports to the machine what an operator forces for this breaker.
     *
     * @return whether it has changed
     */
    boolean hand() {
      String service = RuleKey.SERVICE + breaker.target() + FORCE;
      Force f = forces.get(service + "/" + breaker.id());
      if (f == null && base.equals(PREFIX + breaker.target() + "/")) {
        f = forces.get(service);
      }
      Force before = hand;
      hand = f == null ? Force.NONE : f;
      machine.see(FleetMachine.FORCE, hand, 0);
      return hand != before;
    }

    void changed(String key, @Nullable Entry now) {
      if (key.equals(FleetMachine.FORCE)) {
        return; // agents can write this key, so it must not force anything
      }
      Object value = now == null ? null : FleetCodec.read(key, now.value, now.lease != 0);
      if (now == null || value == null) {
        machine.gone(key);
      } else {
        machine.see(key, value, now.modRevision);
      }
    }

    void pump() {
      if (ended) {
        return;
      }
      breaker.force(machine.force());
      DesiredState role = machine.takeRole();
      if (role != null) {
        play(role);
      }
      FleetTransaction move = machine.takeMove();
      if (move != null) {
        send(move);
      }
      long next = machine.nextTick(loop.now());
      if (next == Long.MAX_VALUE) {
        ticks.cancel();
      } else if (next != tickAt) {
        ticks.in(next - loop.now());
      }
      tickAt = next;
    }

    private void tick() {
      tickAt = Long.MAX_VALUE;
      see();
      machine.tick(loop.now());
      pump();
    }

    private void play(DesiredState r) {
      long now = loop.now();
      String was = breaker.state();
      switch (r.kind) {
        case CLOSED:
          breaker.imposeClosed(r.epoch, now);
          break;
        case OPEN:
          breaker.imposeOpen(r.epoch, r.attempt, r.until, true, now);
          break;
        case ALONE:
          breaker.imposeOpen(r.epoch, r.attempt, r.until, false, now);
          break;
        case WAITING:
          breaker.imposeWaiting(r.epoch, r.attempt, now);
          break;
        default:
          breaker.imposeProber(r.epoch, r.attempt, r.fence, now);
          break;
      }
      if (!was.equals(breaker.state()) || r.kind == DesiredState.Kind.OPEN) {
        log.info(
            "weir: circuit breaker of "
                + breaker.target()
                + (r.kind == DesiredState.Kind.ALONE ? " is on its own, " : " is ")
                + breaker.state()
                + " (epoch "
                + r.epoch
                + (machine.fence().by.isEmpty() ? "" : ", by " + machine.fence().by)
                + ")");
      }
    }

    private void send(FleetTransaction move) {
      sent++;
      try {
        grant(move);
      } catch (Throwable t) {
        unsent.in(LOOK_NANOS); // answers the machine, which would wait for ever
        throw t;
      }
    }

    private void notSent() {
      unsent.cancel();
      answered(false);
    }

    private void grant(FleetTransaction move) {
      if (move.ttlSeconds == 0) {
        send(move, 0);
        return;
      }
      store.grant(
          move.ttlSeconds,
          lease -> {
            if (lease == 0) {
              answered(false);
            } else {
              grants++;
              send(move, lease);
            }
          });
    }

    private void send(FleetTransaction move, long expiring) {
      Txn txn = new Txn();
      for (FleetTransaction.Compare c : move.compares) {
        txn.ifModRevision(base + c.key, c.modRevision);
      }
      long wall = System.currentTimeMillis();
      for (FleetTransaction.Write w : move.writes) {
        if (w.value == null) {
          txn.delete(base + w.key);
          continue;
        }
        long lease =
            w.lease == FleetTransaction.Lease.NONE
                ? 0
                : w.lease == FleetTransaction.Lease.EXPIRING ? expiring : lease().id();
        if (lease == 0 && w.lease != FleetTransaction.Lease.NONE) {
          answered(false); // without its lease the key would stay for ever
          return;
        }
        txn.put(base + w.key, FleetCodec.write(w.value, wall), lease);
      }
      store.txn(
          txn,
          outcome -> {
            switch (outcome.kind) {
              case DONE:
                applied++;
                answered(true);
                break;
              case CONFLICT:
                answered(true);
                break;
              default:
                answered(false);
                break;
            }
          });
    }

    private void answered(boolean known) {
      machine.answered(known, loop.now());
      pump();
    }

    // -- from request threads

    @Override
    public void tripped(CircuitBreaker b, long epoch, long calls, long failures, long age) {
      loop.execute(
          () -> {
            machine.tripped(epoch, calls, failures, age, loop.now());
            pump();
          });
    }

    @Override
    public void recovered(CircuitBreaker b) {
      loop.execute(
          () -> {
            machine.recovered(loop.now());
            pump();
          });
    }

    @Override
    public void wanted(CircuitBreaker b) {
      if (!wantedSoon.get() && wantedSoon.compareAndSet(false, true)) {
        loop.execute(wantedTask);
      }
    }

    private void heard() {
      wantedSoon.set(false);
      wantedAgain.cancel();
    }

    private void heardWanted() {
      wantedAgain.in(WANTED_NANOS);
      machine.wanted(loop.now());
      pump();
    }

    @Override
    public void probing(CircuitBreaker b, int outstanding) {
      loop.execute(
          () -> {
            machine.probing(outstanding, loop.now());
            pump();
          });
    }

    @Override
    public void probed(CircuitBreaker b, long fence, boolean good) {
      loop.execute(
          () -> {
            machine.probed(fence, good, loop.now());
            pump();
          });
    }
  }
}
