package io.weir.control.fleet;

/**
 * The value of a target's key {@code epoch}: the state of the fleet's breaker. Every transition is
 * a transaction that compares this key's revision, so a writer with an old view writes nothing. The
 * key has no lease: if it could expire, a new instance would believe that the breaker is closed.
 * Immutable.
 */
final class FleetEpoch {
  /** The state of the fleet's breaker. */
  enum Phase {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  /** The meaning of an absent key. */
  static final FleetEpoch NONE = new FleetEpoch(0, Phase.CLOSED, 0, "", 0);

  /** Grows by one with every opening and every closing. */
  final long epoch;

  final Phase phase;

  /** How often in a row probing has failed since the breaker opened. */
  final int attempt;

  /** The instance that wrote this value. */
  final String by;

  /** For OPEN: how long the breaker stays open. */
  final long openMillis;

  FleetEpoch(long epoch, Phase phase, int attempt, String by, long openMillis) {
    this.epoch = epoch;
    this.phase = phase;
    this.attempt = attempt;
    this.by = by;
    this.openMillis = openMillis;
  }

  /** The value after the breaker has opened. */
  FleetEpoch opened(int nextAttempt, String nextBy, long nextOpenMillis) {
    return new FleetEpoch(epoch + 1, Phase.OPEN, nextAttempt, nextBy, nextOpenMillis);
  }

  /** The value after the breaker has become half-open. */
  FleetEpoch probing(String nextBy) {
    return new FleetEpoch(epoch, Phase.HALF_OPEN, attempt, nextBy, openMillis);
  }

  /** The value after the breaker has closed. */
  FleetEpoch closed(String nextBy) {
    return new FleetEpoch(epoch + 1, Phase.CLOSED, 0, nextBy, 0);
  }

  @Override
  public boolean equals(Object o) {
    if (!(o instanceof FleetEpoch)) {
      return false;
    }
    FleetEpoch f = (FleetEpoch) o;
    return epoch == f.epoch
        && phase == f.phase
        && attempt == f.attempt
        && by.equals(f.by)
        && openMillis == f.openMillis;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(epoch) * 31 + phase.hashCode();
  }

  @Override
  public String toString() {
    return epoch + " " + phase + " attempt " + attempt + " by " + by;
  }
}
