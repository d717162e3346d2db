package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One stretch of a breaker's life between two transitions. Immutable but for the evidence it
 * gathers; a permit names its era's generation, and outcomes of another generation change nothing.
 */
final class StatePeriod {
  static final AtomicLongFieldUpdater<StatePeriod> RAMPED =
      AtomicLongFieldUpdater.newUpdater(StatePeriod.class, "ramped");
  private static final AtomicLongFieldUpdater<StatePeriod> ROW =
      AtomicLongFieldUpdater.newUpdater(StatePeriod.class, "row");
  private static final long COUNT = (1L << 20) - 1;
  private static final long OWN = COUNT + 1;
  private static final int FIRST = 21;

  /** A little more than a millisecond. */
  private static final long TICK = 1L << 20;

  /** What lets calls pass. */
  enum Phase {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  final Phase phase;
  final long generation;
  final long since;

  /** OPEN: nanos at which the open time ends. */
  final long until;

  /** How often in a row it has been opened, 0 for the first. */
  final int attempt;

  /** CLOSED: what it is judged by. */
  final @Nullable SlidingWindow window;

  /** HALF_OPEN: the probes, null when another instance of the fleet has them. */
  final @Nullable HalfOpenPermits probes;

  /** Set by the fleet, which alone may end it. */
  final boolean shared;

  /** The fleet epoch under which this era's evidence is gathered; -1 when none was known. */
  final long epoch;

  /** HALF_OPEN and shared: names the role as prober; goes back with the result. */
  final long fence;

  /** CLOSED after having been open: traffic may rise slowly. */
  final boolean recovering;

  /** OPEN and HALF_OPEN by itself: what opened it is evidence for the fleet as well. */
  private boolean convincing;

  /**
   * CLOSED: failures without a success in between, one word: how many (20 bits), whether one of
   * them is no evidence for the fleet (1 bit), and when the first was, in units of {@link #TICK}
   * after {@link #since}. 0: none.
   */
  private volatile long row;

  /** CLOSED after having been open: calls that came while traffic rises. */
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

  /** Before the era is published. */
  StatePeriod convincing(boolean on) {
    convincing = on;
    return this;
  }

  boolean isConvincing() {
    return convincing;
  }

  /**
   * Counts failures in a row; whether there are as many as the rule says, over {@code min_seconds}.
   *
   * @param outcome as {@link SlidingWindow#record} takes it
   */
  boolean row(int outcome, long now, BreakerRuleEdition guard) {
    if ((outcome & SlidingWindow.FAILED) == 0) {
      if (row != 0) {
        row = 0;
      }
      return false;
    }
    long next;
    while (true) {
      long w = row;
      next = w != 0 ? w : (Math.max(0, now - since) / TICK + 1) << FIRST;
      next += (next & COUNT) == COUNT ? 0 : 1;
      next |= (outcome & SlidingWindow.OWN) != 0 ? OWN : 0;
      if (ROW.compareAndSet(this, w, next)) {
        break;
      }
    }
    long first = since + (next >>> FIRST) * TICK;
    return (next & COUNT) >= guard.consecutiveFailures
        && (guard.minNanos() == 0 || now - first >= guard.minNanos());
  }

  /** Failures since the last success. */
  int inARow() {
    return (int) (row & COUNT);
  }

  /** Whether all failures of the row are evidence for the fleet. */
  boolean rowConvinces() {
    return (row & OWN) == 0;
  }

  /** The same era, judged by another window. */
  StatePeriod with(SlidingWindow other) {
    return copy(other, recovering);
  }

  /** The same era, without a ramp. */
  StatePeriod recovered() {
    return copy(window, false);
  }

  private StatePeriod copy(@Nullable SlidingWindow judgedBy, boolean ramps) {
    StatePeriod e =
        new StatePeriod(
            phase,
            generation,
            since,
            until,
            attempt,
            judgedBy,
            probes,
            shared,
            epoch,
            fence,
            ramps);
    e.row = row;
    e.ramped = ramped;
    e.convincing = convincing;
    return e;
  }
}
