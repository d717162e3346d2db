package io.weir.control.store;

import org.jspecify.annotations.Nullable;

/** One key that is not what it was. Immutable. */
public final class Change {
  public final String key;

  /** The key's entry now, or null: it is gone. */
  public final @Nullable Entry now;

  /**
   * Of a key that is gone: the last entry the store knows of it, which may be one that no earlier
   * change told; null when it knows none.
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
