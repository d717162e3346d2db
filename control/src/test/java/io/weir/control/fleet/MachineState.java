package io.weir.control.fleet;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A {@link FleetMachine} as the explorer sees it: something to copy and to compare. */
final class MachineState {
  private static final long NEVER = FleetMachine.NEVER;

  private MachineState() {}

  /** The same machine in the same state, independent of the given one. */
  static FleetMachine copy(FleetMachine o) {
    FleetMachine m = Sabotage.Machine.kindOf(o).of(o.self, o.site, o.settings, o.dice);
    m.live = o.live;
    m.dice = o.dice;
    m.fence = o.fence;
    m.fenceMod = o.fenceMod;
    m.stateThere = o.stateThere;
    m.prober = o.prober;
    m.probeMod = o.probeMod;
    m.force = o.force;
    m.votes.putAll(o.votes);
    m.voteMods.putAll(o.voteMods);
    m.synced = o.synced;
    m.connected = o.connected;
    m.awaySince = o.awaySince;
    m.session = o.session;
    m.lostProbeMod = o.lostProbeMod;
    m.deadline = o.deadline;
    m.deadlineOf = o.deadlineOf;
    m.evidenceEpoch = o.evidenceEpoch;
    m.evidenceAt = o.evidenceAt;
    m.calls = o.calls;
    m.failures = o.failures;
    m.ageNanos = o.ageNanos;
    m.quorumSeen = o.quorumSeen;
    System.arraycopy(o.objections, 0, m.objections, 0, o.objections.length);
    System.arraycopy(o.objectionMods, 0, m.objectionMods, 0, o.objectionMods.length);
    m.aloneSince = o.aloneSince;
    m.sightEpoch = o.sightEpoch;
    m.sightWell = o.sightWell;
    m.sightCalls = o.sightCalls;
    m.sightFailures = o.sightFailures;
    m.objectAt = o.objectAt;
    m.quietSince = o.quietSince;
    m.traffic = o.traffic;
    m.trafficAt = o.trafficAt;
    m.campaignAt = o.campaignAt;
    m.outstanding = o.outstanding;
    m.probeActivity = o.probeActivity;
    m.result = o.result;
    m.underWay = o.underWay;
    m.answered = o.answered;
    m.answeredUntil = o.answeredUntil;
    m.move = o.move;
    m.role = o.role;
    m.roleNew = o.roleNew;
    m.imposedForce = o.imposedForce;
    return m;
  }

  /** Instances whose votes are seen. */
  static List<String> voters(FleetMachine m) {
    return new ArrayList<String>(m.votes.keySet());
  }

  static void votes(FleetMachine m, Print to) {
    for (Map.Entry<String, Vote> v : m.votes.entrySet()) {
      to.count(v.getValue(), m.voteMod(v.getKey()), m.fence.epoch);
    }
  }

  /**
   * Everything future behaviour depends on, where the open time is not prolonged. Of times, which
   * have passed and in which order the others will; the move under way is its sender's to tell.
   */
  static void fingerprint(FleetMachine m, Print to, long now) {
    boolean open = m.fence.phase == FleetEpoch.Phase.OPEN;
    boolean waits = m.mine() && m.result == FleetMachine.Result.NONE;
    to.epoch(m.fence.epoch);
    to.revision(m.fenceMod);
    to.instance(m.prober);
    to.revision(m.probeMod);
    to.epoch(m.evidenceEpoch > m.fence.epoch || m.holds(m.evidenceEpoch) ? m.evidenceEpoch : -1);
    long s = m.fence.phase.ordinal() * 4L + m.force.ordinal();
    s = s * 2 + (open && m.stateThere && m.deadline - now > 0 ? 1 : 0);
    s = s * 2 + (m.synced ? 1 : 0);
    s = s * 2 + (m.connected ? 1 : 0);
    s = s * 2 + (m.session ? 1 : 0);
    s = s * 2 + (m.lostProbeMod == m.probeMod ? 1 : 0);
    s = s * 2 + (m.underWay != null ? 1 : 0);
    s = s * 4 + (m.mine() ? 1 + m.result.ordinal() : 0);
    s = s * 32 + (waits ? m.outstanding : 0);
    FleetTransaction unseen = m.answered != null && !m.overtaken(m.answered) ? m.answered : null;
    s = s * 16 + (unseen != null ? 1 + unseen.kind.ordinal() : 0);
    to.put(s);
    long[] due = {
      m.synced && !m.connected ? m.awaySince + FleetMachine.AWAY_GRACE_NANOS : NEVER,
      open ? m.deadline : NEVER,
      m.fence.phase == FleetEpoch.Phase.CLOSED && m.quorumSeen != NEVER
          ? m.quorumSeen + FleetMachine.YIELD_NANOS
          : NEVER,
      m.traffic && m.trafficAt + FleetMachine.IDLE_NANOS - now > 0
          ? m.trafficAt + FleetMachine.IDLE_NANOS
          : NEVER,
      m.campaignAt,
      waits ? m.probeActivity + m.idleLimit() : NEVER,
      unseen != null ? m.answeredUntil : NEVER,
      m.role != null
              && (m.role.kind == DesiredState.Kind.OPEN || m.role.kind == DesiredState.Kind.ALONE)
          ? m.role.until
          : NEVER,
      m.aloneSince == NEVER ? NEVER : m.aloneSince + FleetMachine.WITNESS_NANOS,
      m.settings.auto() && m.fence.phase == FleetEpoch.Phase.CLOSED && m.tripped()
          ? m.evidenceAt + FleetMachine.FRESH_NANOS
          : NEVER,
      m.objectAt,
      m.quietSince == NEVER ? NEVER : m.quietSince + FleetMachine.OBJECTION_HOLD_NANOS
    };
    long times = 0;
    for (long d : due) {
      int rank = d == NEVER ? 0 : 1;
      for (int i = 0; rank > 0 && d - now > 0 && i < due.length; i++) {
        rank += due[i] != NEVER && due[i] - now > 0 && due[i] - d <= 0 ? 1 : 0;
      }
      times = times * 16 + rank;
    }
    to.put(times);
    to.votes(m.votes, m.voteMods, m.fenceMod);
    if (m.settings.auto()) {
      to.put(m.well() ? 1 : 0);
      for (int i = 0; i < m.objections.length; i++) {
        to.objection(m.objections[i], m.objectionMods[i], m.fenceMod);
      }
    }
    if (m.role != null) {
      to.put(m.role.kind.ordinal());
      to.epoch(m.role.epoch);
      to.revision(m.role.fence);
    }
  }

  /**
   * Takes a fingerprint. Epochs, revisions and instances apart, for only their being equal counts,
   * of votes also which of them is newer.
   */
  interface Print {
    void put(long value);

    void epoch(long epoch);

    void revision(long revision);

    void instance(String id);

    /** The votes seen together with this revision of the epoch. */
    void votes(Map<String, Vote> votes, Map<String, Long> revisions, long epochRevision);

    /** An objection seen together with this revision of the epoch. */
    void objection(@Nullable Objection o, long revision, long epochRevision);

    /** A vote, which counts in the epoch {@code now}. */
    void count(Object vote, long revision, long now);
  }
}
