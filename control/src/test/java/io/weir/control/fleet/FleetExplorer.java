package io.weir.control.fleet;

import static io.weir.control.fleet.Laws.require;

import io.weir.engine.rules.BreakerRule.Force;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * Every schedule of a small fleet, breadth first: at each state every event that could come next is
 * tried - trips, traffic, probe results (also late ones), requests applied, answered or lost and
 * applied later, watch deliveries, leases running out, crashes and restarts, cuts, an operator's
 * hand - until no new state appears. The machines are the real ones; the local breaker is reduced
 * to the callbacks it may make in its role. A pause needs no event of its own: it is a schedule in
 * which one instance gets none for a while.
 *
 * <p>States are told apart by a 64-bit hash of everything future behaviour depends on, with
 * revisions replaced by their ranks and times by whether they have passed. A watch may lag by a few
 * revisions, further ones wait until it has caught up. Laws are judged at every commit; when all
 * states are known, every one of them must have a way to CLOSED.
 */
final class FleetExplorer {
  /** Bounds of one exploration: how many instances, and how often each fault may strike. */
  static final class Bounds {
    int instances = 2;
    int quorum = 1;
    int epochs = 3;
    int crashes;
    int expiries;
    int losses;
    int cuts;
    int forces;
    int lag = 3;
    boolean prompt;
    int maxStates = 5_000_000;
    UnaryOperator<Move> sabotage = m -> m;
    boolean keepsOldEvidence;

    @Override
    public String toString() {
      return instances
          + " instances, quorum "
          + quorum
          + ", epochs "
          + epochs
          + ", crashes "
          + crashes
          + ", lease losses "
          + expiries
          + ", lost answers "
          + losses
          + ", cuts "
          + cuts
          + ", hands "
          + forces;
    }
  }

  private static final long SECOND = 1_000_000_000L;
  private static final FleetMachine.Settings RULE_OF_ONE = settings(1);

  private static FleetMachine.Settings settings(int quorum) {
    return new FleetMachine.Settings(60 * SECOND, 60 * SECOND, 5 * SECOND, quorum, 0, 0);
  }

  private enum Stage {
    SENT,
    DONE,
    NO_LEASE
  }

  private static final class Request implements Cloneable {
    Move move;
    long session;
    long expiring;
    long evidence;
    String sender;
    Stage stage = Stage.SENT;

