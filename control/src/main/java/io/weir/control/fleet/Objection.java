package io.weir.control.fleet;

/**
 * Value of {@code objections/1} and {@code objections/2}: an instance with traffic that sees the
 * target well, while another votes for opening. Immutable.
 */
final class Objection {
  /** The epoch the calls were made in; in any other the objection counts for nothing. */
  final long epoch;

  final String by;

  /** Calls of the last ten seconds. */
  final long calls;

  final long failures;

  Objection(long epoch, String by, long calls, long failures) {
    this.epoch = epoch;
    this.by = by;
    this.calls = calls;
    this.failures = failures;
  }

  @Override
  public String toString() {
    return failures + "/" + calls + " in " + epoch + " by " + by;
  }
}
