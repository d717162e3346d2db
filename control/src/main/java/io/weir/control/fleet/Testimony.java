package io.weir.control.fleet;

/** How many calls an instance has made and how many failed, as it told the fleet. Immutable. */
abstract class Testimony {
  /** The epoch the calls were made in; in any other they count for nothing. */
  final long epoch;

  final long calls;
  final long failures;

  Testimony(long epoch, long calls, long failures) {
    this.epoch = epoch;
    this.calls = calls;
    this.failures = failures;
  }

  @Override
  public String toString() {
    return failures + "/" + calls + " in " + epoch;
  }
}
