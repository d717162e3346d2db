package io.weir.control.store;

import org.jspecify.annotations.Nullable;

/** One key that is not what it was. Immutable. */
public final class Change {
  public final String key;

  /** The key's entry now, or null: it is gone. */
  public final @Nullable Entry now;

  public Change(String key, @Nullable Entry now) {
    this.key = key;
    this.now = now;
  }

  @Override
  public String toString() {
    return now == null ? key + " deleted" : now.toString();
  }
}
