package io.weir.control.store;

import java.util.Collections;
import java.util.List;

/**
 * All changes between the revision of the previous batch and {@link #revision}. What one
 * transaction wrote is never split over two batches. Immutable.
 */
public final class Batch {
  /** A consumer that applied this batch knows the store's state at this revision. */
  public final long revision;

  /** Each key at most once; possibly empty. */
  public final List<Change> changes;

  /**
   * The store was wiped, restored from a backup or replaced. The revision may be lower than before,
   * and revisions of earlier batches must not be compared with those from now on.
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
