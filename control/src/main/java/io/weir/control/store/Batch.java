package io.weir.control.store;

import java.util.Collections;
import java.util.List;

/**
 * Changes that belong together: everything that differs between what was told before and {@link
 * #revision}. What one transaction wrote is never split over two batches. Immutable.
 */
public final class Batch {
  /** The store's state is known as of this revision. */
  public final long revision;

  /** Each key once; possibly empty. */
  public final List<Change> changes;

  /**
   * The store's past was lost: it was wiped, restored or replaced, and the revision may be lower
   * than before. Fences taken from older revisions mean nothing any more.
   */
  public final boolean newHistory;

  public Batch(long revision, List<Change> changes, boolean newHistory) {
    this.revision = revision;
    this.changes = Collections.unmodifiableList(changes);
    this.newHistory = newHistory;
  }

  @Override
  public String toString() {
    return "revision " + revision + (newHistory ? " (new history) " : " ") + changes;
  }
}
