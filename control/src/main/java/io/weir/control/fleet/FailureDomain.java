package io.weir.control.fleet;

/**
 * Where an instance runs, as far as it is known: what fails together. A partitioned zone or a host
 * without DNS makes every instance in it see the same failures, so these are one witness.
 * Immutable.
 */
final class FailureDomain {
  static final FailureDomain UNKNOWN = new FailureDomain("", "");

  /** Empty when it is not known. */
  final String host;

  /** Empty when none is configured. */
  final String zone;

  FailureDomain(String host, String zone) {
    this.host = host;
    this.zone = zone;
  }

  /**
   * @param instance {@code host:port}
   */
  static FailureDomain of(String instance, String zone) {
    int colon = instance.lastIndexOf(':');
    return new FailureDomain(
        plain(colon < 0 ? instance : instance.substring(0, colon)), plain(zone));
  }

  /** As it is read again from JSON. */
  private static String plain(String name) {
    return name.replaceAll("[\"\\\\\\p{Cntrl}]", "_");
  }

  /**
   * Whether two instances at these places are two witnesses: their hosts are known and differ, and
   * so do their zones where both have one.
   */
  boolean apart(FailureDomain other) {
    return !host.isEmpty()
        && !other.host.isEmpty()
        && !host.equals(other.host)
        && (zone.isEmpty() || other.zone.isEmpty() || !zone.equals(other.zone));
  }

  @Override
  public String toString() {
    return zone.isEmpty() ? host : host + " in " + zone;
  }
}
