package io.weir.control.fleet;

/** Value of {@code votes/<instance>}: what one instance's own window has seen. Immutable. */
final class Vote extends Testimony {
  /** Where the instance runs. */
  final FailureDomain site;

  Vote(long epoch, long calls, long failures, FailureDomain site) {
    super(epoch, calls, failures);
    this.site = site;
  }
}
