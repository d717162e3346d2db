package io.weir.control.store;

import org.jspecify.annotations.Nullable;

/** The change of one key. Immutable. */
public final class Change {
  public final String key;

  /** The key's new entry; null when the key was deleted. */
  public final @Nullable Entry now;

  /**
   * The last entry of a deleted key. A key that is written and deleted at once is delivered as one
   * change, so this may be the first time that the entry is seen. Null when the store knows none,
   * or the key was not deleted.
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
