package io.weir.control.fleet;

import org.jspecify.annotations.Nullable;

/** The state that the fleet prescribes to this instance's breaker. Immutable. */
final class DesiredState {
  /** See {@link io.weir.engine.breaker.CircuitBreaker}'s {@code impose} methods. */
  enum Kind {
    CLOSED,
    /** Open until the fleet decides otherwise. */
    OPEN,
    /** Open, and etcd is unreachable: this instance ends it by its own probes. */
    ALONE,
    /** Half-open; another instance probes. */
    WAITING,
    /** Half-open; this instance probes. */
    PROBER
  }

  final Kind kind;
  final long epoch;
  final int attempt;

  /** For OPEN and ALONE: when the open time ends, by the loop's clock. */
  final long until;

  /** For PROBER: the revision of the key {@code probe}, which is given back with the result. */
  final long fence;

  DesiredState(Kind kind, long epoch, int attempt, long until, long fence) {
    this.kind = kind;
    this.epoch = epoch;
    this.attempt = attempt;
    this.until = until;
    this.fence = fence;
  }

  @Override
  public boolean equals(@Nullable Object o) {
    if (!(o instanceof DesiredState)) {
      return false;
    }
    DesiredState r = (DesiredState) o;
    return kind == r.kind
        && epoch == r.epoch
        && attempt == r.attempt
        && until == r.until
        && fence == r.fence;
  }

  @Override
  public int hashCode() {
    return kind.hashCode() * 31 + Long.hashCode(epoch);
  }

  @Override
  public String toString() {
    return kind + " in " + epoch;
  }
}
