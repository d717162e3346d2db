package io.weir.engine.breaker;

import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The running state of one circuit breaker. It outlives edits of its rule.
 *
 * <p>How it works: the state is one immutable {@link StatePeriod} in one volatile field. A
 * transition replaces it by one compare-and-set, so when several threads find the same reason for a
 * transition, exactly one makes it. Each period has its own evidence (window or probes), so
 * evidence of an earlier period is unreachable. A permit carries the generation of its period. A
 * call that ends after its period changes nothing; it is counted as late.
 *
 * <pre>
 *   CLOSED    --window beyond its limits-->      OPEN
 *   OPEN      --open time over, a call comes-->  HALF_OPEN
 *   HALF_OPEN --all probes succeed-->            CLOSED
 *   HALF_OPEN --one fails or is overdue-->       OPEN, for longer
 * </pre>
 *
 * <p>With a {@link FleetLink} the instance still opens by its own calls at once, but only the fleet
 * ends a period that is marked shared. The fleet numbers its states with epochs; evidence counts
 * only in the epoch it was gathered in. See {@code docs/breaker.md}.
 *
 * <p>Threading: {@link #admit}, {@link #ended} and {@link #release} may be called from any thread.
 * They take no lock and, while closed or open, allocate nothing. The methods of the fleet belong to
 * one control thread.
 */
public final class CircuitBreaker implements TimedRule {
  /** Result of {@link #admit}: the call is refused. Permits are never negative. */
  static final long REFUSED = -1;

  /**
   * Result of {@link #admit}: the call passes without a permit, because the state is forced; its
   * outcome is not recorded.
   */
  static final long UNRECORDED = -2;

  private static final AtomicReferenceFieldUpdater<CircuitBreaker, StatePeriod> PERIOD =
      AtomicReferenceFieldUpdater.newUpdater(CircuitBreaker.class, StatePeriod.class, "period");

  /** A permit is a generation and, in its low bits, the number of a probe. */
  private static final int PROBE_BITS = 16;

  private static final int PROBE_MASK = (1 << PROBE_BITS) - 1;

  /** Share of the traffic admitted when a ramp begins. */
  private static final double RAMP_START = 0.1;

  /** Calls a second that pass a ramp in any case. */
  private static final int RAMP_CALLS = 10;

  private static final long SECOND = 1_000_000_000L;

  /** Largest jitter of a prolonged open time, as a share of it, up or down. */
  private static final double JITTER = 0.1;

  private final String target;
  private final String id;
  private final DoubleSupplier random;
  private volatile StatePeriod period;
  private volatile CircuitBreakerRule rule;
  private volatile @Nullable FleetLink link;
  private volatile CircuitBreakerRule.Force force = CircuitBreakerRule.Force.NONE;

  /**
   * Durations of the calls this breaker judges. Null when it judges no slow calls, or nobody reads
   * them.
   */
  private volatile @Nullable LatencyRecorder latency;

  /** The fleet epoch to which new evidence belongs; -1 when none is known. */
  private volatile long epoch = -1;

  final LongAdder refused = new LongAdder();
  final LongAdder failed = new LongAdder();
  final LongAdder ignored = new LongAdder();
  final LongAdder late = new LongAdder();
  private final LongAdder opened = new LongAdder();
  private final Transitions transitions = new Transitions();

  CircuitBreaker(String target, CircuitBreakerRule rule, DoubleSupplier random, long now) {
    this.target = target;
    this.id = rule.id;
    this.rule = rule;
    this.random = random;
    this.period = StatePeriod.closed(1, SlidingWindow.of(rule, now), -1, false, now);
  }

  // ---- what calls do

  /**
   * @param forced whether the rule itself forces a state
   * @return a permit, {@link #UNRECORDED} or {@link #REFUSED}
   */
  long admit(CircuitBreakerRule r, boolean forced, long now) {
    if (forced || force != CircuitBreakerRule.Force.NONE) {
      CircuitBreakerRule.Force f = r.force != CircuitBreakerRule.Force.NONE ? r.force : force;
      return f == CircuitBreakerRule.Force.OPEN ? REFUSED : UNRECORDED;
    }
    StatePeriod current = period;
    if (current.phase != StatePeriod.Phase.CLOSED) {
      return admitUnlessClosed(current, r, now);
    }
    return current.recovering && r.rampNanos > 0 && !passesRamp(current, r, now)
        ? REFUSED
        : current.generation << PROBE_BITS;
  }

  private long admitUnlessClosed(StatePeriod notClosed, CircuitBreakerRule r, long now) {
    StatePeriod current = notClosed;
    while (current.phase == StatePeriod.Phase.OPEN) {
      if (now - current.until < 0) {
        return REFUSED;
      }
      FleetLink l = link;
      if (current.shared && l != null) {
        l.wanted(this);
        return REFUSED;
      }
      HalfOpenPermits probes = new HalfOpenPermits(r.probeSuccesses, now);
      if (PERIOD.compareAndSet(
          this,
          current,
          StatePeriod.halfOpen(
                  current.generation + 1, current.attempt, probes, false, epoch, 0, now)
              .asFleetEvidence(current.isFleetEvidence()))) {
        transitions.count(Transitions.OPEN, Transitions.HALF_OPEN, Transitions.SELF);
      }
      current = period;
    }
    return current.phase == StatePeriod.Phase.CLOSED
        ? admit(r, false, now)
        : probe(current, r, now);
  }

  /**
   * Whether a call passes the ramp: the share of admitted calls rises from {@link #RAMP_START} to
   * 1.
   */
  private boolean passesRamp(StatePeriod current, CircuitBreakerRule r, long now) {
    long age = now - current.since;
    if (age >= r.rampNanos) {
      return true;
    }
    if (StatePeriod.RAMPED.incrementAndGet(current) <= RAMP_CALLS * (1 + age / SECOND)) {
      return true; // so few calls overload nobody
    }
    return random.getAsDouble() < RAMP_START + (1 - RAMP_START) * age / r.rampNanos;
  }

  /** Takes a probe of a half-open period for a call. */
  private long probe(StatePeriod current, CircuitBreakerRule r, long now) {
    FleetLink l = current.shared ? link : null;
    if (current.probes == null) {
      if (l != null) {
        l.wanted(this);
      }
      return REFUSED;
    }
    int probe = current.probes.take(now, r.probeTimeoutNanos);
    if (probe < 0) {
      if (current.probes.anyOverdue(now)) {
        probeFailed(current, r, now);
      }
      return REFUSED;
    }
    if (l != null) {
      l.probing(this, current.probes.outstanding());
    }
    return current.generation << PROBE_BITS | probe;
  }

  /** Nanos until a refused call may be tried again; 0 when unknown. */
  long retryAfter(long now) {
    StatePeriod current = period;
    return current.phase == StatePeriod.Phase.OPEN ? Math.max(0, current.until - now) : 0;
  }

  /**
   * A call with a permit ended.
   *
   * @param version the rule version that admitted the call
   * @param outcome bits as {@link SlidingWindow#record} takes them
   */
  @SuppressWarnings("NullAway") // a closed period has a window
  void ended(BreakerRuleVersion version, long permit, int outcome, long now) {
    StatePeriod current = period;
    if (current.generation != permit >>> PROBE_BITS) {
      late.increment();
      return;
    }
    if (current.phase == StatePeriod.Phase.CLOSED) {
      boolean trips = current.window.record(outcome, now, version);
      long row = version.consecutiveFailures > 0 ? current.countInRow(outcome, now, version) : 0;
      if (trips || row != 0) {
        trip(current, version, row, now);
      }
    } else if (current.phase == StatePeriod.Phase.HALF_OPEN && current.probes != null) {
      int probe = (int) permit & PROBE_MASK;
      if (outcome != 0 || current.probes.isOverdue(probe, now)) {
        probeFailed(current, version.rule, now);
      } else {
        boolean all = current.probes.markSucceeded(probe);
        FleetLink l = current.shared ? link : null;
        if (l != null) {
          l.probing(this, current.probes.outstanding());
        }
        if (all) {
          probesSucceeded(current, version.rule, now);
        }
      }
    }
  }

  /** Takes a permit back: its call was not made, or its outcome says nothing about the target. */
  void release(long permit) {
    StatePeriod current = period;
    if (current.generation == permit >>> PROBE_BITS && current.probes != null) {
      current.probes.giveBack((int) permit & PROBE_MASK);
    }
  }

  @SuppressWarnings("NullAway") // only from a closed period, which has a window
  private void trip(StatePeriod current, BreakerRuleVersion version, long row, long now) {
    CircuitBreakerRule r = version.rule;
    boolean fleetEvidence =
        StatePeriod.isFleetEvidence(row) || current.window.isFleetEvidence(now, version);
    StatePeriod next =
        StatePeriod.open(
                current.generation + 1, now + openNanos(r, 0), 0, false, epochOf(current), now)
            .asFleetEvidence(fleetEvidence);
    if (PERIOD.compareAndSet(this, current, next)) {
      opened.increment();
      transitions.count(Transitions.CLOSED, Transitions.OPEN, Transitions.SELF);
      FleetLink l = link;
      if (l != null && fleetEvidence) {
        long calls = current.window.calls(now);
        long age = now - current.since;
        l.tripped(
            this,
            current.epoch,
            calls,
            Math.max(
                current.window.failures(now) - current.window.notShared(now),
                current.window.slow(now)),
            r.countWindow ? age : Math.min(age, r.windowSeconds * 1_000_000_000L));
      }
    }
  }

  private long epochOf(StatePeriod current) {
    return Math.max(current.epoch, epoch);
  }

  private void probeFailed(StatePeriod current, CircuitBreakerRule r, long now) {
    int attempt = current.attempt + 1;
    StatePeriod next =
        StatePeriod.open(
                current.generation + 1,
                now + openNanos(r, attempt),
                attempt,
                current.shared,
                epochOf(current),
                now)
            .asFleetEvidence(current.isFleetEvidence());
    if (PERIOD.compareAndSet(this, current, next)) {
      opened.increment();
      transitions.count(Transitions.HALF_OPEN, Transitions.OPEN, Transitions.SELF);
      FleetLink l = link;
      if (l != null) {
        if (current.shared) {
          l.probed(this, current.fence, false);
        } else if (current.isFleetEvidence()) {
          l.tripped(this, current.epoch, 1, 1, now - current.since);
        }
      }
    }
  }

  private void probesSucceeded(StatePeriod current, CircuitBreakerRule r, long now) {
    FleetLink l = link;
    if (current.shared && l != null) {
      // stays half-open, with no probe free, until the fleet has agreed
      l.probed(this, current.fence, true);
      return;
    }
    StatePeriod next =
        StatePeriod.closed(current.generation + 1, SlidingWindow.of(r, now), epoch, true, now);
    if (PERIOD.compareAndSet(this, current, next)) {
      transitions.count(Transitions.HALF_OPEN, Transitions.CLOSED, Transitions.SELF);
      if (l != null) {
        l.recovered(this);
      }
    }
  }

  /**
   * The open time of an attempt. Attempt 0 has the rule's open time. Each further attempt doubles
   * it, up to the rule's maximum, with jitter.
   */
  long openNanos(CircuitBreakerRule r, int attempt) {
    if (attempt == 0) {
      return r.openNanos;
    }
    long max = Math.max(r.openNanos, r.maxOpenNanos);
    double nanos = Math.min((double) max, r.openNanos * Math.pow(2, attempt));
    return (long) Math.min(max, nanos * (1 - JITTER + 2 * JITTER * random.getAsDouble()));
  }

  // ---- what the rules do

  /** Continues under an edited rule and keeps the evidence. Control thread. */
  void edited(CircuitBreakerRule next, long now) {
    int before = stateIndex();
    rule = next;
    if (next.force == CircuitBreakerRule.Force.CLOSED) {
      endRamp();
    }
    if (next.slowCallNanos == 0) {
      latency = null;
    }
    transitions.count(before, stateIndex(), Transitions.OPERATOR);
    while (true) {
      StatePeriod current = period;
      if (current.window == null) {
        return;
      }
      SlidingWindow w = current.window.reshaped(next, now);
      if (w == current.window || PERIOD.compareAndSet(this, current, current.with(w))) {
        return;
      }
    }
  }

  /**
   * Ends a ramp: while an operator forced the breaker closed, all traffic passed, so it need not
   * rise again.
   */
  private void endRamp() {
    while (true) {
      StatePeriod current = period;
      if (!current.recovering || PERIOD.compareAndSet(this, current, current.recovered())) {
        return;
      }
    }
  }

  // ---- what the fleet does

  /** Connects this breaker with the fleet; null disconnects it. Control thread. */
  public void link(@Nullable FleetLink fleet) {
    link = fleet;
    if (fleet == null) {
      epoch = -1;
      force = CircuitBreakerRule.Force.NONE;
    }
  }

  /**
   * Sets the state an operator forces by the fleet's {@code force} key. A force in the rule goes
   * first.
   */
  public void force(CircuitBreakerRule.Force byFleet) {
    int before = stateIndex();
    force = byFleet;
    if (byFleet == CircuitBreakerRule.Force.CLOSED) {
      endRamp();
    }
    transitions.count(before, stateIndex(), Transitions.OPERATOR);
  }

  /**
   * The fleet is closed under {@code fleetEpoch}. A new period with an empty window begins. An
   * instance that was not open starts without a ramp. An instance that opened by its own calls
   * before it knew any epoch stays open: the fleet has not closed what it opened.
   */
  public void imposeClosed(long fleetEpoch, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod current = period;
      boolean wasOpen = current.phase != StatePeriod.Phase.CLOSED;
      boolean ramps =
          wasOpen
              && force != CircuitBreakerRule.Force.CLOSED
              && rule.force != CircuitBreakerRule.Force.CLOSED;
      if (wasOpen && !current.shared && current.epoch < 0) {
        return;
      }
      if (PERIOD.compareAndSet(
          this,
          current,
          StatePeriod.closed(
              current.generation + 1, SlidingWindow.of(rule, now), fleetEpoch, ramps, now))) {
        transitions.count(stateIndex(current), Transitions.CLOSED, Transitions.FLEET);
        return;
      }
    }
  }

  /**
   * The fleet is open.
   *
   * @param until nano clock reading at which the open time ends on this instance
   * @param shared true: only the fleet ends the open state. False: the fleet is out of reach, so
   *     this instance probes when the time is over
   */
  public void imposeOpen(long fleetEpoch, int attempt, long until, boolean shared, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod current = period;
      if (PERIOD.compareAndSet(
          this,
          current,
          StatePeriod.open(current.generation + 1, until, attempt, shared, fleetEpoch, now))) {
        if (current.phase == StatePeriod.Phase.CLOSED) {
          opened.increment();
        }
        transitions.count(stateIndex(current), Transitions.OPEN, Transitions.FLEET);
        return;
      }
    }
  }

  /** The fleet is half-open, and another instance probes. */
  public void imposeWaiting(long fleetEpoch, int attempt, long now) {
    imposeHalfOpen(fleetEpoch, attempt, null, 0, now);
  }

  /**
   * The fleet is half-open, and this instance probes.
   *
   * @param probeFence identifies this role; {@link FleetLink#probed} gets it with the result
   */
  public void imposeProber(long fleetEpoch, int attempt, long probeFence, long now) {
    imposeHalfOpen(
        fleetEpoch, attempt, new HalfOpenPermits(rule.probeSuccesses, now), probeFence, now);
  }

  private void imposeHalfOpen(
      long fleetEpoch, int attempt, @Nullable HalfOpenPermits probes, long fence, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod current = period;
      if (PERIOD.compareAndSet(
          this,
          current,
          StatePeriod.halfOpen(
              current.generation + 1, attempt, probes, true, fleetEpoch, fence, now))) {
        transitions.count(stateIndex(current), Transitions.HALF_OPEN, Transitions.FLEET);
        return;
      }
    }
  }

  // ---- what others may see

  /** Service the governed calls go to. */
  public String target() {
    return target;
  }

  /** Id of the rule. */
  public String id() {
    return id;
  }

  @Override
  public @Nullable LatencyRecorder latency() {
    return latency;
  }

  @Override
  public void time(LatencyRecorder by) {
    latency = by;
  }

  /** The rule as last edited. */
  public CircuitBreakerRule rule() {
    return rule;
  }

  /** The fleet epoch as far as known here, -1 when none is. */
  public long epoch() {
    return epoch;
  }

  /**
   * {@code closed}, {@code open}, {@code half-open}, {@code forced-open} or {@code forced-closed}.
   */
  public String state() {
    CircuitBreakerRule.Force f = rule.force != CircuitBreakerRule.Force.NONE ? rule.force : force;
    if (f != CircuitBreakerRule.Force.NONE) {
      return f == CircuitBreakerRule.Force.OPEN ? "forced-open" : "forced-closed";
    }
    switch (period.phase) {
      case CLOSED:
        return "closed";
      case OPEN:
        return "open";
      default:
        return "half-open";
    }
  }

  /** Calls refused; in shadow mode, calls that would have been refused. */
  public long refusedCount() {
    return refused.sum();
  }

  /** Calls that ended as failures. */
  public long failedCount() {
    return failed.sum();
  }

  /** Outcomes that say nothing about the target. */
  public long ignoredCount() {
    return ignored.sum();
  }

  /** Outcomes that came after the period that admitted their calls. */
  public long lateCount() {
    return late.sum();
  }

  /** Times this breaker opened on this instance. */
  public long openedCount() {
    return opened.sum();
  }

  /** Counts of the transitions between states. */
  public Transitions moves() {
    return transitions;
  }

  /** The state as one of the constants of {@link CallTags}. */
  int circuit() {
    int state = stateIndex();
    return state == Transitions.CLOSED
        ? CallTags.CLOSED
        : state == Transitions.OPEN ? CallTags.OPEN : CallTags.HALF_OPEN;
  }

  /**
   * The state as one of the constants of {@link Transitions}. A forced state goes before a measured
   * one.
   */
  private int stateIndex() {
    CircuitBreakerRule.Force f = rule.force != CircuitBreakerRule.Force.NONE ? rule.force : force;
    return f == CircuitBreakerRule.Force.NONE
        ? stateIndex(period)
        : f == CircuitBreakerRule.Force.OPEN ? Transitions.OPEN : Transitions.CLOSED;
  }

  private static int stateIndex(StatePeriod current) {
    return current.phase == StatePeriod.Phase.CLOSED
        ? Transitions.CLOSED
        : current.phase == StatePeriod.Phase.OPEN ? Transitions.OPEN : Transitions.HALF_OPEN;
  }

  /** Whether the state, forced or measured, is closed. A ramp may still refuse some calls. */
  public boolean isClosed() {
    return stateIndex() == Transitions.CLOSED;
  }

  /** Whether it is closed and refuses nobody: no ramp goes on, so that nothing is lost with it. */
  public boolean isSettled(long now) {
    StatePeriod current = period;
    return isClosed() && !(current.recovering && now - current.since < rule().rampNanos);
  }

  StatePeriod period() {
    return period;
  }

  @Override
  public String toString() {
    return target + "/" + id + " " + state();
  }
}
