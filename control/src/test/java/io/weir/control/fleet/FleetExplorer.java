package io.weir.control.fleet;

import static io.weir.control.fleet.Laws.require;

import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Every schedule of a small fleet, breadth first: at each state every event that could come next is
 * tried until no new state appears. The machines are the real ones; the local breaker is reduced to
 * the callbacks it may make in its role.
 *
 * <p>What makes it finish without a bound on the number of openings: states are told apart by what
 * future behaviour depends on, no more.
 *
 * <ul>
 *   <li>Instances are interchangeable, so of the states that differ only in who is who one is kept:
 *       the instances are put in the order of what they look like from outside, and where two look
 *       the same both orders are tried and the smaller hash counts.
 *   <li>Revisions and epochs are only ever compared for equality, so they are named in the order
 *       they are met; the revisions of votes that count also for their order, so these have their
 *       rank.
 *   <li>Of times it counts which have passed and in which order the others will.
 *   <li>A request that compares a revision which is gone for good says no more than that, and a
 *       vote cast in an epoch that is over says nothing.
 * </ul>
 *
 * <p>A watch shows the store as it is when it is heard; the next commit waits until everybody who
 * is not in trouble has heard of the last. Trouble (see {@link Fault}) may strike any number of
 * times, but no more than {@link Bounds#troubles} instances are in it at once. Laws are judged at
 * every commit; when all states are known, every one of them must have a way to CLOSED.
 */
final class FleetExplorer {
  /** What may go wrong. */
  enum Fault {
    /** Gone with all it knew; its requests may still arrive; it may come back as somebody new. */
    CRASH,
    /** Gone as by a crash, for good. */
    GONE,
    /** Stands still while the others and the lease go on; wakes and acts on what it knew. */
    PAUSE,
    /** Does not reach etcd. */
    CUT,
    /** An answer is lost, or a request arrives after its sender has given up waiting. */
    LATE,
    /** The lease runs out under a living instance. */
    LEASE,
    /** A vote runs out. */
    VOTE,
    /** An operator forces open or closed, and takes it back. */
    HAND,
    /** Who opened for itself alone finds the target well again and takes its vote back. */
    RECOVERY,
    /** Who saw the target well has too little traffic to say so any more. */
    FLAP
  }

  /** Bounds of one exploration. */
  static final class Bounds {
    int instances = 2;

    /** 0: auto. */
    int quorum = 1;

    /** The last of them are on one host. */
    int onOneHost = 1;

    int troubles;
    Set<Fault> faults = EnumSet.noneOf(Fault.class);

    /** Answers and trips may be heard later than they happen. */
    boolean slowHearing;

    int maxStates = 100_000_000;
    UnaryOperator<FleetTransaction> sabotage = m -> m;
    Sabotage.Machine machine = Sabotage.Machine.SOUND;

    boolean votes() {
      return quorum != 1;
    }

    boolean auto() {
      return quorum == 0;
    }

    @Override
    public String toString() {
      return instances
          + " instances, quorum "
          + (auto() ? "auto" : quorum)
          + (onOneHost > 1 ? ", " + onOneHost + " on one host" : "")
          + (slowHearing ? ", slow to hear" : "")
          + (troubles == 0 ? ", no trouble" : ", " + troubles + " in trouble at once: " + faults);
    }
  }

  private static final long SECOND = 1_000_000_000L;

  private enum Event {
    TRIPS,
    HEARS_OF_ITS_TRIP,
    RECOVERS,
    SEES_THE_TARGET_WELL,
    SEES_IT_WELL_NO_MORE,
    HAS_TRAFFIC,
    SENDS_A_PROBE,
    PROBES_ARE_GOOD,
    PROBE_IS_BAD,
    PROBES_ARE_GOOD_AND_THAT_IS_HEARD_LATER,
    PROBE_IS_BAD_AND_THAT_IS_HEARD_LATER,
    HEARS_OF_ITS_PROBES,
    REQUEST_ARRIVES,
    IS_ANSWERED,
    REQUEST_ARRIVES_AND_ITS_ANSWER_IS_LOST,
    GIVES_UP_WAITING,
    LATE_REQUEST_ARRIVES,
    LATE_REQUEST_IS_LOST,
    WATCHES,
    TIME_PASSES,
    LEASE_RUNS_OUT,
    OLD_LEASE_RUNS_OUT,
    GETS_A_NEW_LEASE,
    CRASHES,
    RESTARTS,
    IS_PAUSED,
    WAKES,
    IS_CUT_OFF,
    IS_BACK,
    VOTE_RUNS_OUT,
    OLD_VOTE_RUNS_OUT,
    STATE_RUNS_OUT,
    HAND_OPEN,
    HAND_CLOSED,
    HAND_AWAY
  }

  private static final Event[] EVENTS = Event.values();

  /** What can happen next. */
  private static final class Events {
    final int[] codes = new int[256];
    int count;

    void add(Event e, int node) {
      codes[count++] = e.ordinal() << 3 | node;
    }
  }

  private static final class Request {
    final FleetTransaction move;
    final long session;
    final Laws.Sender sender;

    Request(FleetTransaction move, long session, Laws.Sender sender) {
      this.move = move;
      this.session = session;
      this.sender = sender;
    }

    /** It compares what will never be again, so it changes nothing whenever it arrives. */
    boolean doomed(SimEtcd etcd) {
      for (int i = 0; i < move.compares.size(); i++) {
        FleetTransaction.Compare c = move.compares.get(i);
        if ((c.modRevision != 0 || c.key.equals(FleetMachine.EPOCH))
            && etcd.mod(c.key) != c.modRevision) {
          return true;
        }
      }
      return false;
    }
  }

  private static final class Node {
    final int number;
    String id;

    /** Where it votes. */
    String vote;

    final FailureDomain site;
    int incarnation;
    FleetMachine machine;
    long now;
    long session;

    /** Of the incarnation before. */
    long orphan;

    boolean alive;
    boolean paused;

    /** Awake again, and still to see what it missed. */
    boolean dazed;

    boolean cut;
    boolean locallyOpen;
    long pendingTrip = -1;
    long evidence = -1;

    /** The epoch in which it has made calls enough, all good; -1: it has not. */
    long sight = -1;

    long resultFence = -1;
    boolean resultGood;
    Request flying;

    /** The flying one was applied (1) or not (-1), and this is still to be heard. */
    int answer;

    Request floating;

    Node(int number, FailureDomain site) {
      this.number = number;
      this.site = site;
    }

    Node(Node o) {
      number = o.number;
      id = o.id;
      vote = o.vote;
      site = o.site;
      incarnation = o.incarnation;
      machine = MachineState.copy(o.machine);
      now = o.now;
      session = o.session;
      orphan = o.orphan;
      alive = o.alive;
      paused = o.paused;
      dazed = o.dazed;
      cut = o.cut;
      locallyOpen = o.locallyOpen;
      pendingTrip = o.pendingTrip;
      evidence = o.evidence;
      sight = o.sight;
      resultFence = o.resultFence;
      resultGood = o.resultGood;
      flying = o.flying;
      answer = o.answer;
      floating = o.floating;
    }

    /** Others need not wait until it has seen the last commit. */
    boolean excused() {
      return !alive || paused || dazed || cut;
    }
  }

  /** One state of everything. Nodes and etcd are shared with other states until they change. */
  private final class World {
    private SimEtcd etcd;
    private final Node[] nodes;

    /** A bit for each instance that has not seen the last commit. */
    private int behind;

    World() {
      etcd = new SimEtcd();
      nodes = new Node[bounds.instances];
      for (int i = 0; i < nodes.length; i++) {
        nodes[i] =
            new Node(i, new FailureDomain("h" + Math.min(i, nodes.length - bounds.onOneHost), ""));
        boot(nodes[i]);
      }
    }

    World(World o) {
      etcd = o.etcd;
      nodes = o.nodes.clone();
      behind = o.behind;
    }

    // ---- what can happen

    void enabled(Events to) {
      FleetEpoch fence = etcd.fence();
      Map<String, SimEtcd.Cell> keys = etcd.keys;
      boolean free = troubles() < bounds.troubles;
      boolean mayCommit = true;
      for (Node n : nodes) {
        mayCommit &= n.excused() || (behind >> n.number & 1) == 0;
      }
      for (Node n : nodes) {
        if (n.floating != null) {
          if (mayCommit) {
            add(to, Event.LATE_REQUEST_ARRIVES, n);
          }
          add(to, Event.LATE_REQUEST_IS_LOST, n);
        }
        if (n.orphan != 0 && etcd.leaseLives(n.orphan)) {
          add(to, Event.OLD_LEASE_RUNS_OUT, n);
        }
        boolean more = free && well(n);
        boolean leased = etcd.leaseLives(n.session);
        if (leased && (n.excused() || more && may(Fault.LEASE))) {
          add(to, Event.LEASE_RUNS_OUT, n);
        }
        if (bounds.votes()
            && closed()
            && keys.containsKey(n.vote)
            && (n.excused() || more && may(Fault.VOTE))) {
          add(to, Event.VOTE_RUNS_OUT, n);
        }
        if (oldVote(n) != null) {
          add(to, Event.OLD_VOTE_RUNS_OUT, n);
        }
        if (!n.alive) {
          if (may(Fault.CRASH)) {
            add(to, Event.RESTARTS, n);
          }
          continue;
        }
        if (n.flying != null && n.answer == 0 && !n.cut && mayCommit) {
          add(to, Event.REQUEST_ARRIVES, n);
          if (more && may(Fault.LATE) && !n.paused) {
            add(to, Event.REQUEST_ARRIVES_AND_ITS_ANSWER_IS_LOST, n);
          }
        }
        if (n.paused) {
          add(to, Event.WAKES, n);
          continue;
        }
        if (more) {
          if (may(Fault.CRASH) || may(Fault.GONE)) {
            add(to, Event.CRASHES, n);
          }
          if (may(Fault.PAUSE)) {
            add(to, Event.IS_PAUSED, n);
          }
          if (may(Fault.CUT)) {
            add(to, Event.IS_CUT_OFF, n);
          }
        }
        living(n, more, leased, to);
      }
      if (keys.containsKey(FleetMachine.STATE)
          && fence.phase == FleetEpoch.Phase.OPEN
          && mayCommit) {
        to.add(Event.STATE_RUNS_OUT, 0);
      }
      if (keys.containsKey(FleetMachine.FORCE)) {
        if (mayCommit) {
          to.add(Event.HAND_AWAY, 0);
        }
      } else if (free && may(Fault.HAND) && mayCommit) {
        to.add(Event.HAND_OPEN, 0);
        to.add(Event.HAND_CLOSED, 0);
      }
    }

    private void living(Node n, boolean more, boolean leased, Events to) {
      DesiredState role = n.machine.role();
      if (role.kind == DesiredState.Kind.CLOSED && !n.locallyOpen && n.pendingTrip < 0) {
        add(to, Event.TRIPS, n);
      }
      if (n.pendingTrip >= 0) {
        add(to, Event.HEARS_OF_ITS_TRIP, n);
      } else if (n.locallyOpen && bounds.votes() && may(Fault.RECOVERY)) {
        add(to, Event.RECOVERS, n);
      }
      if (bounds.auto()
          && role.kind == DesiredState.Kind.CLOSED
          && !n.locallyOpen
          && n.pendingTrip < 0
          && n.sight < 0) {
        add(to, Event.SEES_THE_TARGET_WELL, n);
      }
      if (n.sight >= 0 && may(Fault.FLAP)) {
        add(to, Event.SEES_IT_WELL_NO_MORE, n);
      }
      if (role.kind == DesiredState.Kind.WAITING
          || role.kind == DesiredState.Kind.OPEN && n.now - role.until >= 0) {
        add(to, Event.HAS_TRAFFIC, n);
      }
      if (role.kind == DesiredState.Kind.PROBER && n.resultFence < 0) {
        add(to, Event.SENDS_A_PROBE, n);
        add(to, Event.PROBES_ARE_GOOD, n);
        add(to, Event.PROBE_IS_BAD, n);
        if (bounds.slowHearing || more && may(Fault.LATE)) {
          add(to, Event.PROBES_ARE_GOOD_AND_THAT_IS_HEARD_LATER, n);
          add(to, Event.PROBE_IS_BAD_AND_THAT_IS_HEARD_LATER, n);
        }
      }
      if (n.resultFence >= 0) {
        add(to, Event.HEARS_OF_ITS_PROBES, n);
      }
      if (n.flying != null) {
        if (n.answer != 0 && !n.cut) {
          add(to, Event.IS_ANSWERED, n);
        }
        if (n.answer == 0 && n.floating == null && (n.cut || more && may(Fault.LATE))) {
          add(to, Event.GIVES_UP_WAITING, n);
        }
        if (n.answer != 0 && n.cut) {
          add(to, Event.GIVES_UP_WAITING, n);
        }
      }
      if ((behind >> n.number & 1) != 0 && !n.cut) {
        add(to, Event.WATCHES, n);
      }
      if (!leased && !n.cut) {
        add(to, Event.GETS_A_NEW_LEASE, n);
      }
      if (n.cut) {
        add(to, Event.IS_BACK, n);
      }
      if (n.machine.nextTick(n.now) != Long.MAX_VALUE) {
        add(to, Event.TIME_PASSES, n);
      }
    }

    private void add(Events to, Event e, Node n) {
      to.add(e, n.number);
    }

    private boolean may(Fault f) {
      return bounds.faults.contains(f);
    }

    /** Instances in trouble, and the operator's hand. */
    private int troubles() {
      int n = etcd.keys.containsKey(FleetMachine.FORCE) ? 1 : 0;
      for (Node x : nodes) {
        n += well(x) ? 0 : 1;
      }
      return n;
    }

    private boolean well(Node n) {
      return !n.excused()
          && n.floating == null
          && (n.resultFence < 0 || bounds.slowHearing)
          && etcd.leaseLives(n.session)
          && !(n.orphan != 0 && etcd.leaseLives(n.orphan))
          && oldVote(n) == null;
    }

    /** A vote of an incarnation that is no more, or null. */
    private String oldVote(Node n) {
      if (n.incarnation > 1 && bounds.votes() && closed()) {
        for (String k : etcd.keys.keySet()) {
          if (k.startsWith(FleetMachine.VOTES)
              && k.charAt(FleetMachine.VOTES.length()) == n.id.charAt(0)
              && !k.endsWith(n.id)) {
            return k;
          }
        }
      }
      return null;
    }

    // ---- what then happens

    void apply(int code) {
      Event e = EVENTS[code >> 3];
      switch (e) {
        case STATE_RUNS_OUT -> expire(etcd.keys.get(FleetMachine.STATE).lease());
        case HAND_OPEN, HAND_CLOSED, HAND_AWAY -> {
          write();
          Force f = e == Event.HAND_OPEN ? Force.OPEN : Force.CLOSED;
          etcd.put(FleetMachine.FORCE, e == Event.HAND_AWAY ? null : f);
          committed();
        }
        default -> {
          Node n = new Node(nodes[code & 7]);
          nodes[n.number] = n;
          apply(e, n);
        }
      }
      for (int i = 0; i < nodes.length; i++) {
        Node n = nodes[i];
        boolean late = n.floating != null && n.floating.doomed(etcd);
        boolean refused =
            !bounds.slowHearing
                && n.alive
                && !n.paused
                && !n.cut
                && n.flying != null
                && n.flying.doomed(etcd);
        if (late || refused) {
          nodes[i] = new Node(n);
          nodes[i].floating = late ? null : n.floating;
          if (refused) {
            nodes[i].answer = 1;
            hearAnswer(nodes[i]);
            pump(nodes[i]);
          }
        }
      }
    }

    private void apply(Event e, Node n) {
      FleetMachine m = n.machine;
      switch (e) {
        case TRIPS -> {
          n.locallyOpen = true;
          n.pendingTrip = m.role().epoch;
          n.sight = -1;
          if (!bounds.slowHearing) {
            hearTrip(n);
          }
        }
        case HEARS_OF_ITS_TRIP -> hearTrip(n);
        case RECOVERS -> {
          n.locallyOpen = false;
          n.evidence = -1;
          m.recovered(n.now);
        }
        case SEES_THE_TARGET_WELL -> {
          n.sight = m.role().epoch;
          see(n);
        }
        case SEES_IT_WELL_NO_MORE -> {
          n.sight = -1;
          see(n);
        }
        case HAS_TRAFFIC -> m.wanted(n.now);
        case SENDS_A_PROBE -> m.probing(1, n.now);
        case PROBES_ARE_GOOD -> m.probed(m.role().fence, true, n.now);
        case PROBE_IS_BAD -> m.probed(m.role().fence, false, n.now);
        case PROBES_ARE_GOOD_AND_THAT_IS_HEARD_LATER, PROBE_IS_BAD_AND_THAT_IS_HEARD_LATER -> {
          n.resultFence = m.role().fence;
          n.resultGood = e == Event.PROBES_ARE_GOOD_AND_THAT_IS_HEARD_LATER;
        }
        case HEARS_OF_ITS_PROBES -> {
          m.probed(n.resultFence, n.resultGood, n.now);
          n.resultFence = -1;
        }
        case REQUEST_ARRIVES -> {
          n.answer = arrive(n.flying) ? 1 : -1;
          if (!bounds.slowHearing && !n.paused) {
            hearAnswer(n);
          }
        }
        case IS_ANSWERED -> hearAnswer(n);
        case REQUEST_ARRIVES_AND_ITS_ANSWER_IS_LOST -> {
          arrive(n.flying);
          n.flying = null;
          m.answered(false, n.now);
        }
        case GIVES_UP_WAITING -> {
          n.floating = n.answer == 0 ? n.flying : null;
          n.answer = 0;
          n.flying = null;
          m.answered(false, n.now);
        }
        case LATE_REQUEST_ARRIVES -> {
          Request late = n.floating;
          n.floating = null;
          arrive(late);
        }
        case LATE_REQUEST_IS_LOST -> n.floating = null;
        case WATCHES -> {
          look(n);
          n.dazed = false;
        }
        case TIME_PASSES -> {
          n.now = m.nextTick(n.now);
          see(n);
          m.tick(n.now);
        }
        case LEASE_RUNS_OUT -> expire(n.session);
        case OLD_LEASE_RUNS_OUT -> expire(n.orphan);
        case GETS_A_NEW_LEASE -> {
          m.leaseLost(n.now);
          n.session = grant();
          m.leaseGranted(n.now);
        }
        case CRASHES -> {
          n.alive = false;
          if (n.flying != null && n.answer == 0 && n.floating == null) {
            n.floating = n.flying;
          }
          n.flying = null;
          n.answer = 0;
        }
        case RESTARTS -> boot(n);
        case IS_PAUSED -> n.paused = true;
        case WAKES -> {
          n.paused = false;
          n.dazed = (behind >> n.number & 1) != 0;
        }
        case IS_CUT_OFF -> {
          n.cut = true;
          m.connected(false, n.now);
        }
        case IS_BACK -> {
          n.cut = false;
          look(n);
          m.connected(true, n.now);
        }
        case VOTE_RUNS_OUT -> expire(etcd.keys.get(n.vote).lease());
        case OLD_VOTE_RUNS_OUT -> expire(etcd.keys.get(oldVote(n)).lease());
        default -> throw new AssertionError(e);
      }
      if (n.alive && !n.paused) {
        pump(n);
        if (e == Event.HAS_TRAFFIC || e == Event.SENDS_A_PROBE) {
          n.now += FleetMachine.IDLE_NANOS; // traffic is a moment: more of it is another event
        }
      }
    }

    private void boot(Node n) {
      n.id = (char) ('a' + n.number) + "" + n.incarnation++;
      n.vote = FleetMachine.VOTES + n.id;
      FleetMachine.Settings s =
          new FleetMachine.Settings(60 * SECOND, 60 * SECOND, 5 * SECOND, bounds.quorum, 0, 0);
      n.machine = bounds.machine.of(n.id, n.site, s, 0);
      n.alive = true;
      n.cut = false;
      n.now = 0;
      n.locallyOpen = false;
      n.pendingTrip = -1;
      n.evidence = -1;
      n.sight = -1;
      n.resultFence = -1;
      n.flying = null;
      n.answer = 0;
      n.orphan = n.session;
      n.session = grant();
      n.machine.leaseGranted(n.now);
      n.machine.connected(true, n.now);
      look(n);
      pump(n);
    }

    private void pump(Node n) {
      if (n.machine.takeRole() != null) {
        n.locallyOpen = false;
        if (bounds.machine != Sabotage.Machine.FORGETFUL) {
          n.sight = -1; // another era of the breaker: its calls are yet to come
        }
      }
      FleetTransaction m = n.machine.takeMove();
      if (m != null) {
        long evidence = m.kind == FleetTransaction.Kind.OBJECT ? n.sight : n.evidence;
        Laws.Sender sender = new Laws.Sender(n.id, n.site, evidence, n.sight >= 0);
        n.flying = new Request(bounds.sabotage.apply(m), n.session, sender);
      }
    }

    private void see(Node n) {
      if (n.machine.contested()) {
        n.machine.sees(n.sight, n.sight >= 0, 20, 0, n.now);
      }
    }

    private void hearTrip(Node n) {
      n.evidence = n.pendingTrip;
      n.pendingTrip = -1;
      n.machine.tripped(n.evidence, 20, 20, 0, n.now);
    }

    private void hearAnswer(Node n) {
      boolean known = n.answer > 0;
      n.flying = null;
      n.answer = 0;
      n.machine.answered(known, n.now);
    }

    /** The view becomes what etcd holds now. */
    private void look(Node n) {
      behind &= ~(1 << n.number);
      for (String k : FIXED_KEYS) {
        if (!etcd.keys.containsKey(k)) {
          n.machine.gone(k);
        }
      }
      for (String by : MachineState.voters(n.machine)) {
        if (!etcd.keys.containsKey(FleetMachine.VOTES + by)) {
          n.machine.gone(FleetMachine.VOTES + by);
        }
      }
      etcd.keys.forEach((k, c) -> n.machine.see(k, c.value(), c.mod()));
      n.machine.viewed(false, n.now);
      see(n);
    }

    /** Whether etcd answered with a result. */
    private boolean arrive(Request q) {
      if (!etcd.leasesLive(q.move, q.session, 0)) {
        return false;
      }
      if (etcd.holds(q.move)) {
        FleetEpoch before = etcd.fence();
        String prober = etcd.prober();
        Map<String, SimEtcd.Cell> keys = etcd.keys;
        write();
        etcd.write(q.move, q.session, q.move.ttlSeconds > 0 ? etcd.grant() : 0);
        Laws.applied(before, prober, q.move, etcd, q.sender, bounds.quorum, keys);
        committed();
      }
      return true;
    }

    private void expire(long lease) {
      write();
      long before = etcd.revision;
      etcd.expire(lease);
      if (etcd.revision != before) {
        committed();
      }
    }

    private long grant() {
      write();
      return etcd.grant();
    }

    private void write() {
      etcd = etcd.withoutHistory();
    }

    private void committed() {
      behind = (1 << nodes.length) - 1;
      Set<Long> sessions = new HashSet<>();
      for (Node n : nodes) {
        sessions.add(n.session);
        sessions.add(n.orphan);
      }
      etcd.forgetLeasesBut(sessions);
    }

    /** What everybody believes is at most out of date, never made up. */
    void judge() {
      if (bounds.votes() && closed()) {
        long epoch = etcd.fence().epoch;
        etcd.keys.forEach(
            (k, c) ->
                require(
                    !(c.value() instanceof Vote v) || v.epoch == epoch,
                    "votes go with the epoch they were cast in",
                    k,
                    c));
        etcd.keys.forEach(
            (k, c) ->
                require(
                    !(c.value() instanceof Objection o) || o.epoch == epoch,
                    "objections go with the epoch they were made in",
                    k,
                    c));
      }
      for (Node n : nodes) {
        if (!n.alive || n.cut || (behind >> n.number & 1) != 0) {
          continue;
        }
        FleetEpoch f = etcd.fence();
        DesiredState.Kind role = n.machine.role().kind;
        require(n.machine.fence().equals(f), "who has heard all agrees with the fleet", n.id, f);
        require(
            role != DesiredState.Kind.PROBER || n.id.equals(etcd.prober()),
            "who believes to be the prober is, as far as it can know",
            n.id);
        require(
            (role == DesiredState.Kind.CLOSED) == (f.phase == FleetEpoch.Phase.CLOSED)
                && (role == DesiredState.Kind.OPEN) == (f.phase == FleetEpoch.Phase.OPEN),
            "the local breaker is what the fleet's is",
            n.id,
            role,
            f);
        if (bounds.auto()
            && n.evidence == f.epoch
            && closed()
            && nobodyObjects()
            && n.machine.fresh(n.now)) {
          require(
              n.flying != null
                  || etcd.keys.containsKey(FleetMachine.FORCE)
                  || n.machine.nextTick(n.now) != Long.MAX_VALUE,
              "a witness that nobody contradicts is on its way to open",
              n.id);
        }
      }
    }

    private boolean nobodyObjects() {
      for (String key : FleetMachine.OBJECTIONS) {
        if (etcd.keys.containsKey(key)) {
          return false;
        }
      }
      return true;
    }

    boolean closed() {
      return etcd.fence().phase == FleetEpoch.Phase.CLOSED;
    }
  }

  private static final String[] FIXED_KEYS = {
    FleetMachine.EPOCH,
    FleetMachine.STATE,
    FleetMachine.PROBE,
    FleetMachine.FORCE,
    FleetMachine.OBJECTIONS[0],
    FleetMachine.OBJECTIONS[1]
  };

  /** Makes a number of a state, the same for all states that have the same future. */
  private final class Print implements MachineState.Print {
    private World w;
    private long hash;

    /** Not null: only what {@code self} looks like is wanted, whoever the others are. */
    private Node self;

    private final int[] place = new int[bounds.instances];
    private final int[] order = new int[bounds.instances];
    private final long[] looks = new long[bounds.instances];
    private final long[] met = new long[64];
    private int metCount;
    private final long[] epochs = new long[64];
    private int epochCount;
    private final String[] strangers = new String[16];
    private int strangerCount;
    private final long[] votes = new long[16];
    private int voteCount;
    private long epoch;
    private long epochMod;
    private long probeMod;

    long of(World world) {
      w = world;
      epoch = w.etcd.fence().epoch;
      epochMod = w.etcd.mod(FleetMachine.EPOCH);
      probeMod = w.etcd.mod(FleetMachine.PROBE);
      voteCount = 0;
      if (bounds.votes() && w.closed()) {
        countVotes();
      }
      int n = w.nodes.length;
      for (int i = 0; i < n; i++) {
        self = w.nodes[i];
        begin();
        node(self);
        put(self.id.equals(w.etcd.prober()) ? 1 : 0);
        SimEtcd.Cell vote = w.etcd.keys.get(self.vote);
        put(vote == null ? -1 : rank(vote.mod()));
        looks[i] = end();
        int at = i;
        while (at > 0 && looks[order[at - 1]] > looks[i]) {
          order[at] = order[at - 1];
          at--;
        }
        order[at] = i;
      }
      self = null;
      return smallest(0, Long.MAX_VALUE);
    }

    /** The smallest hash of all orders in which those that look the same can be put. */
    private long smallest(int from, long best) {
      int n = order.length;
      if (from >= n - 1) {
        return Math.min(best, whole());
      }
      for (int i = from; i < n && looks[order[i]] == looks[order[from]]; i++) {
        swap(from, i);
        best = smallest(from + 1, best);
        swap(from, i);
      }
      return best;
    }

    private void swap(int i, int j) {
      int o = order[i];
      order[i] = order[j];
      order[j] = o;
    }

    private long whole() {
      for (int i = 0; i < order.length; i++) {
        place[order[i]] = i;
      }
      begin();
      FleetEpoch f = w.etcd.fence();
      put(f.phase.ordinal());
      revision(epochMod);
      String prober = w.etcd.prober();
      instance(prober == null ? "" : prober);
      revision(probeMod);
      put(f.phase == FleetEpoch.Phase.OPEN && w.etcd.keys.containsKey(FleetMachine.STATE) ? 1 : 0);
      SimEtcd.Cell force = w.etcd.keys.get(FleetMachine.FORCE);
      put(force == null ? 0 : ((Force) force.value()).ordinal());
      if (bounds.votes() && w.closed()) {
        for (int i : order) {
          cell(w.nodes[i].id);
        }
        for (String k : w.etcd.keys.keySet()) {
          if (k.startsWith(FleetMachine.VOTES) && stranger(k.substring(6))) {
            cell(k.substring(6));
          }
        }
        for (String k : FleetMachine.OBJECTIONS) {
          SimEtcd.Cell c = w.etcd.keys.get(k);
          objection(c == null ? null : (Objection) c.value(), w.etcd.mod(k), epochMod);
        }
      }
      for (int i : order) {
        node(w.nodes[i]);
      }
      return end();
    }

    private void cell(String by) {
      SimEtcd.Cell c = w.etcd.keys.get(FleetMachine.VOTES + by);
      if (c != null) {
        instance(by);
        host((Vote) c.value());
        epoch(((Vote) c.value()).epoch);
        revision(c.mod());
      } else {
        put(-7);
      }
    }

    private void node(Node n) {
      long s = n.alive ? 1 : 0;
      s = s * 2 + (n.paused ? 1 : 0);
      s = s * 2 + (n.dazed ? 1 : 0);
      s = s * 2 + (n.cut ? 1 : 0);
      s = s * 2 + (n.locallyOpen ? 1 : 0);
      s = s * 2 + (w.etcd.leaseLives(n.session) ? 1 : 0);
      s = s * 2 + (n.orphan != 0 && w.etcd.leaseLives(n.orphan) ? 1 : 0);
      s = s * 2 + (w.behind >> n.number & 1);
      s = s * 2 + (n.resultGood && n.resultFence >= 0 ? 1 : 0);
      put(s * 4 + n.answer);
      if (bounds.onOneHost > 1) {
        put(n.site.host.charAt(1));
      }
      request(n, n.floating);
      if (!n.alive) {
        return;
      }
      epoch(n.pendingTrip);
      epoch(n.sight);
      revision(Math.max(0, n.resultFence));
      request(n, n.flying);
      MachineState.fingerprint(n.machine, this, n.now);
    }

    private void request(Node n, Request q) {
      if (q == null) {
        put(-1);
        return;
      }
      if (q.doomed(w.etcd)) {
        put(n.machine.overtaken(q.move) ? -2 : -3);
        return;
      }
      put(q.move.kind.ordinal());
      for (FleetTransaction.Compare c : q.move.compares) {
        if (c.key.startsWith(FleetMachine.VOTES)) {
          instance(c.key.substring(6));
        } else {
          put(c.key.equals(FleetMachine.EPOCH) ? -2 : -4 - FleetMachine.slot(c.key));
        }
        revision(c.modRevision);
      }
      instance(q.sender.id());
      epoch(q.sender.evidenceEpoch());
      put(q.sender.sawWell() ? 1 : 0);
      put(w.etcd.leasesLive(q.move, q.session, 0) ? 1 : 0);
    }

    // ---- names

    private void begin() {
      hash = 0x9E3779B97F4A7C15L;
      metCount = 0;
      epochCount = 0;
      strangerCount = 0;
    }

    private long end() {
      long h = hash;
      h ^= h >>> 33;
      h *= 0xFF51AFD7ED558CCDL;
      h ^= h >>> 33;
      h *= 0xC4CEB9FE1A85EC53L;
      return h ^ (h >>> 33);
    }

    @Override
    public void put(long v) {
      long k = (v + 0x632BE59BD9B4E019L) * 0x87C37B91114253D5L;
      hash ^= Long.rotateLeft(k, 31) * 0x4CF5AD432745937FL;
      hash = Long.rotateLeft(hash, 27) * 5 + 0x52DCE729;
    }

    @Override
    public void revision(long r) {
      if (r == 0) {
        put(0);
        return;
      }
      int rank = rank(r);
      if (rank >= 0) {
        put(200 + rank);
        return;
      }
      if (self != null) {
        put(r == epochMod ? 101 : r == probeMod ? 102 : 103);
        return;
      }
      int i = 0;
      while (i < metCount && met[i] != r) {
        i++;
      }
      if (i == metCount) {
        met[metCount++] = r;
      }
      put(101 + i);
    }

    /** Of a vote that counts, among those that do; -1 for any other revision. */
    private int rank(long r) {
      for (int i = 0; i < voteCount; i++) {
        if (votes[i] == r) {
          return i;
        }
      }
      return -1;
    }

    private void countVotes() {
      w.etcd.keys.forEach((k, c) -> count(c.value(), c.mod(), epoch));
      for (Node n : w.nodes) {
        if (n.alive) {
          MachineState.votes(n.machine, this);
        }
      }
      Arrays.sort(votes, 0, voteCount);
    }

    /** A vote somebody sees and counts. */
    @Override
    public void count(Object vote, long mod, long inEpoch) {
      if (inEpoch == epoch && vote instanceof Vote v && v.epoch == epoch && rank(mod) < 0) {
        votes[voteCount++] = mod;
      }
    }

    @Override
    public void epoch(long e) {
      if (e < 0) {
        put(0);
      } else if (e == epoch) {
        put(1);
      } else if (self != null) {
        put(2);
      } else {
        int i = 0;
        while (i < epochCount && epochs[i] != e) {
          i++;
        }
        if (i == epochCount) {
          epochs[epochCount++] = e;
        }
        put(2 + i);
      }
    }

    @Override
    public void instance(String id) {
      if (id.isEmpty()) {
        put(0);
      } else if (!stranger(id)) {
        Node n = w.nodes[id.charAt(0) - 'a'];
        put(self == null ? 1 + place[n.number] : n == self ? 1 : 2);
      } else if (self != null) {
        put(3);
      } else {
        int i = 0;
        while (i < strangerCount && !strangers[i].equals(id)) {
          i++;
        }
        if (i == strangerCount) {
          strangers[strangerCount++] = id;
        }
        put(20 + i);
      }
    }

    /** An incarnation that is no more. */
    private boolean stranger(String id) {
      return !w.nodes[id.charAt(0) - 'a'].id.equals(id);
    }

    @Override
    public void votes(Map<String, Vote> seen, Map<String, Long> mods, long fenceMod) {
      if (!bounds.votes() || !w.closed() || fenceMod != epochMod) {
        return; // votes count in the epoch they were cast in, and are deleted when it is over
      }
      if (self == null) {
        for (int i : order) {
          vote(w.nodes[i].id, seen, mods);
        }
      } else {
        vote(self.id, seen, mods);
        put(seen.size());
      }
      for (String by : seen.keySet()) {
        if (stranger(by)) {
          vote(by, seen, mods);
        }
      }
    }

    private void vote(String by, Map<String, Vote> seen, Map<String, Long> mods) {
      Vote v = seen.get(by);
      if (v == null) {
        put(-7);
      } else {
        instance(by);
        host(v);
        epoch(v.epoch);
        revision(mods.get(by));
      }
    }

    private void host(Vote v) {
      if (bounds.onOneHost > 1) {
        put(v.site.host.charAt(1));
      }
    }

    @Override
    public void objection(Objection o, long revision, long fenceMod) {
      if (!w.closed() || fenceMod != epochMod) {
        return; // as with votes
      }
      if (o == null) {
        put(-8);
      } else {
        instance(o.by);
        epoch(o.epoch);
        revision(revision);
      }
    }
  }

  private final Bounds bounds;
  private final Print print;

  // what is known: states by number, in the order they were found
  private long[] table = new long[1 << 16];
  private int[] numbers = new int[1 << 16];
  private int[] parents = new int[1 << 12];
  private short[] events = new short[1 << 12];
  private boolean[] goals = new boolean[1 << 12];
  private int[] edges = new int[1 << 14];
  private int[] edgesEnd = new int[1 << 12];
  private int edgeCount;
  private int states;

  FleetExplorer(Bounds bounds) {
    this.bounds = bounds;
    this.print = new Print();
  }

  int states() {
    return states;
  }

  int transitions() {
    return edgeCount;
  }

  /** Explores everything; throws {@link Laws.Broken} with the shortest way there. */
  void explore() {
    Deque<World> frontier = new ArrayDeque<>();
    World first = new World();
    number(print.of(first), -1, 0);
    goals[0] = true;
    frontier.add(first);
    Events enabled = new Events();
    for (int at = 0; !frontier.isEmpty(); at++) {
      World w = frontier.remove();
      enabled.count = 0;
      w.enabled(enabled);
      for (int i = 0; i < enabled.count; i++) {
        step(w, at, frontier, enabled.codes[i]);
      }
      edgesEnd[at] = edgeCount;
    }
    closedIsReachable();
  }

  private void step(World w, int from, Deque<World> frontier, int event) {
    World next = new World(w);
    try {
      next.apply(event);
      next.judge();
    } catch (Laws.Broken b) {
      throw new Laws.Broken(b.getMessage() + "\n" + way(from) + "\n  " + name(event));
    }
    int before = states;
    int to = number(print.of(next), from, event);
    if (edgeCount == edges.length) {
      edges = Arrays.copyOf(edges, edges.length + (edges.length >> 1));
    }
    edges[edgeCount++] = to;
    if (to == before) {
      goals[to] = next.closed();
      frontier.add(next);
      require(states <= bounds.maxStates, "the bounds are explored whole", bounds);
    }
  }

  /** The state's number; a new one when it was not known. */
  private int number(long hash, int parent, int event) {
    long h = hash == 0 ? 1 : hash;
    int mask = table.length - 1;
    int i = (int) h & mask;
    while (table[i] != 0) {
      if (table[i] == h) {
        return numbers[i];
      }
      i = (i + 1) & mask;
    }
    table[i] = h;
    numbers[i] = states;
    if (states == parents.length) {
      int n = states + (states >> 1);
      parents = Arrays.copyOf(parents, n);
      events = Arrays.copyOf(events, n);
      goals = Arrays.copyOf(goals, n);
      edgesEnd = Arrays.copyOf(edgesEnd, n);
    }
    parents[states] = parent;
    events[states] = (short) event;
    if (states * 2 > table.length) {
      long[] old = table;
      int[] oldNumbers = numbers;
      table = new long[old.length * 2];
      numbers = new int[old.length * 2];
      mask = table.length - 1;
      for (int k = 0; k < old.length; k++) {
        if (old[k] != 0) {
          int j = (int) old[k] & mask;
          while (table[j] != 0) {
            j = (j + 1) & mask;
          }
          table[j] = old[k];
          numbers[j] = oldNumbers[k];
        }
      }
    }
    return states++;
  }

  private void closedIsReachable() {
    boolean[] can = Arrays.copyOf(goals, states);
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int s = states - 1; s >= 0; s--) {
        for (int e = s == 0 ? 0 : edgesEnd[s - 1]; !can[s] && e < edgesEnd[s]; e++) {
          if (can[edges[e]]) {
            can[s] = true;
            changed = true;
          }
        }
      }
    }
    for (int s = 0; s < states; s++) {
      require(can[s], "closed is always reachable", "not from\n" + way(s));
    }
  }

  private String way(int to) {
    List<String> way = new ArrayList<>();
    for (int s = to; s > 0; s = parents[s]) {
      way.add("  " + name(events[s]));
    }
    Collections.reverse(way);
    return String.join("\n", way);
  }

  private static String name(int event) {
    Event e = EVENTS[event >> 3];
    String what = e.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    return e.compareTo(Event.STATE_RUNS_OUT) >= 0 ? what : (char) ('a' + (event & 7)) + " " + what;
  }
}
