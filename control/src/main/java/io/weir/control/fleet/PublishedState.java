package io.weir.control.fleet;

/**
 * The value of the key {@code state}, for operators. Instances only use that it expires: that ends
 * the open time. Immutable.
 */
final class PublishedState {
  /** {@code open}, {@code half-open} or {@code closed}. */
  final String state;

  final long calls;
  final long failures;

  /** How old the oldest of these calls can have been when the breaker tripped. */
  final long ageNanos;

  /** The instance that wrote this value. */
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
