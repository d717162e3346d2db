package io.weir.control.fleet;

/**
 * An instance's statement that a target works, while another instance votes to open the target's
 * shared breaker. {@link #calls} and {@link #failures} are those that this instance made to the
 * target in the last ten seconds.
 *
 * <p>It is the value of the keys {@code objections/1} and {@code objections/2}. There are two, so
 * that one objection stands when an instance dies. Immutable.
 */
final class Objection extends Testimony {
  /** The instance that objects. */
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
