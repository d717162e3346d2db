package io.weir.control.fleet;

/**
 * Value of a target's {@code epoch} key: where the fleet's breaker stands. Every transition is a
 * transaction on this key's revision, so a writer that has been overtaken writes nothing. The key
 * hangs on no lease: if it could expire, expiry would look like "closed" to a fresh instance.
 * Immutable.
 */
final class FleetEpoch {
  /** Where the fleet's breaker stands. */
  enum Phase {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  /** What an absent key means. */
  static final FleetEpoch NONE = new FleetEpoch(0, Phase.CLOSED, 0, "", 0);

  /** Grows by one with every opening and every closing. */
  final long epoch;

  final Phase phase;

  /** Failed probes in a row since it was closed. */
  final int attempt;

  /** Instance that wrote this. */
  final String by;

  /** OPEN: for how long. */
  final long openMillis;

  FleetEpoch(long epoch, Phase phase, int attempt, String by, long openMillis) {
    this.epoch = epoch;
    this.phase = phase;
    this.attempt = attempt;
    this.by = by;
    this.openMillis = openMillis;
  }

  FleetEpoch opened(int nextAttempt, String nextBy, long nextOpenMillis) {
    return new FleetEpoch(epoch + 1, Phase.OPEN, nextAttempt, nextBy, nextOpenMillis);
  }

  FleetEpoch probing(String nextBy) {
    return new FleetEpoch(epoch, Phase.HALF_OPEN, attempt, nextBy, openMillis);
  }

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
