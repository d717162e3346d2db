package io.weir.control.fleet;

/**
 * Value of the {@code state} key, what operators read. Nothing is decided by it but the end of the
 * open time, when it expires. Immutable.
 */
final class PublishedState {
  /** {@code open}, {@code half-open} or {@code closed}. */
  final String state;

  final long calls;
  final long failures;

  /** How old the first of these calls may have been when the window tripped. */
  final long ageNanos;

  final String by;
  final long epoch;
  final String reason;

  PublishedState(
      String state,
      long calls,
      long failures,
      long ageNanos,
      String by,
      long epoch,
      String reason) {
    this.state = state;
    this.calls = calls;
    this.failures = failures;
    this.ageNanos = ageNanos;
    this.by = by;
    this.epoch = epoch;
    this.reason = reason;
  }
}
