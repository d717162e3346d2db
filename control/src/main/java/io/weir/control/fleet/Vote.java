package io.weir.control.fleet;

/** Value of {@code votes/<instance>}: what one instance's own window has seen. Immutable. */
final class Vote {
  /** The epoch the evidence was gathered in; in any other it counts for nothing. */
  final long epoch;

  final long calls;
  final long failures;

  /** Where the instance runs. */
  final FailureDomain site;

  Vote(long epoch, long calls, long failures, FailureDomain site) {
    this.epoch = epoch;
    this.calls = calls;
    this.failures = failures;
    this.site = site;
  }

  @Override
  public String toString() {
    return failures + "/" + calls + " in " + epoch;
  }
}
