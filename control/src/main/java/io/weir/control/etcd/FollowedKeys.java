package io.weir.control.etcd;

import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The keys that are followed, as delivered to the listener: the "view". Computes what a reading of
 * the range, or events, change in it, within {@link ReadLimits}. No I/O; on the loop only.
 *
 * <p>Events are applied only when their mod revision is higher than the known revision, so
 * duplicates and events out of order do no harm.
 *
 * <p>When there are more registrations than may be kept, the view is {@link #isPartial}: those that
 * it has are still followed, new ones are left out.
 */
final class FollowedKeys {
  /** The result of comparing a view with a reading of the range. */
  enum Compared {
    SAME,
    /** Events have made the view newer than the reading, so the two cannot be compared. */
    OVERTAKEN,
    /**
     * They differ, and the reading has a key with a later revision than the view: the events of
     * that revision may still come.
     */
    AHEAD,
    /**
     * They differ only in keys that the reading lacks, and the reading is of a later revision than
     * the view: the events of their deletion may still come. {@link #hasDeleted} tells later.
     */
    DELETED,
    /** They differ otherwise, or the reading is of another history: the view has lost a change. */
    LOST
  }

  private final ReadLimits bounds;
  private TreeMap<String, Entry> entries = new TreeMap<String, Entry>();
  private long revision;
  private long clusterId;

  /** Whether a first batch was made. */
  private boolean delivered;

  /** Whether the listener may have missed some changes. */
  private boolean deliverAll;

  /** Memory of all entries that are no registrations, as {@link ReadLimits#cost} counts. */
  private long rules;

  /** Memory of the registrations. */
  private long registry;

  /** Whether registrations are left out. */
  private boolean partial;

  /** Whether a registration was deleted since then, so that one that is left out may fit. */
  private boolean mayFit;

  FollowedKeys(ReadLimits bounds) {
    this.bounds = bounds;
  }

  /** Whether registrations are left out, because there are too many. */
  boolean isPartial() {
    return partial;
  }

  /** Whether a registration was deleted while others were left out. Resets that. */
  boolean takeMayFit() {
    boolean was = mayFit;
    mayFit = false;
    return was;
  }

  /** The known entry of this key if it is still the same; else null. */
  @Nullable Entry unchanged(Entry e) {
    Entry known = entries.get(e.key);
    return known != null
            && known.modRevision == e.modRevision
            && known.createRevision == e.createRevision
            && known.lease == e.lease
        ? known
        : null;
  }

  /** The known entry of a key; null: there is none. */
  @Nullable Entry get(String key) {
    return entries.get(key);
  }

  /** The revision of the known state. */
  long revision() {
    return revision;
  }

  /** Whether this reading does not continue the known history: etcd was wiped or replaced. */
  boolean isNewHistory(EtcdClient.Page range) {
    return delivered && !isLater(range.clusterId, range.revision);
  }

  /** Whether a state of this cluster at this revision may come after the known state. */
  boolean isLater(long cluster, long at) {
    return cluster == clusterId && at >= revision;
  }

  /** The listener threw: {@link #adopt} puts all keys into the next batch. */
  void deliverAllNext() {
    deliverAll = true;
  }

  /** Cluster and revision, for people. */
  @Override
  public String toString() {
    return Long.toHexString(clusterId) + " at " + revision;
  }

  /**
   * Takes over a reading of the range.
   *
   * @param cut the first registration that was not read; null: all were read
   * @return the changes to deliver; null when nothing has changed
   */
  @Nullable Batch adopt(EtcdClient.Page range, @Nullable String cut) {
    boolean newHistory = isNewHistory(range);
    Map<String, Entry> now = cut == null ? byKey(range) : selectPart(range, cut);
    List<Change> changes = new ArrayList<Change>();
    for (Entry e : range.entries) {
      if (now.get(e.key) != e) {
        continue; // left out
      }
      Entry before = entries.get(e.key);
      if (deliverAll
          || before == null
          || before.modRevision != e.modRevision
          || before.lease != e.lease
          || newHistory && !Arrays.equals(before.value, e.value)) {
        changes.add(new Change(e.key, e));
      }
    }
    for (String key : entries.keySet()) {
      if (!now.containsKey(key)) {
        changes.add(new Change(key, null, entries.get(key)));
      }
    }
    Batch batch =
        !delivered || newHistory || !changes.isEmpty()
            ? new Batch(range.revision, changes, newHistory)
            : null;
    entries = new TreeMap<String, Entry>(now); // nothing throws from here on
    rules = 0;
    registry = 0;
    for (Entry e : now.values()) {
      count(e, 1);
    }
    partial = cut != null;
    mayFit = false;
    revision = range.revision;
    clusterId = range.clusterId;
    deliverAll = false;
    delivered = true;
    return batch;
  }

  private static Map<String, Entry> byKey(EtcdClient.Page range) {
    Map<String, Entry> now = new HashMap<String, Entry>();
    for (Entry e : range.entries) {
      now.put(e.key, e);
    }
    return now;
  }

  /**
   * The entries to keep when not all registrations were read. All other keys and the registrations
   * that are known already are kept in any case. New registrations are kept in the order of their
   * keys, up to the first one that does not fit.
   */
  private Map<String, Entry> selectPart(EtcdClient.Page range, String cut) {
    Map<String, Entry> now = new HashMap<String, Entry>();
    long left = bounds.maxBytes();
    for (Entry e : range.entries) {
      if (!bounds.mayBePartial(e.key)) {
        now.put(e.key, e);
      } else if (entries.containsKey(e.key)) {
        now.put(e.key, e);
        left -= ReadLimits.cost(e);
      }
    }
    // from here on nothing was read: what is known is taken to be still there
    for (Entry e : entries.tailMap(cut, true).values()) {
      if (bounds.mayBePartial(e.key) && !now.containsKey(e.key)) {
        now.put(e.key, e);
        left -= ReadLimits.cost(e);
      }
    }
    for (Entry e : range.entries) {
      if (bounds.mayBePartial(e.key) && !entries.containsKey(e.key)) {
        left -= ReadLimits.cost(e);
        if (left < 0) {
          break;
        }
        now.put(e.key, e);
      }
    }
    return now;
  }

  private void count(Entry e, int sign) {
    if (bounds.mayBePartial(e.key)) {
      registry += sign * ReadLimits.cost(e);
    } else {
      rules += sign * ReadLimits.cost(e);
    }
  }

  /**
   * Applies events.
   *
   * @param keys tells which keys are ours
   * @return the changes to deliver; null when nothing has changed
   * @throws EtcdCallException there is too much to keep; then no event was applied
   */
  @Nullable Batch apply(List<Entry> events, KeySpace keys) throws EtcdCallException {
    TreeMap<String, Entry> last = new TreeMap<String, Entry>();
    Map<String, Entry> deleted = new HashMap<String, Entry>();
    long newest = revision;
    for (Entry raw : events) {
      if (raw.modRevision <= revision) {
        continue;
      }
      newest = Math.max(newest, raw.modRevision);
      Entry own = keys.own(raw);
      if (own != null) {
        Entry earlier = last.put(own.key, own);
        if (earlier != null && earlier.value != null && own.value == null) {
          deleted.put(own.key, earlier); // written and deleted within these events
        }
      }
    }
    long after = rules;
    for (Entry e : last.values()) {
      if (!bounds.mayBePartial(e.key)) {
        Entry before = entries.get(e.key);
        after +=
            (e.value == null ? 0 : ReadLimits.cost(e))
                - (before == null ? 0 : ReadLimits.cost(before));
      }
    }
    if (after > bounds.maxBytes() && after > rules) {
      throw bounds.tooMuch();
    }
    List<Change> changes = new ArrayList<Change>(last.size());
    for (Entry e : last.values()) {
      Change change = e.value == null ? delete(e.key, deleted.get(e.key)) : put(e);
      if (change != null) {
        changes.add(change);
      }
    }
    revision = newest;
    return changes.isEmpty() ? null : new Batch(revision, changes, false);
  }

  private @Nullable Change delete(String key, @Nullable Entry last) {
    mayFit |= partial && bounds.mayBePartial(key);
    Entry before = entries.remove(key);
    if (before == null) {
      return null;
    }
    count(before, -1);
    return new Change(key, null, last == null ? before : last);
  }

  private @Nullable Change put(Entry e) {
    Entry before = entries.get(e.key);
    if (bounds.mayBePartial(e.key)
        && registry + ReadLimits.cost(e) - (before == null ? 0 : ReadLimits.cost(before))
            > bounds.maxBytes()) {
      partial = true;
      if (before == null) {
        return null;
      }
      // a known registration is still followed: it exceeds the bound by one value at most
    }
    if (before != null) {
      count(before, -1);
    }
    entries.put(e.key, e);
    count(e, 1);
    return new Change(e.key, e);
  }

  /**
   * Compares the view with a reading of the keys.
   *
   * @param asked the view's revision when the reading was requested
   */
  Compared compare(long asked, EtcdClient.Page range) {
    boolean ours = range.clusterId == clusterId && range.revision >= asked;
    if (ours && range.revision < revision) {
      return Compared.OVERTAKEN;
    }
    int mine = 0;
    for (String key : entries.keySet()) {
      mine += partial && bounds.mayBePartial(key) ? 0 : 1;
    }
    int theirs = 0;
    boolean unchanged = ours;
    long newest = revision;
    for (Entry e : range.entries) {
      if (partial && bounds.mayBePartial(e.key)) {
        continue; // a partial view is read again anyway
      }
      theirs++;
      Entry known = entries.get(e.key);
      newest = Math.max(newest, e.modRevision);
      unchanged &= known != null && known.modRevision == e.modRevision;
    }
    if (unchanged && mine == theirs) {
      return Compared.SAME;
    }
    if (unchanged && range.revision > revision) {
      return Compared.DELETED;
    }
    return ours && newest > revision ? Compared.AHEAD : Compared.LOST;
  }

  /** Whether the view still has a key that had been deleted when the range was read. */
  boolean hasDeleted(EtcdClient.Page range) {
    Set<String> read = new HashSet<String>();
    for (Entry e : range.entries) {
      read.add(e.key);
    }
    for (Entry e : entries.values()) {
      if (e.modRevision <= range.revision
          && !read.contains(e.key)
          && !(partial && bounds.mayBePartial(e.key))) {
        return true;
      }
    }
    return false;
  }
}
