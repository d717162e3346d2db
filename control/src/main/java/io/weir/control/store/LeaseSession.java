package io.weir.control.store;

import java.util.List;

/**
 * A lease kept alive, and granted anew when it was lost. Keys that were {@link #hold held} are
 * written again under the new lease in one transaction; transactions of the owner's own (a prober's
 * key) are not repeated: that role is lost and the owner is told.
 *
 * <p>A lease is no mutual exclusion: a paused holder still believes in it. Fence writes by
 * revision.
 */
public interface LeaseSession extends AutoCloseable {
  /** The lease in force, or 0 while there is none. */
  long id();

  /**
   * Keeps this key at this value under the lease, across losses of it. Replaces an earlier value.
   */
  void hold(String key, byte[] value);

  /** Lets go of a held key and deletes it. */
  void release(String key);

  /** Held keys, for status. */
  List<String> held();

  /** Revokes the lease: everything under it goes at once. */
  @Override
  void close();

  /** Told on the control loop. */
  interface Listener {
    /** A lease is in force; the first one, or a new one after {@link #onLost}. */
    void onGranted(long id);

    /** The lease is gone, or must be taken as gone: not renewed for a whole TTL. */
    void onLost(long id, String reason);
  }
}
