package io.weir.control.fleet;

/**
 * Value of {@code objections/1} and {@code objections/2}: an instance with traffic that sees the
 * target well, while another votes for opening. Its calls are those of the last ten seconds.
 * Immutable.
 */
final class Objection extends Testimony {
  final String by;

  Objection(long epoch, String by, long calls, long failures) {
    super(epoch, calls, failures);
    this.by = by;
  }

  @Override
  public String toString() {
    return super.toString() + " by " + by;
  }
}
