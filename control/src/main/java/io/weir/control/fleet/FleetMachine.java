package io.weir.control.fleet;

import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fleet protocol of one target as one instance runs it. It is a state machine without threads,
 * clock and I/O, and its random numbers come from a seed. Inputs are method calls that carry the
 * time. Outputs are at most one transaction to send ({@link #takeMove}) and the state that the
 * local breaker shall take ({@link #takeRole}). The same code runs against real etcd, against a
 * simulated one under random schedules, and under the exhaustive explorer of the tests.
 *
 * <p>Terms:
 *
 * <ul>
 *   <li>The <i>view</i> is what this instance knows of the target's keys, as of some revision.
 *   <li>A <i>move</i> is a transaction that this instance sends.
 *   <li>A <i>role</i> is what the local breaker shall be: closed, open, prober, waiting for another
 *       prober, or "alone", that is, without the fleet.
 *   <li>A <i>witness</i> is an instance whose own window tripped, and which votes for opening. With
 *       {@code quorum: auto} two witnesses open, or a single one to which nobody objects ({@link
 *       #openAlone}). This has nothing to do with the role "alone".
 *   <li>The <i>sight</i> of an instance whose window has not tripped is how its own calls went in
 *       the last ten seconds. It is <i>well</i> if the target looks healthy by them.
 *   <li>An <i>objection</i> is the answer of an instance with such a sight to a vote of another
 *       one.
 *   <li>A <i>campaign</i> is an attempt to become the prober.
 *   <li>A <i>projection</i> is the key {@code state}. It tells people what the key {@code epoch}
 *       says.
 * </ul>
 *
 * <p>Two values are called a fence, because each of them keeps writers with an old view out. {@link
 * #fence} is the value of the key {@code epoch}. A {@code probeFence} is the revision of the key
 * {@code probe}: it tells one term of a prober from the next.
 *
 * <p>How it works: every input first updates the view or what this instance knows by itself (its
 * evidence, traffic and probe results). Then {@link #decide} looks at all of it. So nothing depends
 * on the order or number of inputs, and a view may jump over several revisions.
 *
 * <p>Why it is safe: every move compares the revisions of the keys by which it was decided, and
 * writes or deletes one of these keys. So of all writers that want to change the same key of the
 * same state at most one succeeds, and the others learn of it by the watch.
 *
 * <p>When the next move may be sent: one move is under way at a time. When it has been answered,
 * the next one waits until the view has another revision of a key that it compared. If the move was
 * applied, its own writes must arrive first. If it was refused, another writer's change must
 * arrive. The wait ends after {@link #SETTLE_NANOS} in any case. If no answer came, it ends after
 * {@link #RETRY_NANOS}, and the same move may be sent again. If etcd applies the first one late,
 * the comparisons of one of the two fail.
 *
 * <p>Why it does not hang: the open time ends by the expiry of {@code state} or by the local clock,
 * whichever is first. A prober that dies loses its key with its lease. A prober without traffic
 * deletes its key. A prober whose probe never ends reports it as bad.
 *
 * <p>Not thread-safe; its owner calls it from one thread.
 */
class FleetMachine {
  static final String EPOCH = "epoch";
  static final String STATE = "state";
  static final String PROBE = "probe";
  static final String FORCE = "force";
  static final String VOTES = "votes/";

  /**
   * The keys of objections. There are two, because an instance that dies loses its objection with
   * its lease: the other one then still keeps a single witness from opening.
   */
  static final String[] OBJECTIONS = {"objections/1", "objections/2"};

  /**
   * TTL of votes, and of the key {@code state} while half-open or closed. While open, {@code state}
   * expires with the open time.
   */
  static final int PROJECTION_SECONDS = 60;

  /**
   * The prober by a key {@code probe} that cannot be read, or that has no lease and so would stay
   * for ever. Such a key keeps nobody from a campaign. Also the prober when there is no such key.
   */
  static final String NOBODY = "";

  private static final long MILLI = 1_000_000L;
  private static final long SECOND = 1_000_000_000L;

  /**
   * An instance whose last refused call or probe is younger than this has traffic, and may
   * campaign. A prober that is idle for longer deletes its key.
   */
  static final long IDLE_NANOS = 2 * SECOND;

  /**
   * For so long after the connection to the store was lost the role stays as it is; then this
   * instance probes for itself.
   */
  static final long AWAY_GRACE_NANOS = 5 * SECOND;

  /** The wait before a move whose answer never came may be sent again. */
  static final long RETRY_NANOS = SECOND;

  /** The wait after an answer if the view does not change; see the class comment. */
  static final long SETTLE_NANOS = 10 * SECOND;

  /**
   * The instance whose vote completed the quorum opens at once; the other voters only after this.
   */
  static final long YIELD_NANOS = SECOND / 4;

  /** Under {@code quorum: auto}: how long others may object before a single witness opens. */
  static final long WITNESS_NANOS = SECOND;

  /**
   * Under {@code quorum: auto}: an instance that tripped longer ago casts no new vote, and opens no
   * more as a single witness. Its next bad probe is new evidence.
   */
  static final long FRESH_NANOS = 10 * SECOND;

  /** How long an objection outlives the last vote, so that a repeated vote still meets it. */
  static final long OBJECTION_HOLD_NANOS = 10 * SECOND;

  /** The least delay of an objection, as a share of {@link Settings#jitterNanos}. */
  private static final double LEAST_JITTER = 0.2;

  /**
   * Most votes in one transaction, compared or deleted: etcd bounds the operations of a
   * transaction, to 128 by default.
   */
  private static final int MAX_COMPARED_VOTES = 60;

  /** As a time: not set. */
  static final long NEVER = Long.MAX_VALUE;

  /** What a rule says about sharing. Immutable. */
  static final class Settings {
    final long openNanos;
    final long maxOpenNanos;
    final long probeTimeoutNanos;

    /**
     * How many instances must have tripped before the fleet opens. Not used if there is a {@link
     * #quorumShare}. If both are 0, the rule has {@code quorum: auto}.
     */
    final int quorum;

    /** The same as a share of the live instances, from 0 to 1; 0: {@link #quorum} counts. */
    final double quorumShare;

    /** Campaigns and objections start after a random part of this; 0: no jitter. */
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

  /** How the probes of this instance as the prober went. */
  enum Result {
    /** Not known yet. */
    NONE,
    GOOD,
    BAD
  }

  final String self;
  final FailureDomain site;
  // package-private from here to the constructor: the explorer copies and compares machines

  Settings settings;
  int live = 1;

  /** State of the random generator. */
  long dice;

  // the view: the target's keys as of the last known revision. A ...Mod is the revision of a key's
  // last write; 0: the key is absent
  FleetEpoch fence = FleetEpoch.NONE;
  long fenceMod;
  boolean stateThere;
  String prober = "";
  long probeMod;

  /** What an operator forces. */
  Force force = Force.NONE;

  final Map<String, Vote> votes = new TreeMap<String, Vote>();
  final Map<String, Long> voteMods = new TreeMap<String, Long>();
  final @Nullable Objection[] objections = new @Nullable Objection[OBJECTIONS.length];
  final long[] objectionMods = new long[OBJECTIONS.length];

  /** Whether there has been a complete view. */
  boolean synced;

  boolean connected;

  /** Since when the store is out of reach, if it is. */
  long awaySince;

  /** Whether this instance has a lease in force. */
  boolean session;

  /**
   * Revision of this instance's key {@code probe} when it lost the lease of that key: the key is
   * worth nothing any more, although the view still has it. -1: none.
   */
  long lostProbeMod = -1;

  /** When the open time ends by the local clock. */
  long deadline;

  /** The {@link #fenceMod} to which {@link #deadline} belongs; -1: none. */
  long deadlineOf = -1;

  // what the local breaker reported when it last tripped

  /** -1: it has not tripped, or has recovered. */
  long evidenceEpoch = -1;

  long evidenceAt;
  long calls;
  long failures;

  /** How long before that the first of these calls may have been. */
  long ageNanos;

  /** Since when there are enough votes, of which another instance's is the newest. */
  long quorumSeen = NEVER;

  /** Since when this instance's vote is in view, and no objection is. */
  long aloneSince = NEVER;

  // the sight: how this instance's own calls went, reported while others vote
  long sightEpoch = -1;
  boolean sightWell;
  long sightCalls;
  long sightFailures;

  /** When this instance will object. */
  long objectAt = NEVER;

  /** Since when an objection of this instance is in view, and no vote of another one. */
  long quietSince = NEVER;

  // own traffic and probes

  /** Whether {@link #trafficAt} is set. */
  boolean traffic;

  long trafficAt;

  /** When this instance will try to become the prober. */
  long campaignAt = NEVER;

  /** Probes without a known outcome. */
  int outstanding;

  /** When this instance became the prober, or a later probe was sent or succeeded. */
  long probeActivity;

  Result result = Result.NONE;

  // moves; see the class comment

  /** The move without an answer. */
  @Nullable FleetTransaction underWay;

  /** The last move, until the view has changed or {@link #answeredUntil} has passed. */
  @Nullable FleetTransaction answered;

  long answeredUntil;

  // outputs

  /** The move under way, while {@link #takeMove} has not given it out. */
  @Nullable FleetTransaction move;

  @Nullable DesiredState role;
  boolean roleNew;
  Force imposedForce = Force.NONE;

  /**
   * @param self this instance's name; no other instance has it, and this process has not used it
   *     before
   * @param seed of the random numbers
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

  /** How many instances are live. {@link Settings#quorumShare} is a share of them. */
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

  /** The connection to the store was made or lost. */
  void connected(boolean reached, long now) {
    if (connected && !reached) {
      awaySince = now;
    }
    connected = reached;
    decide(now);
  }

  // ---- inputs: the view. Any number of see() and gone(), then viewed()

  /**
   * A key has this value since that revision. What an operator forces ({@link #FORCE}) is not one
   * of the target's keys: it is kept under {@code /service/}, and comes without a revision.
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

  /** The index of a key in {@link #OBJECTIONS}; -1: it is not one of them. */
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

  // ---- inputs: the local breaker. See io.weir.engine.breaker.FleetLink

  /** The local breaker has opened by its own calls. */
  void tripped(long epoch, long windowCalls, long windowFailures, long windowAge, long now) {
    evidenceEpoch = epoch;
    evidenceAt = now;
    calls = windowCalls;
    failures = windowFailures;
    ageNanos = windowAge;
    quorumSeen = NEVER;
    sightWell = false; // what was reported before is out of date
    decide(now);
  }

  /**
   * How this instance's own calls went in the last ten seconds. Reported while {@link #contested}.
   * See {@code io.weir.engine.breaker.TargetHealth}.
   *
   * @param epoch the fleet epoch in which the calls were made
   * @param well there were enough calls, and the target looks healthy by them
   */
  void sees(long epoch, boolean well, long recentCalls, long recentFailures, long now) {
    sightEpoch = epoch;
    sightWell = well;
    sightCalls = recentCalls;
    sightFailures = recentFailures;
    decide(now);
  }

  /**
   * Whether the owner must report how this instance's calls go ({@link #sees}): another instance
   * votes, or this one objects.
   */
  boolean contested() {
    if (!settings.auto() || fence.phase != FleetEpoch.Phase.CLOSED) {
      return false;
    }
    return othersVote() || ownObjection() >= 0;
  }

  /** The local breaker has closed again, so what it reported does not count any more. */
  void recovered(long now) {
    evidenceEpoch = -1;
    decide(now);
  }

  /**
   * The local breaker refused a call that only a probe could let pass, so this instance has traffic
   * to probe with.
   */
  void wanted(long now) {
    traffic = true;
    trafficAt = now;
    decide(now);
  }

  /**
   * The local breaker, as the prober, has sent a probe, or a probe of it succeeded.
   *
   * @param nowOutstanding probes without a known outcome
   */
  void probing(int nowOutstanding, long now) {
    traffic = true;
    trafficAt = now;
    outstanding = nowOutstanding;
    probeActivity = now;
    decide(now);
  }

  /**
   * The probes of the local breaker are over. Ignored if this instance is not the prober any more.
   *
   * @param probeFence as the role had it
   */
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
   * @param known true: etcd has applied it, or has refused it because a comparison did not hold.
   *     False: no such answer came. Etcd may have applied it, or may still do so
   */
  void answered(boolean known, long now) {
    answered = underWay;
    answeredUntil = now + (known ? SETTLE_NANOS : RETRY_NANOS);
    underWay = null;
    decide(now);
  }

  /** The time of {@link #nextTick} has come. */
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

  /** What the local breaker shall be from now on; null: no change since the last call. */
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

  /** What an operator forces, for the local breaker. */
  Force force() {
    return imposedForce;
  }

  /** The value of the key {@code epoch}. */
  FleetEpoch fence() {
    return fence;
  }

  /** When {@link #tick} should be called next; {@link #NEVER}: nothing waits. */
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

  /** The candidate if it is in the future and before {@code best}, else {@code best}. */
  private static long earlier(long best, long candidate, long now) {
    return candidate - now > 0 && (best == NEVER || candidate - best < 0) ? candidate : best;
  }

  // ---- decisions

  /**
   * Whether evidence that was gathered in that epoch still counts. Apart from {@link #holdsSight},
   * because tests break the two one at a time, and check that this is found.
   */
  boolean holds(long gatheredIn) {
    return gatheredIn == fence.epoch;
  }

  /** Whether this instance is the prober, and has not lost the lease of its key. */
  boolean mine() {
    return prober.equals(self) && probeMod != lostProbeMod;
  }

  /** How long a prober may go without probe activity. */
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
        // whatever an instance with another rule wrote: not for longer than the rule here says
        long most = Math.max(settings.openNanos, settings.maxOpenNanos);
        deadline = now + Math.min(fence.openMillis, most / MILLI + 1) * MILLI;
      }
      if (!stateThere && deadline - now > 0) {
        deadline = now; // the key expires with the open time
      }
    }
    imposedForce = force;
    updateRole(now);
    updateAutoClocks(now);
    if (connected && underWay == null && move == null && force == Force.NONE && maySend(now)) {
      move = nextMove(now);
      underWay = move;
    }
  }

  private void updateRole(long now) {
    DesiredState next = connected ? roleByView() : roleWithoutFleet(now);
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

  /** The role while the fleet is in reach. */
  private DesiredState roleByView() {
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
   * The role while the fleet is out of reach; null: the role stays as it is. It stays for {@link
   * #AWAY_GRACE_NANOS}, and a closed one for the whole time: the local breaker then opens and
   * closes by its own calls. After that an open one stays to the end of its open time, and then
   * local probes decide. Half-open, local probes decide at once.
   */
  private @Nullable DesiredState roleWithoutFleet(long now) {
    if (now - awaySince < AWAY_GRACE_NANOS
        || fence.phase == FleetEpoch.Phase.CLOSED
        || role != null && role.kind == DesiredState.Kind.ALONE) {
      return null;
    }
    long until = fence.phase == FleetEpoch.Phase.OPEN ? deadline : now;
    return new DesiredState(DesiredState.Kind.ALONE, fence.epoch, fence.attempt, until, 0);
  }

  /**
   * Starts and stops the clocks that run under {@code quorum: auto}. The moves look at them: {@link
   * #aloneSince} lets a single witness open, {@link #objectAt} lets this instance object, and
   * {@link #quietSince} lets it take its objection back.
   */
  private void updateAutoClocks(long now) {
    boolean judges = settings.auto() && connected && fence.phase == FleetEpoch.Phase.CLOSED;
    boolean contested = contested();
    int standing = 0;
    for (Objection o : objections) {
      standing += countsNow(o) ? 1 : 0;
    }
    if (!contested) {
      sightWell = false; // it is out of date when the next vote comes; sees() reports it again
    }
    Vote own = votes.get(self);
    boolean unopposed =
        judges && tripped() && own != null && own.epoch == fence.epoch && standing == 0;
    aloneSince = since(unopposed, aloneSince, now);
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

  /** A clock's start: NEVER while the condition is false, else when it became true. */
  private static long since(boolean condition, long before, long now) {
    return !condition ? NEVER : before == NEVER ? now : before;
  }

  /** Whether the local breaker has tripped in the fleet's current epoch. */
  boolean tripped() {
    return evidenceEpoch >= 0 && holds(evidenceEpoch);
  }

  /** Whether this instance tripped lately; always true without {@code quorum: auto}. */
  boolean fresh(long now) {
    return !settings.auto() || now - evidenceAt < FRESH_NANOS;
  }

  /** Whether the target looks healthy to this instance, so that it may object. */
  boolean well() {
    return sightWell && holdsSight(sightEpoch);
  }

  /** Whether calls that were made in that epoch still count; see {@link #holds}. */
  boolean holdsSight(long madeIn) {
    return madeIn == fence.epoch;
  }

  private boolean countsNow(@Nullable Objection o) {
    return o != null && o.epoch == fence.epoch;
  }

  /** The index of this instance's objection; -1: there is none of the current epoch. */
  private int ownObjection() {
    for (int i = 0; i < objections.length; i++) {
      Objection o = objections[i];
      if (o != null && countsNow(o) && o.by.equals(self)) {
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

  /**
   * Whether that vote is a second witness beside this instance. It is not if both are on one host
   * or in one zone, where they may fail for the same local reason, or if a host is not known.
   */
  boolean anotherWitness(String by, Vote v) {
    return !by.equals(self) && v.site.apart(site);
  }

  private boolean maySend(long now) {
    if (answered != null && (now - answeredUntil >= 0 || overtaken(answered))) {
      answered = null;
    }
    return answered == null;
  }

  /** Whether a key that the move compared has another revision in the view now. */
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
      return moveIfNotTripped(now);
    }
    boolean auto = settings.auto();
    int need =
        auto
            ? 2
            : settings.quorumShare > 0
                ? Math.max(1, (int) Math.ceil(settings.quorumShare * live - 1e-9))
                : settings.quorum;
    // The transaction compares the newest votes, which expire last. Anybody may vote, so no more
    // votes are sorted than are compared
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

  /** Tells the others that this instance tripped. An objection of its own is deleted with it. */
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

  /**
   * A single witness opens when nobody has objected for a while. The comparisons make sure that
   * nobody has objected until the commit.
   */
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

  /** Objections of the old epoch do not count any more. */
  private void deleteObjections(FleetTransaction.Builder b) {
    for (int i = 0; i < OBJECTIONS.length; i++) {
      if (objections[i] != null) {
        b.delete(OBJECTIONS[i]);
      }
    }
  }

  /** Takes back a vote or an objection that is out of date, or objects when it is time. */
  private @Nullable FleetTransaction moveIfNotTripped(long now) {
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
      if (!countsNow(objections[i])) {
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

  /** Tries to become the prober, after a random delay, if this instance has traffic. */
  private @Nullable FleetTransaction campaign(long now, boolean due, FleetTransaction.Kind kind) {
    boolean hasTraffic = traffic && now - trafficAt < IDLE_NANOS;
    boolean taken = probeMod != 0 && !prober.equals(NOBODY);
    if (!due || !hasTraffic || !session || taken) {
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
