package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The time of a breaker between two transitions: its state, and the evidence for the next
 * transition. All but the evidence is immutable. A permit carries the generation of its period; an
 * outcome with another generation changes nothing.
 */
final class StatePeriod {
  static final AtomicLongFieldUpdater<StatePeriod> RAMPED =
      AtomicLongFieldUpdater.newUpdater(StatePeriod.class, "ramped");
  private static final AtomicLongFieldUpdater<StatePeriod> FAILURE_ROW =
      AtomicLongFieldUpdater.newUpdater(StatePeriod.class, "failureRow");

  /** Parts of {@link #failureRow}. */
  private static final long ROW_COUNT = (1L << 20) - 1;

  private static final long NOT_SHARED = ROW_COUNT + 1;
  private static final int ROW_FIRST = 21;

  /** A little more than a millisecond. */
  private static final long TICK = 1L << 20;

  /** The state of the breaker as calls or the fleet determined it, without an operator's force. */
  enum Phase {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  final Phase phase;

  /** Number of this period; each transition increments it. */
  final long generation;

  /** Nano clock reading at which the period began. */
  final long since;

  /** OPEN: nano clock reading at which the open time ends. */
  final long until;

  /** How often it has opened again without closing in between; 0 the first time. */
  final int attempt;

  /** CLOSED: the outcomes by which the breaker opens. Null in the other states. */
  final @Nullable SlidingWindow window;

  /**
   * HALF_OPEN: the probes. Null when another instance of the fleet probes, and in the other states.
   */
  final @Nullable HalfOpenPermits probes;

  /**
   * OPEN or HALF_OPEN: the fleet is in this state, too. As long as there is a link to the fleet,
   * calls of this instance do not move it on: no probe when the open time is over, no closing after
   * good probes. Only a failed probe opens it again here at once, and that period is shared, too.
   */
  final boolean shared;

  /** The fleet epoch in which the evidence of this period is gathered; -1 when none was known. */
  final long epoch;

  /**
   * HALF_OPEN and shared: identifies the role of the prober; goes back to the fleet with the
   * result.
   */
  final long fence;

  /** CLOSED after having been open: traffic may have to rise slowly (the ramp). */
  final boolean recovering;

  /**
   * OPEN or HALF_OPEN, not shared: whether the evidence that opened the breaker also counts for the
   * fleet.
   */
  private boolean fleetEvidence;

  /**
   * CLOSED: the failures since the last success, in one word. From the lowest bit: their number (20
   * bits); whether one of them is not evidence for the fleet (1 bit); when the first came, in units
   * of {@link #TICK} after {@link #since}, rounded up. 0 when there are none.
   */
  private volatile long failureRow;

  /** CLOSED after having been open: calls that came during the ramp. */
  volatile long ramped;

  private StatePeriod(
      Phase phase,
      long generation,
      long since,
      long until,
      int attempt,
      @Nullable SlidingWindow window,
      @Nullable HalfOpenPermits probes,
      boolean shared,
      long epoch,
      long fence,
      boolean recovering) {
    this.phase = phase;
    this.generation = generation;
    this.since = since;
    this.until = until;
    this.attempt = attempt;
    this.window = window;
    this.probes = probes;
    this.shared = shared;
    this.epoch = epoch;
    this.fence = fence;
    this.recovering = recovering;
  }

  static StatePeriod closed(
      long generation, SlidingWindow window, long epoch, boolean recovering, long now) {
    return new StatePeriod(
        Phase.CLOSED, generation, now, 0, 0, window, null, false, epoch, 0, recovering);
  }

  static StatePeriod open(
      long generation, long until, int attempt, boolean shared, long epoch, long now) {
    return new StatePeriod(
        Phase.OPEN, generation, now, until, attempt, null, null, shared, epoch, 0, false);
  }

  static StatePeriod halfOpen(
      long generation,
      int attempt,
      @Nullable HalfOpenPermits probes,
      boolean shared,
      long epoch,
      long fence,
      long now) {
    return new StatePeriod(
        Phase.HALF_OPEN, generation, now, 0, attempt, null, probes, shared, epoch, fence, false);
  }

  /** Sets whether the evidence counts for the fleet. Only before the period is published. */
  StatePeriod asFleetEvidence(boolean on) {
    fleetEvidence = on;
    return this;
  }

  boolean isFleetEvidence() {
    return fleetEvidence;
  }

  /**
   * Counts failures in a row.
   *
   * @param outcome bits as {@link SlidingWindow#record} takes them
   * @return the row, for {@link #isFleetEvidence(long)}, if there are as many as the rule says and
   *     they span {@code min_seconds}; else 0
   */
  long countInRow(int outcome, long now, BreakerRuleVersion version) {
    if ((outcome & SlidingWindow.FAILED) == 0) {
      if (failureRow != 0) {
        failureRow = 0;
      }
      return 0;
    }
    long next;
    while (true) {
      long w = failureRow;
      next = w != 0 ? w : (Math.max(0, now - since) / TICK + 1) << ROW_FIRST;
      next += (next & ROW_COUNT) == ROW_COUNT ? 0 : 1;
      next |= (outcome & SlidingWindow.NOT_SHARED) != 0 ? NOT_SHARED : 0;
      if (FAILURE_ROW.compareAndSet(this, w, next)) {
        break;
      }
    }
    long first = since + (next >>> ROW_FIRST) * TICK;
    return (next & ROW_COUNT) >= version.consecutiveFailures
            && (version.minNanos() == 0 || now - first >= version.minNanos())
        ? next
        : 0;
  }

  /** Failures since the last success. */
  int inARow() {
    return (int) (failureRow & ROW_COUNT);
  }

  /**
   * Whether all failures of a row are evidence for the fleet.
   *
   * @param row a result of {@link #countInRow}; a success may have ended the row since
   */
  static boolean isFleetEvidence(long row) {
    return row != 0 && (row & NOT_SHARED) == 0;
  }

  /** A copy of this period with another window. */
  StatePeriod with(SlidingWindow other) {
    return copy(other, recovering);
  }

  /** A copy of this period without a ramp. */
  StatePeriod recovered() {
    return copy(window, false);
  }

  private StatePeriod copy(@Nullable SlidingWindow newWindow, boolean ramps) {
    StatePeriod copy =
        new StatePeriod(
            phase,
            generation,
            since,
            until,
            attempt,
            newWindow,
            probes,
            shared,
            epoch,
            fence,
            ramps);
    copy.failureRow = failureRow;
    copy.ramped = ramped;
    copy.fleetEvidence = fleetEvidence;
    return copy;
  }
}
