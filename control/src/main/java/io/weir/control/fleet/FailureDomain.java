package io.weir.control.fleet;

/**
 * The host and zone of an instance, as far as they are known. When a zone is partitioned or a host
 * has no DNS, all instances in it see the same failures.
 *
 * <p>So under {@code quorum: auto} an instance whose own breaker has opened takes the vote of
 * another one as a second witness only if their domains are {@link #apart}; see {@link
 * FleetMachine}. Other quorums do not look at domains. Immutable.
 */
final class FailureDomain {
  static final FailureDomain UNKNOWN = new FailureDomain("", "");

  /** Empty: not known. */
  final String host;

  /** Empty: none is configured. */
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

  /**
   * The name without characters that JSON escapes. {@link FleetCodec} writes escapes but does not
   * read them, so such a name would come back different from what it was.
   */
  private static String plain(String name) {
    return name.replaceAll("[\"\\\\\\p{Cntrl}]", "_");
  }

  /**
   * Whether instances in these two domains count as two witnesses: their hosts are known and
   * differ, and their zones differ if both have one. An unknown host might be the same host. Zones
   * are optional; without one, the hosts decide.
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
