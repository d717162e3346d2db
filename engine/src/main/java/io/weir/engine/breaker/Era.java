package io.weir.engine.breaker;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * One stretch of a breaker's life between two transitions. Immutable but for the evidence it
 * gathers; a permit names its era's generation, and outcomes of another generation change nothing.
 */
final class Era {
  static final AtomicIntegerFieldUpdater<Era> IN_A_ROW =
      AtomicIntegerFieldUpdater.newUpdater(Era.class, "inARow");

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
  final Window window;

  /** HALF_OPEN: the probes, null when another instance of the fleet has them. */
  final Probes probes;

  /** Set by the fleet, which alone may end it. */
  final boolean shared;

  /** The fleet epoch under which this era's evidence is gathered; -1 when none was known. */
  final long epoch;

  /** CLOSED after having been open: traffic may rise slowly. */
  final boolean recovering;

  /** CLOSED: failures without a success in between. */
  volatile int inARow;

  private Era(
      Phase phase,
      long generation,
      long since,
      long until,
      int attempt,
      Window window,
      Probes probes,
      boolean shared,
      long epoch,
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
    this.recovering = recovering;
  }

  static Era closed(long generation, Window window, long epoch, boolean recovering, long now) {
    return new Era(Phase.CLOSED, generation, now, 0, 0, window, null, false, epoch, recovering);
  }

  static Era open(long generation, long until, int attempt, boolean shared, long epoch, long now) {
    return new Era(Phase.OPEN, generation, now, until, attempt, null, null, shared, epoch, false);
  }

  static Era halfOpen(
      long generation, int attempt, Probes probes, boolean shared, long epoch, long now) {
    return new Era(
        Phase.HALF_OPEN, generation, now, 0, attempt, null, probes, shared, epoch, false);
  }

  /** The same era, judged by another window. */
  Era with(Window other) {
    Era e =
        new Era(phase, generation, since, until, attempt, other, probes, shared, epoch, recovering);
    e.inARow = inARow;
    return e;
  }
}
