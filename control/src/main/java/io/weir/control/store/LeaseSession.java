package io.weir.control.store;

import java.util.List;
import org.jspecify.annotations.Nullable;

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

  /**
   * Lets go of a held key and deletes it.
   *
   * @param lastWords written in its place first, by a transaction of its own, so that who follows
   *     the key knows why it went; null: nothing is
   */
  void release(String key, byte @Nullable [] lastWords);

  /**
   * Whether a held key stands in the store with its value and under the lease in force, as far as
   * is known. Any thread.
   */
  boolean stands(String key);

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

    /**
     * A held key was deleted or overwritten by somebody else. It is written again: at once, and
     * ever more slowly when that happens again and again.
     *
     * @param how for a human
     */
    default void onGone(String key, String how) {}
  }
}
