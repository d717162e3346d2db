package io.weir.control.fleet;

import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fleet protocol of one target as one instance runs it: a state machine without thread, clock,
 * I/O or chance. Inputs are method calls that carry the time; outputs are at most one transaction
 * to send ({@link #takeMove}) and the role the local breaker shall play ({@link #takeRole}). The
 * same code runs against real etcd, against a simulated one under random schedules and under the
 * exhaustive explorer.
 *
 * <p>How it works: every input first updates what is known - the view of the target's keys as of
 * some revision, and this instance's own evidence, traffic and probe results - and then {@link
 * #decide} looks at the whole of it, so nothing depends on the order or number of the events that
 * led here; a view that jumps over several revisions is as good as one that saw each.
 *
 * <p>Why it is safe: every move compares the {@code epoch} key (or the {@code probe} key) with the
 * revision it was judged by, so of all writers that saw the same state at most one wins and the
 * others learn of it through the watch. One move is under way at a time. After any answer no move
 * is made until the view differs from what that move compared: a committed move must first be seen,
 * a refused one was refused because of something that must still arrive. Only a move whose answer
 * never came is made again on the same view, after a while; if the first one is applied late, one
 * of the two loses.
 *
 * <p>Why it does not hang: the open time ends by the {@code state} key's expiry or by the local
 * clock, whichever is first; a prober that dies loses its key with its lease; one without traffic
 * lets go; one whose probe never ends reports it as bad.
 *
 * <p>Threading: none; its owner calls it from one thread.
 */
class FleetMachine {
  static final String EPOCH = "epoch";
  static final String STATE = "state";
  static final String PROBE = "probe";
  static final String FORCE = "force";
  static final String VOTES = "votes/";

  /** Two are enough: one that dies leaves the other. */
  static final String[] OBJECTIONS = {"objections/1", "objections/2"};

  /** How long half-open and closed projections and votes stay. */
  static final int PROJECTION_SECONDS = 60;

  /** Who has a claim to probe that cannot be read or stays for ever. */
  static final String NOBODY = "";

  private static final long MILLI = 1_000_000L;
  private static final long SECOND = 1_000_000_000L;

  /** Traffic younger than this is "in hand"; a prober idle for longer lets go. */
  static final long IDLE_NANOS = 2 * SECOND;

  /** How long the fleet may be out of reach before this instance probes for itself. */
  static final long AWAY_GRACE_NANOS = 5 * SECOND;

  /** Before a move whose answer never came is made again. */
  static final long RETRY_NANOS = SECOND;

  /** Before a move that was answered is judged again although its answer is still not in view. */
  static final long SETTLE_NANOS = 10 * SECOND;

  /**
   * A voter that did not complete the quorum leaves the opening to the one that did for so long.
   */
  static final long YIELD_NANOS = SECOND / 4;

  /** Under {@code quorum: auto}: how long others may object before one witness alone opens. */
  static final long WITNESS_NANOS = SECOND;

  /**
   * Under {@code quorum: auto}: failures longer ago make no new vote, and a witness alone opens by
   * them no more. Its next bad probe is new evidence.
   */
  static final long FRESH_NANOS = 10 * SECOND;

  /** How long an objection outlives the last vote, so that one cast again finds it there. */
  static final long OBJECTION_HOLD_NANOS = 10 * SECOND;

  /** The part of {@link Settings#jitterNanos} by which every objection is held back. */
  private static final double LEAST_JITTER = 0.2;

  /** etcd counts every put, delete and comparison; its default bound is 128. */
  private static final int MAX_COMPARED_VOTES = 60;

  static final long NEVER = Long.MAX_VALUE;

  /** What a rule says about sharing. Immutable. */
  static final class Settings {
    final long openNanos;
    final long maxOpenNanos;
    final long probeTimeoutNanos;

    /** 0, without a share: auto. */
    final int quorum;

    final double quorumShare;

    /** Campaigns start after a random part of this. */
    final long jitterNanos;

    Settings(
        long openNanos,
        long maxOpenNanos,
        long probeTimeoutNanos,
        int quorum,
        double quorumShare,
        long jitterNanos) {
      this.openNanos = openNanos;
      this.maxOpenNanos = maxOpenNanos;
      this.probeTimeoutNanos = probeTimeoutNanos;
      this.quorum = quorum;
      this.quorumShare = quorumShare;
      this.jitterNanos = jitterNanos;
    }

    boolean auto() {
      return quorum == 0 && quorumShare == 0;
    }
  }

  enum Result {
    NONE,
    GOOD,
    BAD
  }

  final String self;
  final FailureDomain site;
  // package-private from here to the constructor: the explorer copies and compares machines

  Settings settings;
  int live = 1;
  long dice;

  // the view: what the target's keys were at the last revision heard of
  FleetEpoch fence = FleetEpoch.NONE;
  long fenceMod;
  boolean stateThere;
  String prober = "";
  long probeMod;
  Force force = Force.NONE;
  final Map<String, Vote> votes = new TreeMap<String, Vote>();
  final Map<String, Long> voteMods = new TreeMap<String, Long>();
  final @Nullable Objection[] objections = new @Nullable Objection[OBJECTIONS.length];
  final long[] objectionMods = new long[OBJECTIONS.length];

  boolean synced;
  boolean connected;
  long awaySince;
  boolean session;

  /** A probe key of ours that a lost lease takes with it. */
  long lostProbeMod = -1;

  /** When the open time of {@link #deadlineOf} ends on the local clock. */
  long deadline;

  long deadlineOf = -1;

  // own evidence
  long evidenceEpoch = -1;
  long evidenceAt;
  long calls;
  long failures;
  long ageNanos;
  long quorumSeen = NEVER;

  /** Since when this instance's vote stands, and nobody objects. */
  long aloneSince = NEVER;

  // what this instance sees of the target while others vote
  long sightEpoch = -1;
  boolean sightWell;
  long sightCalls;
  long sightFailures;
  long objectAt = NEVER;

  /** Since when an objection of this instance stands, and no vote. */
  long quietSince = NEVER;

  // own traffic and probes
  boolean traffic;
  long trafficAt;
  long campaignAt = NEVER;
  int outstanding;
  long probeActivity;
  Result result = Result.NONE;

  // moves
  @Nullable FleetTransaction underWay;
  @Nullable FleetTransaction answered;
  long answeredUntil;

  // outputs
  @Nullable FleetTransaction move;
  @Nullable DesiredState role;
  boolean roleNew;
  Force imposedForce = Force.NONE;

  /**
   * @param self no other instance's name, not even one that this process had before
   * @param seed of the machine's dice
   */
  FleetMachine(String self, FailureDomain site, Settings settings, long seed) {
    this.self = self;
    this.site = site;
    this.settings = settings;
    this.dice = seed;
  }

  // ---- inputs: rules and surroundings

  void settings(Settings next, long now) {
    settings = next;
    decide(now);
  }

  /** How many instances a share in the quorum is a share of. */
  void live(int instances, long now) {
    live = Math.max(1, instances);
    decide(now);
  }

  /** The instance's own lease is in force: it may take the prober's role. */
  void leaseGranted(long now) {
    session = true;
    decide(now);
  }

  /** The instance's own lease is lost, and with it the prober's role. */
  void leaseLost(long now) {
    session = false;
    if (prober.equals(self)) {
      lostProbeMod = probeMod;
    }
    decide(now);
  }

  /** The store is reached, or not, right now. */
  void connected(boolean is, long now) {
    if (connected && !is) {
      awaySince = now;
    }
    connected = is;
    decide(now);
  }

  // ---- inputs: the view. Any number of see() and gone(), then viewed()

  /**
   * A key has this value since that revision. An operator's hand stands elsewhere, under {@code
   * /service/}, and has no revision here.
   */
  void see(String key, Object value, long modRevision) {
    if (key.equals(EPOCH)) {
      fence = (FleetEpoch) value;
      fenceMod = modRevision;
    } else if (key.equals(STATE)) {
      stateThere = true;
    } else if (key.equals(PROBE)) {
      prober = (String) value;
      probeMod = modRevision;
    } else if (key.equals(FORCE)) {
      force = (Force) value;
    } else if (key.startsWith(VOTES)) {
      String by = key.substring(VOTES.length());
      votes.put(by, (Vote) value);
      voteMods.put(by, modRevision);
    } else if (slot(key) >= 0) {
      objections[slot(key)] = (Objection) value;
      objectionMods[slot(key)] = modRevision;
    }
  }

  /** Which objection a key holds, -1: it holds none. */
  static int slot(String key) {
    for (int i = 0; i < OBJECTIONS.length; i++) {
      if (OBJECTIONS[i].equals(key)) {
        return i;
      }
    }
    return -1;
  }

  /** A key is not there. */
  void gone(String key) {
    if (key.equals(EPOCH)) {
      fence = FleetEpoch.NONE;
      fenceMod = 0;
    } else if (key.equals(STATE)) {
      stateThere = false;
    } else if (key.equals(PROBE)) {
      prober = "";
      probeMod = 0;
    } else if (key.equals(FORCE)) {
      force = Force.NONE;
    } else if (key.startsWith(VOTES)) {
      votes.remove(key.substring(VOTES.length()));
      voteMods.remove(key.substring(VOTES.length()));
    } else if (slot(key) >= 0) {
      objections[slot(key)] = null;
      objectionMods[slot(key)] = 0;
    }
  }

  /**
   * The view is complete as of a new revision.
   *
   * @param newHistory the store was wiped or replaced: nothing known from before holds
   */
  void viewed(boolean newHistory, long now) {
    synced = true;
    if (newHistory) {
      answered = null;
      deadlineOf = -1;
      lostProbeMod = -1;
    }
    decide(now);
  }

  // ---- inputs: the local breaker. See FleetLink

  void tripped(long epoch, long windowCalls, long windowFailures, long windowAge, long now) {
    evidenceEpoch = epoch;
    evidenceAt = now;
    calls = windowCalls;
    failures = windowFailures;
    ageNanos = windowAge;
    quorumSeen = NEVER;
    sightWell = false; // what it saw before is no evidence any more
    decide(now);
  }

  /**
   * What this instance sees of the target, told while {@link #contested}. See {@code Sight}.
   *
   * @param epoch the fleet epoch in which the calls were made
   * @param well it has had enough calls lately, and they were good
   */
  void sees(long epoch, boolean well, long lately, long failed, long now) {
    sightEpoch = epoch;
    sightWell = well;
    sightCalls = lately;
    sightFailures = failed;
    decide(now);
  }

  /** Whether it matters what this instance sees: another one votes, or this one objects. */
  boolean contested() {
    if (!settings.auto() || fence.phase != FleetEpoch.Phase.CLOSED) {
      return false;
    }
    return othersVote() || ownObjection() >= 0;
  }

  void recovered(long now) {
    evidenceEpoch = -1;
    decide(now);
  }

  void wanted(long now) {
    traffic = true;
    trafficAt = now;
    decide(now);
  }

  void probing(int nowOutstanding, long now) {
    traffic = true;
    trafficAt = now;
    outstanding = nowOutstanding;
    probeActivity = now;
    decide(now);
  }

  void probed(long probeFence, boolean good, long now) {
    if (mine() && probeFence == probeMod && result == Result.NONE) {
      result = good ? Result.GOOD : Result.BAD;
      outstanding = 0;
    }
    decide(now);
  }

  // ---- inputs: answers and time

  /**
   * The move under way has been answered.
   *
   * @param known true: it was applied, or refused because a comparison did not hold; false: no such
   *     answer came, it may have been applied, or may still be
   */
  void answered(boolean known, long now) {
    answered = underWay;
    answeredUntil = now + (known ? SETTLE_NANOS : RETRY_NANOS);
    underWay = null;
    decide(now);
  }

  void tick(long now) {
    decide(now);
  }

  // ---- outputs

  /** A transaction to send now, or null; it is under way until {@link #answered}. */
  @Nullable FleetTransaction takeMove() {
    FleetTransaction m = move;
    move = null;
    return m;
  }

  /** What the local breaker shall be from now on, or null: no change. */
  @Nullable DesiredState takeRole() {
    if (!roleNew) {
      return null;
    }
    roleNew = false;
    return role;
  }

  /** The role last decided, or null. */
  @Nullable DesiredState role() {
    return role;
  }

  /** What the operator's hand says. */
  Force force() {
    return imposedForce;
  }

  FleetEpoch fence() {
    return fence;
  }

  /** When {@link #tick} should be called next, {@code Long.MAX_VALUE} when nothing waits. */
  long nextTick(long now) {
    long next = NEVER;
    if (!connected && synced) {
      next = earlier(next, awaySince + AWAY_GRACE_NANOS, now);
    }
    if (fence.phase == FleetEpoch.Phase.OPEN) {
      next = earlier(next, deadline, now);
    }
    if (campaignAt != NEVER) {
      next = earlier(next, campaignAt, now);
    }
    if (answered != null) {
      next = earlier(next, answeredUntil, now);
    }
    if (quorumSeen != NEVER) {
      next = earlier(next, quorumSeen + YIELD_NANOS, now);
    }
    if (aloneSince != NEVER) {
      next = earlier(next, aloneSince + WITNESS_NANOS, now);
    }
    if (settings.auto() && fence.phase == FleetEpoch.Phase.CLOSED && tripped()) {
      next = earlier(next, evidenceAt + FRESH_NANOS, now);
    }
    if (objectAt != NEVER) {
      next = earlier(next, objectAt, now);
    }
    if (quietSince != NEVER) {
      next = earlier(next, quietSince + OBJECTION_HOLD_NANOS, now);
    }
    if (mine() && result == Result.NONE) {
      next = earlier(next, probeActivity + idleLimit(), now);
    }
    return next;
  }

  private static long earlier(long best, long candidate, long now) {
    return candidate - now > 0 && (best == NEVER || candidate - best < 0) ? candidate : best;
  }

  // ---- decisions

  /** Whether evidence gathered under that epoch speaks about the fleet as it is now. */
  boolean holds(long gatheredIn) {
    return gatheredIn == fence.epoch;
  }

  boolean mine() {
    return prober.equals(self) && probeMod != lostProbeMod;
  }

  long idleLimit() {
    return outstanding > 0 ? settings.probeTimeoutNanos : IDLE_NANOS;
  }

  private void decide(long now) {
    if (!synced) {
      return;
    }
    if (fence.phase == FleetEpoch.Phase.OPEN) {
      if (deadlineOf != fenceMod) {
        deadlineOf = fenceMod;
        // whatever a peer wrote: never for longer than the rule here says
        long most = Math.max(settings.openNanos, settings.maxOpenNanos);
        deadline = now + Math.min(fence.openMillis, most / MILLI + 1) * MILLI;
      }
      if (!stateThere && deadline - now > 0) {
        deadline = now; // its lease has run out: so has the open time
      }
    }
    imposedForce = force;
    play(now);
    watchWitnesses(now);
    if (connected && underWay == null && move == null && force == Force.NONE && maySend(now)) {
      move = nextMove(now);
      underWay = move;
    }
  }

  private void play(long now) {
    DesiredState next = connected ? shared() : alone(now);
    if (next == null || next.equals(role)) {
      return;
    }
    if (next.kind == DesiredState.Kind.PROBER) {
      outstanding = 0;
      probeActivity = now;
      result = Result.NONE;
    }
    role = next;
    roleNew = true;
  }

  /** The role the view gives. */
  private DesiredState shared() {
    switch (fence.phase) {
      case CLOSED:
        return new DesiredState(DesiredState.Kind.CLOSED, fence.epoch, 0, 0, 0);
      case OPEN:
        return new DesiredState(DesiredState.Kind.OPEN, fence.epoch, fence.attempt, deadline, 0);
      default:
        return mine()
            ? new DesiredState(DesiredState.Kind.PROBER, fence.epoch, fence.attempt, 0, probeMod)
            : new DesiredState(DesiredState.Kind.WAITING, fence.epoch, fence.attempt, 0, 0);
    }
  }

  /**
   * The role without the fleet, after a grace in which all stays as it is: what was shared holds to
   * its end, then local probes decide.
   */
  private @Nullable DesiredState alone(long now) {
    if (now - awaySince < AWAY_GRACE_NANOS
        || fence.phase == FleetEpoch.Phase.CLOSED
        || role != null && role.kind == DesiredState.Kind.ALONE) {
      return null;
    }
    long until = fence.phase == FleetEpoch.Phase.OPEN ? deadline : now;
    return new DesiredState(DesiredState.Kind.ALONE, fence.epoch, fence.attempt, until, 0);
  }

  /** The clocks that run under {@code quorum: auto}; what they have to say is a move's to say. */
  private void watchWitnesses(long now) {
    boolean judges = settings.auto() && connected && fence.phase == FleetEpoch.Phase.CLOSED;
    boolean contested = contested();
    int standing = 0;
    for (Objection o : objections) {
      standing += stands(o) ? 1 : 0;
    }
    if (!contested) {
      sightWell = false; // the next vote finds it told anew
    }
    Vote own = votes.get(self);
    boolean alone = judges && tripped() && own != null && own.epoch == fence.epoch && standing == 0;
    aloneSince = since(alone, aloneSince, now);
    boolean quiet = ownObjection() >= 0 && !othersVote();
    quietSince = since(quiet, quietSince, now);
    boolean objects =
        judges
            && !tripped()
            && contested
            && well()
            && ownObjection() < 0
            && standing < OBJECTIONS.length;
    if (!objects) {
      objectAt = NEVER;
    } else if (objectAt == NEVER) {
      objectAt = now + (long) (settings.jitterNanos * (LEAST_JITTER + (1 - LEAST_JITTER) * draw()));
    }
  }

  private static long since(boolean holds, long before, long now) {
    return !holds ? NEVER : before == NEVER ? now : before;
  }

  boolean tripped() {
    return evidenceEpoch >= 0 && holds(evidenceEpoch);
  }

  /** Whether the failures this instance opened for are from just now, where that matters. */
  boolean fresh(long now) {
    return !settings.auto() || now - evidenceAt < FRESH_NANOS;
  }

  /** Whether this instance may object by what it sees. */
  boolean well() {
    return sightWell && holdsSight(sightEpoch);
  }

  /** Whether calls made under that epoch speak about the fleet as it is now. */
  boolean holdsSight(long madeIn) {
    return madeIn == fence.epoch;
  }

  private boolean stands(@Nullable Objection o) {
    return o != null && o.epoch == fence.epoch;
  }

  /** Where an objection of this instance stands, or -1. */
  private int ownObjection() {
    for (int i = 0; i < objections.length; i++) {
      Objection o = objections[i];
      if (o != null && stands(o) && o.by.equals(self)) {
        return i;
      }
    }
    return -1;
  }

  private boolean othersVote() {
    for (Map.Entry<String, Vote> v : votes.entrySet()) {
      if (v.getValue().epoch == fence.epoch && !v.getKey().equals(self)) {
        return true;
      }
    }
    return false;
  }

  /** Whether that vote of this epoch comes from somebody who fails for reasons of his own. */
  boolean anotherWitness(String by, Vote v) {
    return !by.equals(self) && v.site.apart(site);
  }

  private boolean maySend(long now) {
    if (answered != null && (now - answeredUntil >= 0 || overtaken(answered))) {
      answered = null;
    }
    return answered == null;
  }

  /** Whether the view has moved on from what the move was judged by. */
  boolean overtaken(FleetTransaction m) {
    for (FleetTransaction.Compare c : m.compares) {
      if (modOf(c.key) != c.modRevision) {
        return true;
      }
    }
    return false;
  }

  private long modOf(String key) {
    if (key.equals(EPOCH)) {
      return fenceMod;
    }
    if (key.equals(PROBE)) {
      return probeMod;
    }
    int slot = slot(key);
    if (slot >= 0) {
      return objectionMods[slot];
    }
    Long mod = voteMods.get(key.substring(VOTES.length()));
    return mod == null ? 0 : mod;
  }

  private @Nullable FleetTransaction nextMove(long now) {
    switch (fence.phase) {
      case CLOSED:
        campaignAt = NEVER;
        return closedMove(now);
      case OPEN:
        return campaign(now, deadline - now <= 0, FleetTransaction.Kind.CAMPAIGN);
      default:
        if (mine()) {
          campaignAt = NEVER;
          return proberMove(now);
        }
        return campaign(now, true, FleetTransaction.Kind.TAKE_OVER);
    }
  }

  private @Nullable FleetTransaction closedMove(long now) {
    if (!tripped()) {
      quorumSeen = NEVER;
      return wellMove(now);
    }
    boolean auto = settings.auto();
    int need =
        auto
            ? 2
            : settings.quorumShare > 0
                ? Math.max(1, (int) Math.ceil(settings.quorumShare * live - 1e-9))
                : settings.quorum;
    // the newest first: these have longest to live. Anybody may vote, so no more are sorted than
    // are compared
    int compared = Math.max(1, Math.min(need - 1, MAX_COMPARED_VOTES));
    TreeMap<Long, String> others = new TreeMap<Long, String>(Collections.<Long>reverseOrder());
    int witnesses = 1;
    for (Map.Entry<String, Vote> v : votes.entrySet()) {
      String by = v.getKey();
      boolean counts = auto ? anotherWitness(by, v.getValue()) : !by.equals(self);
      if (v.getValue().epoch == fence.epoch && counts) {
        witnesses++;
        others.put(voteMod(by), by);
        if (others.size() > compared) {
          others.pollLastEntry();
        }
      }
    }
    Vote own = votes.get(self);
    boolean voted = own != null && own.epoch == fence.epoch;
    if (witnesses < need) {
      quorumSeen = NEVER;
      return !fresh(now) ? null : !voted ? vote() : auto ? openAlone(now) : null;
    }
    if (voted && !others.isEmpty() && others.firstKey() > voteMod(self)) {
      // the one whose vote completed the quorum opens; the others only if it does not
      if (quorumSeen == NEVER) {
        quorumSeen = now;
      }
      if (now - quorumSeen < YIELD_NANOS) {
        return null;
      }
    }
    FleetTransaction.Builder b =
        FleetTransaction.of(FleetTransaction.Kind.OPEN).when(EPOCH, fenceMod);
    if (need > 1) {
      for (Map.Entry<Long, String> v : others.entrySet()) {
        b.when(VOTES + v.getValue(), v.getKey());
      }
    }
    return opening(b, auto ? "two witnesses" : need > 1 ? "quorum of " + need : "window");
  }

  /** Evidence for the others; who objected so far takes that back with it. */
  private FleetTransaction vote() {
    FleetTransaction.Builder b =
        FleetTransaction.of(FleetTransaction.Kind.VOTE)
            .when(EPOCH, fenceMod)
            .when(VOTES + self, votes.containsKey(self) ? voteMod(self) : 0)
            .putFor(PROJECTION_SECONDS, VOTES + self, new Vote(fence.epoch, calls, failures, site));
    int slot = ownObjection();
    if (slot >= 0) {
      b.when(OBJECTIONS[slot], objectionMods[slot]).delete(OBJECTIONS[slot]);
    }
    return b.build();
  }

  /** One witness opens when nobody has objected for a while, and nobody does at the commit. */
  private @Nullable FleetTransaction openAlone(long now) {
    if (aloneSince == NEVER || now - aloneSince < WITNESS_NANOS) {
      return null;
    }
    FleetTransaction.Builder b =
        FleetTransaction.of(FleetTransaction.Kind.OPEN)
            .when(EPOCH, fenceMod)
            .when(VOTES + self, voteMod(self));
    for (int i = 0; i < OBJECTIONS.length; i++) {
      b.when(OBJECTIONS[i], objectionMods[i]);
    }
    return opening(b, "one witness, nobody objects");
  }

  private FleetTransaction opening(FleetTransaction.Builder b, String reason) {
    FleetEpoch next = fence.opened(0, self, settings.openNanos / MILLI);
    b.put(EPOCH, next).putFor(seconds(settings.openNanos), STATE, open(next, reason));
    deleteObjections(b);
    return b.build();
  }

  /** With the epoch changed they count for nothing. */
  private void deleteObjections(FleetTransaction.Builder b) {
    for (int i = 0; i < OBJECTIONS.length; i++) {
      if (objections[i] != null) {
        b.delete(OBJECTIONS[i]);
      }
    }
  }

  /** What an instance does that sees no reason to open. */
  private @Nullable FleetTransaction wellMove(long now) {
    Vote own = votes.get(self);
    if (own != null && own.epoch == fence.epoch) {
      return FleetTransaction.of(FleetTransaction.Kind.WITHDRAW)
          .when(EPOCH, fenceMod)
          .when(VOTES + self, voteMod(self))
          .delete(VOTES + self)
          .build();
    }
    int slot = ownObjection();
    if (slot >= 0) {
      boolean over = quietSince != NEVER && now - quietSince >= OBJECTION_HOLD_NANOS;
      return settings.auto() && !over && well()
          ? null
          : FleetTransaction.of(FleetTransaction.Kind.CONCEDE)
              .when(EPOCH, fenceMod)
              .when(OBJECTIONS[slot], objectionMods[slot])
              .delete(OBJECTIONS[slot])
              .build();
    }
    if (objectAt == NEVER || now - objectAt < 0 || !session) {
      return null;
    }
    for (int i = 0; i < OBJECTIONS.length; i++) {
      if (!stands(objections[i])) {
        return FleetTransaction.of(FleetTransaction.Kind.OBJECT)
            .when(EPOCH, fenceMod)
            .when(OBJECTIONS[i], objectionMods[i])
            .putForSession(
                OBJECTIONS[i], new Objection(fence.epoch, self, sightCalls, sightFailures))
            .build();
      }
    }
    return null;
  }

  private PublishedState open(FleetEpoch next, String reason) {
    return new PublishedState("open", calls, failures, ageNanos, self, next.epoch, reason);
  }

  private @Nullable FleetTransaction campaign(long now, boolean due, FleetTransaction.Kind kind) {
    boolean inHand = traffic && now - trafficAt < IDLE_NANOS;
    boolean taken = probeMod != 0 && !prober.equals(NOBODY);
    if (!due || !inHand || !session || taken) {
      campaignAt = NEVER;
      return null;
    }
    if (campaignAt == NEVER) {
      campaignAt = now + (long) (settings.jitterNanos * draw());
    }
    if (now - campaignAt < 0) {
      return null;
    }
    campaignAt = NEVER;
    return FleetTransaction.of(kind)
        .when(EPOCH, fenceMod)
        .when(PROBE, probeMod)
        .put(EPOCH, fence.probing(self))
        .putForSession(PROBE, self)
        .putFor(
            PROJECTION_SECONDS,
            STATE,
            new PublishedState(
                "half-open", calls, failures, ageNanos, self, fence.epoch, "probing"))
        .build();
  }

  private @Nullable FleetTransaction proberMove(long now) {
    if (result == Result.NONE && outstanding > 0 && now - probeActivity >= idleLimit()) {
      result = Result.BAD; // the probe never ended
    }
    if (result == Result.GOOD) {
      FleetTransaction.Builder b =
          FleetTransaction.of(FleetTransaction.Kind.CLOSE)
              .when(EPOCH, fenceMod)
              .when(PROBE, probeMod)
              .put(EPOCH, fence.closed(self))
              .delete(PROBE)
              .putFor(
                  PROJECTION_SECONDS,
                  STATE,
                  new PublishedState("closed", 0, 0, 0, self, fence.epoch + 1, "probes were good"));
      int n = 0;
      for (String by : votes.keySet()) {
        if (n++ < MAX_COMPARED_VOTES) { // what is left expires, and counts for nothing anyway
          b.delete(VOTES + by);
        }
      }
      deleteObjections(b);
      return b.build();
    }
    if (result == Result.BAD) {
      int attempt = fence.attempt + 1;
      long openNanos = openNanos(attempt);
      FleetEpoch next = fence.opened(attempt, self, openNanos / MILLI);
      return FleetTransaction.of(FleetTransaction.Kind.REOPEN)
          .when(EPOCH, fenceMod)
          .when(PROBE, probeMod)
          .put(EPOCH, next)
          .delete(PROBE)
          .putFor(seconds(openNanos), STATE, open(next, "a probe was bad"))
          .build();
    }
    if (now - probeActivity >= idleLimit()) {
      return FleetTransaction.of(FleetTransaction.Kind.LET_GO)
          .when(PROBE, probeMod)
          .delete(PROBE)
          .build();
    }
    return null;
  }

  /** As {@code Breaker.openNanos}: doubled per attempt, capped, a tenth of jitter. */
  private long openNanos(int attempt) {
    long max = Math.max(settings.openNanos, settings.maxOpenNanos);
    double nanos = Math.min((double) max, settings.openNanos * Math.pow(2, attempt));
    double jitter = settings.jitterNanos == 0 ? 1 : 0.9 + 0.2 * draw();
    return (long) Math.min(max, nanos * jitter);
  }

  private static int seconds(long nanos) {
    return (int) Math.max(2, (nanos + SECOND - 1) / SECOND);
  }

  /** SplitMix64: 0 inclusive to 1 exclusive. */
  private double draw() {
    dice += 0x9E3779B97F4A7C15L;
    long z = dice;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
  }

  /** The revision of a vote that is seen. */
  long voteMod(String voter) {
    return Objects.requireNonNull(voteMods.get(voter));
  }
}
