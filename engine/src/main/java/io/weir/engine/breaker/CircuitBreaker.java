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
 * The running state of one breaker: it outlives edits of its rule.
 *
 * <p>How it works: the state is one immutable {@link StatePeriod} behind one volatile field, and
 * every transition is one CAS from the era that was judged to its successor, so of any number of
 * threads that find the same reason exactly one acts on it. An era owns its evidence (window or
 * probes); what belongs to an earlier era is simply unreachable, and a call that was let in under
 * it carries the old generation and changes nothing when it ends.
 *
 * <pre>
 *   CLOSED --window beyond its limits--> OPEN --open time over, a call comes--> HALF_OPEN
 *   HALF_OPEN --all probes good--> CLOSED        HALF_OPEN --one bad or overdue--> OPEN, for longer
 * </pre>
 *
 * <p>With a {@link FleetLink} the instance still opens for itself at once, but eras marked shared
 * are ended by the fleet only: see {@code docs/breaker.md}.
 *
 * <p>Threading: {@link #admit}, {@link #ended} and {@link #givenBack} from any thread, without lock
 * or allocation while closed or open. The fleet's methods from one control thread.
 */
public final class CircuitBreaker implements TimedRule {
  /** An answer of {@link #admit} other than a permit. */
  static final long REFUSED = -1;

  /** An answer of {@link #admit}: pass, and nothing is recorded. */
  static final long UNRECORDED = -2;

  private static final AtomicReferenceFieldUpdater<CircuitBreaker, StatePeriod> ERA =
      AtomicReferenceFieldUpdater.newUpdater(CircuitBreaker.class, StatePeriod.class, "era");
  private static final int PLACE_BITS = 16;
  private static final int PLACE = (1 << PLACE_BITS) - 1;

  /** Share of the traffic let through when a ramp begins. */
  private static final double RAMP_FROM = 0.1;

  /** So many calls a second pass a ramp in any case. */
  private static final int RAMP_CALLS = 10;

  private static final long SECOND = 1_000_000_000L;

  /** Jitter takes up to this share off or on a prolonged open time. */
  private static final double JITTER = 0.1;

  private final String target;
  private final String id;
  private final DoubleSupplier draw;
  private volatile StatePeriod era;
  private volatile CircuitBreakerRule rule;
  private volatile @Nullable FleetLink link;
  private volatile CircuitBreakerRule.Force force = CircuitBreakerRule.Force.NONE;

  /** How long the calls took that it judges, or null: it judges no slow ones, or nobody reads. */
  private volatile @Nullable LatencyRecorder latency;

  /** The fleet epoch new evidence belongs to. */
  private volatile long epoch = -1;

  final LongAdder refused = new LongAdder();
  final LongAdder failed = new LongAdder();
  final LongAdder ignored = new LongAdder();
  final LongAdder late = new LongAdder();
  private final LongAdder opened = new LongAdder();
  private final Transitions moves = new Transitions();

  CircuitBreaker(String target, CircuitBreakerRule rule, DoubleSupplier draw, long now) {
    this.target = target;
    this.id = rule.id;
    this.rule = rule;
    this.draw = draw;
    this.era = StatePeriod.closed(1, SlidingWindow.of(rule, now), -1, false, now);
  }

  // ---- what calls do

  /**
   * @param forced whether the rule has a force of its own
   * @return a permit, {@link #UNRECORDED} or {@link #REFUSED}
   */
  long admit(CircuitBreakerRule r, boolean forced, long now) {
    if (forced || force != CircuitBreakerRule.Force.NONE) {
      CircuitBreakerRule.Force f = r.force != CircuitBreakerRule.Force.NONE ? r.force : force;
      return f == CircuitBreakerRule.Force.OPEN ? REFUSED : UNRECORDED;
    }
    StatePeriod e = era;
    if (e.phase != StatePeriod.Phase.CLOSED) {
      return admitUnlessClosed(e, r, now);
    }
    return e.recovering && r.rampNanos > 0 && !passesRamp(e, r, now)
        ? REFUSED
        : e.generation << PLACE_BITS;
  }

  private long admitUnlessClosed(StatePeriod seen, CircuitBreakerRule r, long now) {
    StatePeriod e = seen;
    while (e.phase == StatePeriod.Phase.OPEN) {
      if (now - e.until < 0) {
        return REFUSED;
      }
      FleetLink l = link;
      if (e.shared && l != null) {
        l.wanted(this);
        return REFUSED;
      }
      HalfOpenPermits p = new HalfOpenPermits(r.probeSuccesses, now);
      if (ERA.compareAndSet(
          this,
          e,
          StatePeriod.halfOpen(e.generation + 1, e.attempt, p, false, epoch, 0, now)
              .convincing(e.isConvincing()))) {
        moves.count(Transitions.OPEN, Transitions.HALF_OPEN, Transitions.SELF);
      }
      e = era;
    }
    return e.phase == StatePeriod.Phase.CLOSED ? admit(r, false, now) : probe(e, r, now);
  }

  private boolean passesRamp(StatePeriod e, CircuitBreakerRule r, long now) {
    long age = now - e.since;
    if (age >= r.rampNanos) {
      return true;
    }
    if (StatePeriod.RAMPED.incrementAndGet(e) <= RAMP_CALLS * (1 + age / SECOND)) {
      return true; // so few calls hurt nobody
    }
    return draw.getAsDouble() < RAMP_FROM + (1 - RAMP_FROM) * age / r.rampNanos;
  }

  private long probe(StatePeriod e, CircuitBreakerRule r, long now) {
    FleetLink l = e.shared ? link : null;
    if (e.probes == null) {
      if (l != null) {
        l.wanted(this);
      }
      return REFUSED;
    }
    int place = e.probes.take(now, r.probeTimeoutNanos);
    if (place < 0) {
      if (e.probes.anyOverdue(now)) {
        bad(e, r, now);
      }
      return REFUSED;
    }
    if (l != null) {
      l.probing(this, e.probes.outstanding());
    }
    return e.generation << PLACE_BITS | place;
  }

  /** Nanos until a refused call may be tried again, 0 when that is not known. */
  long retryAfter(long now) {
    StatePeriod e = era;
    return e.phase == StatePeriod.Phase.OPEN ? Math.max(0, e.until - now) : 0;
  }

  /**
   * A call with a permit ended.
   *
   * @param outcome as {@link SlidingWindow#record} takes it
   */
  @SuppressWarnings("NullAway") // while it is closed there is a window
  void ended(BreakerRuleEdition guard, long permit, int outcome, long now) {
    StatePeriod e = era;
    if (e.generation != permit >>> PLACE_BITS) {
      late.increment();
      return;
    }
    if (e.phase == StatePeriod.Phase.CLOSED) {
      boolean trips = e.window.record(outcome, now, guard);
      boolean inARow = guard.consecutiveFailures > 0 && e.row(outcome, now, guard);
      if (trips || inARow) {
        trip(e, guard, inARow, now);
      }
    } else if (e.phase == StatePeriod.Phase.HALF_OPEN && e.probes != null) {
      int place = (int) permit & PLACE;
      if (outcome != 0 || e.probes.isOverdue(place, now)) {
        bad(e, guard.rule, now);
      } else {
        boolean all = e.probes.good(place);
        FleetLink l = e.shared ? link : null;
        if (l != null) {
          l.probing(this, e.probes.outstanding());
        }
        if (all) {
          good(e, guard.rule, now);
        }
      }
    }
  }

  /** A call with a permit was not made, or its outcome says nothing. */
  void givenBack(long permit) {
    StatePeriod e = era;
    if (e.generation == permit >>> PLACE_BITS && e.probes != null) {
      e.probes.giveBack((int) permit & PLACE);
    }
  }

  @SuppressWarnings("NullAway") // from closed, where there is a window
  private void trip(StatePeriod e, BreakerRuleEdition guard, boolean inARow, long now) {
    CircuitBreakerRule r = guard.rule;
    boolean convinces = inARow && e.rowConvinces() || e.window.convincesFleet(now, guard);
    StatePeriod next =
        StatePeriod.open(e.generation + 1, now + openNanos(r, 0), 0, false, epochOf(e), now)
            .convincing(convinces);
    if (ERA.compareAndSet(this, e, next)) {
      opened.increment();
      moves.count(Transitions.CLOSED, Transitions.OPEN, Transitions.SELF);
      FleetLink l = link;
      if (l != null && convinces) {
        long calls = e.window.calls(now);
        long age = now - e.since;
        l.tripped(
            this,
            e.epoch,
            calls,
            Math.max(e.window.failures(now) - e.window.own(now), e.window.slow(now)),
            r.countWindow ? age : Math.min(age, r.windowSeconds * 1_000_000_000L));
      }
    }
  }

  private long epochOf(StatePeriod e) {
    return Math.max(e.epoch, epoch);
  }

  private void bad(StatePeriod e, CircuitBreakerRule r, long now) {
    int attempt = e.attempt + 1;
    StatePeriod next =
        StatePeriod.open(
                e.generation + 1, now + openNanos(r, attempt), attempt, e.shared, epochOf(e), now)
            .convincing(e.isConvincing());
    if (ERA.compareAndSet(this, e, next)) {
      opened.increment();
      moves.count(Transitions.HALF_OPEN, Transitions.OPEN, Transitions.SELF);
      FleetLink l = link;
      if (l != null) {
        if (e.shared) {
          l.probed(this, e.fence, false);
        } else if (e.isConvincing()) {
          l.tripped(this, e.epoch, 1, 1, now - e.since);
        }
      }
    }
  }

  private void good(StatePeriod e, CircuitBreakerRule r, long now) {
    FleetLink l = link;
    if (e.shared && l != null) {
      // stays half-open with all places taken until the fleet has agreed
      l.probed(this, e.fence, true);
      return;
    }
    StatePeriod next =
        StatePeriod.closed(e.generation + 1, SlidingWindow.of(r, now), epoch, true, now);
    if (ERA.compareAndSet(this, e, next)) {
      moves.count(Transitions.HALF_OPEN, Transitions.CLOSED, Transitions.SELF);
      if (l != null) {
        l.recovered(this);
      }
    }
  }

  /**
   * Open time of the given attempt: doubled per attempt up to the rule's maximum, with jitter on
   * all but the first, which is what the rule says.
   */
  long openNanos(CircuitBreakerRule r, int attempt) {
    if (attempt == 0) {
      return r.openNanos;
    }
    long max = Math.max(r.openNanos, r.maxOpenNanos);
    double nanos = Math.min((double) max, r.openNanos * Math.pow(2, attempt));
    return (long) Math.min(max, nanos * (1 - JITTER + 2 * JITTER * draw.getAsDouble()));
  }

  // ---- what the rules do

  /** Goes on under an edited rule; the evidence is kept. Control thread. */
  void edited(CircuitBreakerRule next, long now) {
    int before = place();
    rule = next;
    if (next.force == CircuitBreakerRule.Force.CLOSED) {
      endRamp();
    }
    if (next.slowCallNanos == 0) {
      latency = null;
    }
    moves.count(before, place(), Transitions.OPERATOR);
    while (true) {
      StatePeriod e = era;
      if (e.window == null) {
        return;
      }
      SlidingWindow w = e.window.reshaped(next, now);
      if (w == e.window || ERA.compareAndSet(this, e, e.with(w))) {
        return;
      }
    }
  }

  /** Under an operator's hand traffic has been whole: it does not rise again afterwards. */
  private void endRamp() {
    while (true) {
      StatePeriod e = era;
      if (!e.recovering || ERA.compareAndSet(this, e, e.recovered())) {
        return;
      }
    }
  }

  // ---- what the fleet does

  /** Connects this breaker with the fleet; null: on its own again. Control thread. */
  public void link(@Nullable FleetLink fleet) {
    link = fleet;
    if (fleet == null) {
      epoch = -1;
      force = CircuitBreakerRule.Force.NONE;
    }
  }

  /** An operator's hand from the fleet's {@code force} key; the rule's own goes before it. */
  public void force(CircuitBreakerRule.Force byFleet) {
    int before = place();
    force = byFleet;
    if (byFleet == CircuitBreakerRule.Force.CLOSED) {
      endRamp();
    }
    moves.count(before, place(), Transitions.OPERATOR);
  }

  /**
   * The fleet is closed under {@code fleetEpoch}: a new era with an empty window. An instance that
   * never was open starts without ramp. One that opened for itself before it knew any epoch stays
   * open: nothing has been closed that it could follow.
   */
  public void imposeClosed(long fleetEpoch, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod e = era;
      boolean wasOpen = e.phase != StatePeriod.Phase.CLOSED;
      boolean ramps =
          wasOpen
              && force != CircuitBreakerRule.Force.CLOSED
              && rule.force != CircuitBreakerRule.Force.CLOSED;
      if (wasOpen && !e.shared && e.epoch < 0) {
        return;
      }
      if (ERA.compareAndSet(
          this,
          e,
          StatePeriod.closed(
              e.generation + 1, SlidingWindow.of(rule, now), fleetEpoch, ramps, now))) {
        moves.count(place(e), Transitions.CLOSED, Transitions.FLEET);
        return;
      }
    }
  }

  /**
   * The fleet is open.
   *
   * @param until nanos at which the open time ends here
   * @param shared true: only the fleet ends it; false: the fleet is out of reach, this instance
   *     probes for itself when the time is over
   */
  public void imposeOpen(long fleetEpoch, int attempt, long until, boolean shared, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod e = era;
      if (ERA.compareAndSet(
          this, e, StatePeriod.open(e.generation + 1, until, attempt, shared, fleetEpoch, now))) {
        if (e.phase == StatePeriod.Phase.CLOSED) {
          opened.increment();
        }
        moves.count(place(e), Transitions.OPEN, Transitions.FLEET);
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
   * @param probeFence handed back with the result
   */
  public void imposeProber(long fleetEpoch, int attempt, long probeFence, long now) {
    imposeHalfOpen(
        fleetEpoch, attempt, new HalfOpenPermits(rule.probeSuccesses, now), probeFence, now);
  }

  private void imposeHalfOpen(
      long fleetEpoch, int attempt, @Nullable HalfOpenPermits p, long f, long now) {
    epoch = fleetEpoch;
    while (true) {
      StatePeriod e = era;
      if (ERA.compareAndSet(
          this, e, StatePeriod.halfOpen(e.generation + 1, attempt, p, true, fleetEpoch, f, now))) {
        moves.count(place(e), Transitions.HALF_OPEN, Transitions.FLEET);
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

  /** {@code closed}, {@code open}, {@code half-open}, or {@code forced-open/-closed}. */
  public String state() {
    CircuitBreakerRule.Force f = rule.force != CircuitBreakerRule.Force.NONE ? rule.force : force;
    if (f != CircuitBreakerRule.Force.NONE) {
      return f == CircuitBreakerRule.Force.OPEN ? "forced-open" : "forced-closed";
    }
    switch (era.phase) {
      case CLOSED:
        return "closed";
      case OPEN:
        return "open";
      default:
        return "half-open";
    }
  }

  /** Calls refused (in shadow mode: that would have been). */
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

  /** Outcomes that came after the era they belonged to. */
  public long lateCount() {
    return late.sum();
  }

  /** Times this instance went from passing to refusing. */
  public long openedCount() {
    return opened.sum();
  }

  /** How often it went from which state to which, and by whom. */
  public Transitions moves() {
    return moves;
  }

  /** The state as {@link CallTags} has it. */
  int circuit() {
    int place = place();
    return place == Transitions.CLOSED
        ? CallTags.CLOSED
        : place == Transitions.OPEN ? CallTags.OPEN : CallTags.HALF_OPEN;
  }

  /** The state as {@link Transitions} has it; a force goes before what was measured. */
  private int place() {
    CircuitBreakerRule.Force f = rule.force != CircuitBreakerRule.Force.NONE ? rule.force : force;
    return f == CircuitBreakerRule.Force.NONE
        ? place(era)
        : f == CircuitBreakerRule.Force.OPEN ? Transitions.OPEN : Transitions.CLOSED;
  }

  private static int place(StatePeriod e) {
    return e.phase == StatePeriod.Phase.CLOSED
        ? Transitions.CLOSED
        : e.phase == StatePeriod.Phase.OPEN ? Transitions.OPEN : Transitions.HALF_OPEN;
  }

  /** Whether calls pass by what was measured, and no ramp holds them back. */
  public boolean isClosed() {
    return place() == Transitions.CLOSED;
  }

  StatePeriod era() {
    return era;
  }

  @Override
  public String toString() {
    return target + "/" + id + " " + state();
  }
}
