package io.weir.control.etcd;

import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The keys that are followed, as told to the listener: what a range or events change about them,
 * and whether they are still the truth. Pure; on the loop only.
 *
 * <p>Events are applied only when their mod revision is higher than the revision known, so
 * duplicates and events out of order do no harm.
 */
final class View {
  /** What a second look at the range says of a view. */
  enum Compared {
    SAME,
    /** Events overtook the range: nothing can be said this time. */
    OVERTAKEN,
    /** The range has what no event has told yet; it may be on its way. */
    AHEAD,
    /** Something was lost. */
    LOST
  }

  private final Map<String, Entry> entries = new TreeMap<String, Entry>();
  private long revision;
  private long clusterId;
  private boolean told;

  /** What is known is the state as of this revision. */
  long revision() {
    return revision;
  }

  /** Whether this range is of another past than what was told. */
  boolean isNewHistory(Wire.Page range) {
    return told && !isLater(range.clusterId, range.revision);
  }

  /** Whether a state of this cluster at this revision may follow on what is known. */
  boolean isLater(long cluster, long at) {
    return cluster == clusterId && at >= revision;
  }

  /** Cluster and revision, for people. */
  @Override
  public String toString() {
    return Long.toHexString(clusterId) + " at " + revision;
  }

  /**
   * Takes a whole range over.
   *
   * @return what to tell of it, null when nothing is new
   */
  @Nullable Batch adopt(Wire.Page range) {
    boolean newHistory = isNewHistory(range);
    Map<String, Entry> now = new HashMap<String, Entry>();
    List<Change> changes = new ArrayList<Change>();
    for (Entry e : range.entries) {
      now.put(e.key, e);
      Entry before = entries.get(e.key);
      if (before == null
          || before.modRevision != e.modRevision
          || before.lease != e.lease
          || newHistory && !Arrays.equals(before.value, e.value)) {
        changes.add(new Change(e.key, e));
      }
    }
    for (String key : entries.keySet()) {
      if (!now.containsKey(key)) {
        changes.add(new Change(key, null));
      }
    }
    entries.clear();
    entries.putAll(now);
    revision = range.revision;
    clusterId = range.clusterId;
    boolean first = !told;
    told = true;
    return first || newHistory || !changes.isEmpty()
        ? new Batch(revision, changes, newHistory)
        : null;
  }

  /**
   * Takes events over.
   *
   * @param keys to tell which are ours
   * @return what to tell of them, null when nothing is new
   */
  @Nullable Batch apply(List<Entry> events, KeySpace keys) {
    Map<String, Change> changes = new TreeMap<String, Change>();
    long newest = revision;
    for (Entry raw : events) {
      if (raw.modRevision <= revision) {
        continue;
      }
      newest = Math.max(newest, raw.modRevision);
      Entry own = keys.own(raw);
      if (own == null) {
        continue;
      }
      Entry now = own.value == null ? null : own;
      if (now == null && entries.remove(own.key) == null && !changes.containsKey(own.key)) {
        continue;
      }
      if (now != null) {
        entries.put(own.key, now);
      }
      changes.put(own.key, new Change(own.key, now));
    }
    revision = newest;
    return changes.isEmpty()
        ? null
        : new Batch(revision, new ArrayList<Change>(changes.values()), false);
  }

  /**
   * @param asked the revision known when the range was asked for
   */
  Compared compare(long asked, Wire.Page range) {
    boolean ours = range.clusterId == clusterId && range.revision >= asked;
    if (ours && range.revision < revision) {
      return Compared.OVERTAKEN;
    }
    boolean same = ours && range.entries.size() == entries.size();
    long newest = revision;
    for (Entry e : range.entries) {
      Entry mine = entries.get(e.key);
      newest = Math.max(newest, e.modRevision);
      same &= mine != null && mine.modRevision == e.modRevision;
    }
    return same ? Compared.SAME : ours && newest > revision ? Compared.AHEAD : Compared.LOST;
  }
}
