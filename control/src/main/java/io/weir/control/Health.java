package io.weir.control;

/** The control plane's connection to its store. Immutable. */
public final class Health {
  /** Whether the store is reachable now. */
  public final boolean connected;

  /** Why it is not reachable, for people; empty when connected. */
  public final String reason;

  /** The revision of the newest batch; 0 before the first. */
  public final long revision;

  /** Whether the rules in force come from the disk snapshot and not yet from the store. */
  public final boolean restored;

  /** {@link System#nanoTime} when the store was last known to be reachable; 0: never. */
  public final long lastConnectedNanos;

  Health(
      boolean connected, String reason, long revision, boolean restored, long lastConnectedNanos) {
    this.connected = connected;
    this.reason = reason;
    this.revision = revision;
    this.restored = restored;
    this.lastConnectedNanos = lastConnectedNanos;
  }
}
