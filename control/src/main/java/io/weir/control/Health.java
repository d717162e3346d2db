package io.weir.control;

/** How the control plane stands with its store. Immutable. */
public final class Health {
  /** The store is reached right now. */
  public final boolean connected;

  /** Why not, for a human; empty when connected. */
  public final String reason;

  /** Revision of the newest batch, 0 before the first. */
  public final long revision;

  /** Rules are in force that were restored from disk and not yet confirmed by the store. */
  public final boolean restored;

  /** {@link System#nanoTime} when the store was last known to be reached; 0: never. */
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