    Request copy() {
      try {
        return (Request) clone();
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private final class Node {
    final int number;
    String id;
    int incarnation;
    FleetMachine machine;
    long now;
    int seen;
    long session;

    /** Of the incarnation before. */
    long orphan;

    boolean alive = true;
    boolean cut;
    boolean locallyOpen;
    long pendingTrip = -1;
    long evidence = -1;
    long resultFence = -1;
    boolean resultGood;
    Request flying;
    Request floating;

    Node(int number) {
      this.number = number;
    }

    Node(Node o) {
      number = o.number;
      id = o.id;
      incarnation = o.incarnation;
      machine = o.machine.copy();
      now = o.now;
      seen = o.seen;
      session = o.session;
      orphan = o.orphan;
      alive = o.alive;
      cut = o.cut;
      locallyOpen = o.locallyOpen;
      pendingTrip = o.pendingTrip;
      evidence = o.evidence;
      resultFence = o.resultFence;
      resultGood = o.resultGood;
      flying = o.flying == null ? null : o.flying.copy();
      floating = o.floating == null ? null : o.floating.copy();
    }
  }

  /** One state of everything. */
  private final class World {
    final SimEtcd etcd;
    final Node[] nodes;
    int crashes;
    int expiries;
    int losses;
    int cuts;
    int forces;

    World() {
      etcd = new SimEtcd();
      nodes = new Node[bounds.instances];
      crashes = bounds.crashes;
      expiries = bounds.expiries;
      losses = bounds.losses;
      cuts = bounds.cuts;
      forces = bounds.forces;
      for (int i = 0; i < nodes.length; i++) {
        nodes[i] = new Node(i);
        boot(nodes[i]);
      }
    }

    World(World o) {
      etcd = new SimEtcd(o.etcd);
      nodes = new Node[o.nodes.length];
      for (int i = 0; i < nodes.length; i++) {
        nodes[i] = new Node(o.nodes[i]);
      }
      crashes = o.crashes;
      expiries = o.expiries;
      losses = o.losses;
      cuts = o.cuts;
      forces = o.forces;
    }

    void boot(Node n) {
      n.id = (char) ('a' + n.number) + "" + n.incarnation++;
      FleetMachine.Settings s = bounds.quorum == 1 ? RULE_OF_ONE : settings(bounds.quorum);
      n.machine = bounds.keepsOldEvidence ? new Gullible(n.id, s) : new FleetMachine(n.id, s, 0);
      n.alive = true;
      n.cut = false;
      n.now = 0;
      n.locallyOpen = false;
      n.pendingTrip = -1;
      n.evidence = -1;
      n.resultFence = -1;
      n.flying = null;
      n.orphan = n.session;
      n.session = etcd.grant();
      n.machine.leaseGranted(n.now);
      etcd.keys.forEach((k, c) -> n.machine.see(k, c.value(), c.mod()));
      n.seen = etcd.log.size();
      n.machine.connected(true, n.now);
      n.machine.viewed(false, n.now);
      pump(n);
    }

    void pump(Node n) {
      Role r = n.machine.takeRole();
      if (r != null) {
        n.locallyOpen = false;
      }
      Move m = n.machine.takeMove();
      if (m != null) {
        Request q = new Request();
        q.move = bounds.sabotage.apply(m);
        q.session = n.session;
        q.expiring = m.ttlSeconds > 0 ? etcd.grant() : 0;
        q.evidence = n.evidence;
        q.sender = n.id;
        n.flying = q;
      }
    }

    void hearTrip(Node y) {
      long tag = y.pendingTrip;
      y.pendingTrip = -1;
      y.evidence = tag;
      y.machine.tripped(tag, 20, 20, 0, y.now);
      pump(y);
    }

    void hearAnswer(Node y) {
      boolean known = y.flying.stage == Stage.DONE;
      y.flying = null;
      y.machine.answered(known, y.now);
      pump(y);
    }

    void apply(Request q) {
      if (!etcd.leasesLive(q.move, q.session, q.expiring)) {
        q.stage = Stage.NO_LEASE;
        return;
      }
      q.stage = Stage.DONE;
      if (!etcd.holds(q.move)) {
        return;
      }
      Fence before = etcd.fence();
      String prober = etcd.prober();
      Map<String, SimEtcd.Cell> keys = Map.copyOf(etcd.keys);
      etcd.write(q.move, q.session, q.expiring);
      Laws.applied(before, prober, q.move, etcd, q.sender, q.evidence, bounds.quorum, keys);
    }

    /** Revisions the slowest watch is behind. */
    int lag() {
      int lag = 0;
      for (Node n : nodes) {
        if (n.alive && !n.cut) {
          lag = Math.max(lag, etcd.log.size() - n.seen);
        }
      }
      return lag;
    }

    void deliver(Node n) {
      etcd.log
          .get(n.seen++)
          .changes()
          .forEach(
              (k, c) -> {
                if (c == null) {
                  n.machine.gone(k);
                } else {
                  n.machine.see(k, c.value(), c.mod());
                }
              });
      n.machine.viewed(false, n.now);
    }

    long hash() {
      StringBuilder s = new StringBuilder(600);
      if (bounds.quorum == 1) {
        // only equality of revisions matters: name them in the order they are met
        List<Long> met = new ArrayList<>();
        write(
            s,
            r -> {
              int i = met.indexOf(r);
              if (i < 0) {
                i = met.size();
                met.add(r);
              }
              return r == 0 ? "o" : NAMES[i];
            });
      } else {
        // the later of two votes matters, too: name them by rank
        TreeSet<Long> revisions = new TreeSet<>();
        write(
            new StringBuilder(),
            r -> {
              revisions.add(r);
              return "";
            });
        Long[] ranks = revisions.toArray(new Long[0]);
        write(s, r -> r == 0 ? "o" : NAMES[Arrays.binarySearch(ranks, r)]);
      }
      long h = 0xcbf29ce484222325L;
      for (int i = 0; i < s.length(); i++) {
        h = (h ^ s.charAt(i)) * 0x100000001b3L;
        h ^= h >>> 29;
      }
      h *= 0xBF58476D1CE4E5B9L;
      return h ^ (h >>> 32);
    }

    private void write(StringBuilder s, FleetMachine.RevisionNames names) {
      s.append(crashes).append(expiries).append(losses).append(cuts).append(forces);
      etcd.keys.forEach((k, c) -> cell(s, k, c, names));
      for (Node n : nodes) {
        s.append('#').append(n.id).append(n.alive).append(etcd.leaseLives(n.session));
        s.append(etcd.leaseLives(n.orphan));
        request(s, n.floating, names);
        if (!n.alive) {
          continue;
        }
        s.append(n.cut).append(n.locallyOpen).append(n.pendingTrip);
        s.append(n.resultFence < 0 ? "-" : names.of(n.resultFence) + n.resultGood);
        request(s, n.flying, names);
        n.machine.fingerprint(s, n.now, names);
        for (int i = n.seen; i < etcd.log.size() && !n.cut; i++) {
          s.append('/');
          etcd.log.get(i).changes().forEach((k, c) -> cell(s, k, c, names));
        }
      }
    }

    private void cell(StringBuilder s, String k, SimEtcd.Cell c, FleetMachine.RevisionNames names) {
      s.append(k);
      if (c == null) {
        s.append('-');
        return;
      }
      if (!k.equals(FleetMachine.STATE) && !k.equals(FleetMachine.FORCE)) {
        s.append(names.of(c.mod()));
      }
      if (c.value() instanceof Fence f) {
        s.append(f.epoch).append(f.phase.ordinal()).append(f.attempt);
      } else if (c.value() instanceof Vote v) {
        s.append(v.epoch);
      } else if (!(c.value() instanceof Projection)) {
        s.append(c.value());
      }
    }

    private void request(StringBuilder s, Request q, FleetMachine.RevisionNames names) {
      if (q == null) {
        s.append('.');
        return;
      }
      s.append(q.stage.ordinal()).append(q.sender).append(q.evidence);
      s.append(etcd.leasesLive(q.move, q.session, q.expiring));
      FleetMachine.move(s, q.move, names);
    }
  }

  /** Believes evidence for ever. */
  private static final class Gullible extends FleetMachine {
    private final Settings settings;

    Gullible(String self, Settings settings) {
      super(self, settings, 0);
      this.settings = settings;
    }

    @Override
    boolean holds(long gatheredIn) {
      return true;
    }

    @Override
    FleetMachine fresh() {
      return new Gullible(self, settings);
    }
  }

  private interface Change {
    void to(World w);
  }

  private static final String[] NAMES = new String[64];

  static {
    for (int i = 0; i < NAMES.length; i++) {
      NAMES[i] = String.valueOf((char) ('A' + i));
    }
  }

  private final Bounds bounds;

  // what is known: states by number, in the order they were found
  private long[] table = new long[1 << 16];
  private int[] numbers = new int[1 << 16];
  private int[] parents = new int[1 << 12];
  private String[] events = new String[1 << 12];
  private boolean[] goals = new boolean[1 << 12];
  private int[] edges = new int[1 << 14];
  private int[] edgesEnd = new int[1 << 12];
  private int edgeCount;
  private int states;

  FleetExplorer(Bounds bounds) {
    this.bounds = bounds;
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
    number(first.hash(), -1, "start");
    goals[0] = true;
    frontier.add(first);
    for (int at = 0; !frontier.isEmpty(); at++) {
      World w = frontier.remove();
      if (w.etcd.fence().epoch > bounds.epochs) {
        goals[at] = true; // beyond the bound nothing is claimed
      } else {
        successors(w, at, frontier);
      }
      edgesEnd[at] = edgeCount;
    }
    closedIsReachable();
  }

  private void successors(World w, int at, Deque<World> frontier) {
    for (int i = 0; i < w.nodes.length; i++) {
      Node n = w.nodes[i];
      int me = i;
      String id = n.id;
      if (n.floating != null && w.lag() < bounds.lag) {
        step(
            w,
            at,
            frontier,
            id + " late request arrives",
            x -> {
              Request q = x.nodes[me].floating;
              x.nodes[me].floating = null;
              x.apply(q);
            });
      }
      if (w.etcd.leaseLives(n.session) && (!n.alive || w.expiries > 0)) {
        step(
            w,
            at,
            frontier,
            id + " lease runs out",
            x -> {
              x.etcd.expire(x.nodes[me].session);
              if (x.nodes[me].alive) {
                x.expiries--;
              }
            });
      }
      if (w.etcd.leaseLives(n.orphan)) {
        step(w, at, frontier, id + " old lease runs out", x -> x.etcd.expire(x.nodes[me].orphan));
      }
      if (!n.alive) {
        step(w, at, frontier, id + " restarts", x -> x.boot(x.nodes[me]));
        continue;
      }
      Role role = n.machine.role();
      if (w.crashes > 0) {
        step(
            w,
            at,
            frontier,
            id + " crashes",
            x -> {
              Node y = x.nodes[me];
              x.crashes--;
              y.alive = false;
              if (y.flying != null && y.flying.stage == Stage.SENT && y.floating == null) {
                y.floating = y.flying;
              }
            });
      }
      if (role.kind == Role.Kind.CLOSED && !n.locallyOpen && n.pendingTrip < 0) {
        step(
            w,
            at,
            frontier,
            id + " trips",
            x -> {
              Node y = x.nodes[me];
              y.locallyOpen = true;
              y.pendingTrip = y.machine.role().epoch;
              if (bounds.prompt) {
                x.hearTrip(y);
              }
            });
      }
      if (n.pendingTrip >= 0) {
        step(
            w,
            at,
            frontier,
            id + " hears of its trip",
            x -> {
              x.hearTrip(x.nodes[me]);
            });
      } else if (n.locallyOpen && bounds.quorum > 1) {
        step(
            w,
            at,
            frontier,
            id + " recovers",
            x -> {
              Node y = x.nodes[me];
              y.locallyOpen = false;
              y.evidence = -1;
              y.machine.recovered(y.now);
              x.pump(y);
            });
      }
      if (role.kind == Role.Kind.WAITING
          || role.kind == Role.Kind.OPEN && n.now - role.until >= 0) {
        step(
            w,
            at,
            frontier,
            id + " has traffic",
            x -> {
              Node y = x.nodes[me];
              y.machine.wanted(y.now);
              x.pump(y);
              y.now += FleetMachine.IDLE_NANOS; // traffic is a moment: more of it is another event
            });
      }
      if (role.kind == Role.Kind.PROBER && n.resultFence < 0) {
        step(
            w,
            at,
            frontier,
            id + " sends a probe",
            x -> {
              Node y = x.nodes[me];
              y.machine.probing(1, y.now);
              x.pump(y);
              y.now += FleetMachine.IDLE_NANOS;
            });
        for (boolean good : new boolean[] {true, false}) {
          step(
              w,
              at,
              frontier,
              id + (good ? " good probes" : " bad probe"),
              x -> {
                x.nodes[me].resultFence = x.nodes[me].machine.role().fence;
                x.nodes[me].resultGood = good;
              });
        }
      }
      if (n.resultFence >= 0) {
        step(
            w,
            at,
            frontier,
            id + " hears of its probes",
            x -> {
              Node y = x.nodes[me];
              long fence = y.resultFence;
              y.resultFence = -1;
              y.machine.probed(fence, y.resultGood, y.now);
              x.pump(y);
            });
      }
      if (n.flying != null) {
        if (n.flying.stage == Stage.SENT && !n.cut && w.lag() < bounds.lag) {
          step(
              w,
              at,
              frontier,
              id + " " + n.flying.move.kind + " arrives",
              x -> {
                x.apply(x.nodes[me].flying);
                if (bounds.prompt && x.losses == 0) {
                  x.hearAnswer(x.nodes[me]);
                }
              });
        }
        if (n.flying.stage != Stage.SENT && !n.cut) {
          step(
              w,
              at,
              frontier,
              id + " is answered",
              x -> {
                x.hearAnswer(x.nodes[me]);
              });
        }
        if ((w.losses > 0 || n.cut) && n.floating == null) {
          step(
              w,
              at,
              frontier,
              id + " hears no answer",
              x -> {
                Node y = x.nodes[me];
                if (!y.cut) {
                  x.losses--;
                }
                y.floating = y.flying.stage == Stage.SENT ? y.flying : null;
                y.flying = null;
                y.machine.answered(false, y.now);
                x.pump(y);
              });
        }
      }
      if (n.seen < w.etcd.log.size() && !n.cut) {
        step(
            w,
            at,
            frontier,
            id + " watches",
            x -> {
              x.deliver(x.nodes[me]);
              x.pump(x.nodes[me]);
            });
      }
      if (!w.etcd.leaseLives(n.session) && !n.cut) {
        step(
            w,
            at,
            frontier,
            id + " gets a new lease",
            x -> {
              Node y = x.nodes[me];
              y.machine.leaseLost(y.now);
              y.session = x.etcd.grant();
              y.machine.leaseGranted(y.now);
              x.pump(y);
            });
      }
      if (n.cut) {
        step(
            w,
            at,
            frontier,
            id + " is back",
            x -> {
              Node y = x.nodes[me];
              y.cut = false;
              while (y.seen < x.etcd.log.size()) {
                x.deliver(y);
              }
              y.machine.connected(true, y.now);
              x.pump(y);
            });
      } else if (w.cuts > 0) {
        step(
            w,
            at,
            frontier,
            id + " is cut off",
            x -> {
              x.cuts--;
              x.nodes[me].cut = true;
              x.nodes[me].machine.connected(false, x.nodes[me].now);
              x.pump(x.nodes[me]);
            });
      }
      long next = n.machine.nextTick(n.now);
      if (next != Long.MAX_VALUE) {
        step(
            w,
            at,
            frontier,
            id + " time passes",
            x -> {
              x.nodes[me].now = next;
              x.nodes[me].machine.tick(next);
              x.pump(x.nodes[me]);
            });
      }
    }
    SimEtcd.Cell state = w.etcd.keys.get(FleetMachine.STATE);
    if (state != null && w.etcd.fence().phase == Fence.Phase.OPEN) {
      step(w, at, frontier, "state runs out", x -> x.etcd.expire(state.lease()));
    }
    if (w.expiries > 0) {
      w.etcd.keys.forEach(
          (k, c) -> {
            if (k.startsWith(FleetMachine.VOTES)) {
              step(
                  w,
                  at,
                  frontier,
                  k + " runs out",
                  x -> {
                    x.expiries--;
                    x.etcd.expire(c.lease());
                  });
            }
          });
    }
    SimEtcd.Cell force = w.etcd.keys.get(FleetMachine.FORCE);
    if (force != null) {
      step(w, at, frontier, "the hand is taken away", x -> x.etcd.put(FleetMachine.FORCE, null));
    } else if (w.forces > 0) {
      for (Force f : new Force[] {Force.OPEN, Force.CLOSED}) {
        step(
            w,
            at,
            frontier,
            "a hand: " + f,
            x -> {
              x.forces--;
              x.etcd.put(FleetMachine.FORCE, f);
            });
      }
    }
  }

  private void step(World w, int from, Deque<World> frontier, String event, Change change) {
    World next = new World(w);
    try {
      change.to(next);
      for (Node n : next.nodes) {
        if (n.alive && n.machine.role() != null && n.machine.role().kind == Role.Kind.PROBER) {
          require(
              n.id.equals(next.etcd.prober()) || n.seen < next.etcd.log.size() || n.cut,
              "who believes to be the prober is, as far as it can know",
              n.id);
        }
      }
    } catch (Laws.Broken b) {
      throw new Laws.Broken(b.getMessage() + "\n" + way(from) + "\n  " + event);
    }
    int before = states;
    int to = number(next.hash(), from, event);
    if (edgeCount == edges.length) {
      edges = Arrays.copyOf(edges, edges.length * 2);
    }
    edges[edgeCount++] = to;
    if (to == before) {
      goals[to] = next.etcd.fence().phase == Fence.Phase.CLOSED;
      frontier.add(next);
      require(states <= bounds.maxStates, "the bounds are explored whole", bounds);
    }
  }

  /** The state's number; a new one when it was not known. */
  private int number(long hash, int parent, String event) {
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
      int n = states * 2;
      parents = Arrays.copyOf(parents, n);
      events = Arrays.copyOf(events, n);
      goals = Arrays.copyOf(goals, n);
      edgesEnd = Arrays.copyOf(edgesEnd, n);
    }
    parents[states] = parent;
    events[states] = event.intern();
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
      way.add("  " + events[s]);
    }
    Collections.reverse(way);
    return String.join("\n", way);
  }
}
