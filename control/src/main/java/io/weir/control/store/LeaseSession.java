package io.weir.control.store;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A lease of the store that is renewed until closed, and replaced by a new one when it was lost.
 *
 * <p>A <em>held</em> key ({@link #hold}) is written under the lease and written again under each
 * new one, and when somebody else removes it. Keys that the owner writes by transactions of its own
 * with {@link #id} (for example the claim to probe a target) are not: the owner hears {@link
 * Listener#onLost} and decides.
 *
 * <p>Any thread may call the methods, and none blocks: what they ask for is done later, on the
 * control loop.
 *
 * <p>A lease is no mutual exclusion: a process that was paused may still believe in an expired one.
 * So make each write depend on the revision that was read.
 */
public interface LeaseSession extends AutoCloseable {
  /** The lease in force, or 0 while there is none. */
  long id();

  /** Keeps this key at this value under the lease, until released. Replaces an earlier value. */
  void hold(String key, byte[] value);

  /**
   * Deletes a held key. It is listed as held until it is known to be deleted.
   *
   * @param finalValue written before the key is deleted, in a separate transaction, so that those
   *     who watch the key learn why it is deleted; null: the key is just deleted
   */
  void release(String key, byte @Nullable [] finalValue);

  /**
   * Whether the store has this held key with its value under the current lease, as far as is known
   * here.
   */
  boolean isWritten(String key);

  /** The held keys. */
  List<String> held();

  /** Revokes the lease, which deletes all of its keys at once. */
  @Override
  void close();

  /** Called on the control loop. */
  interface Listener {
    /** A lease is in force; the first one, or a new one after {@link #onLost}. */
    void onGranted(long id);

    /** The lease has expired, or must be assumed to: it was not renewed for a whole TTL. */
    void onLost(long id, String reason);

    /**
     * Somebody else deleted or overwrote a held key. The session writes it again: the first time at
     * once, then after ever longer delays while this goes on.
     *
     * @param how what happened, for people
     */
    default void onRemoved(String key, String how) {}
  }
}
