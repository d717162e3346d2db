package io.weir.control.store;

import org.jspecify.annotations.Nullable;

/** The change of one key. Immutable. */
public final class Change {
  public final String key;

  /** The key's new entry; null when the key was deleted. */
  public final @Nullable Entry now;

  /**
   * The last entry of a deleted key. If a known key is written again and deleted at once, that is
   * one change, and this is the entry written in between. (A key that was not known before then
   * gives no change.) Only the store on etcd gives it: null from files, for keys of the disk
   * snapshot that are gone, and where the key was not deleted.
   */
  public final @Nullable Entry last;

  public Change(String key, @Nullable Entry now) {
    this(key, now, null);
  }

  public Change(String key, @Nullable Entry now, @Nullable Entry last) {
    this.key = key;
    this.now = now;
    this.last = last;
  }

  @Override
  public String toString() {
    return now == null ? key + " deleted" : now.toString();
  }
}
