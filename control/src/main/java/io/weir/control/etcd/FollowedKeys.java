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
 * and whether they are still the truth, within {@link ReadLimits}. Pure; on the loop only.
 *
 * <p>Events are applied only when their mod revision is higher than the revision known, so
 * duplicates and events out of order do no harm.
 *
 * <p>Where there are more registrations than may be kept, the view is {@link #partial}: those it
 * knows are followed as ever, new ones are left out.
 */
final class FollowedKeys {
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

  private final ReadLimits bounds;
  private TreeMap<String, Entry> entries = new TreeMap<String, Entry>();
  private long revision;
  private long clusterId;
  private boolean told;

  /** Whether some of it may not have been told, after all. */
  private boolean doubted;

  /** What the entries cost, of each kind. */
  private long rules;

  private long registry;
  private boolean partial;
  private boolean mayFit;

  FollowedKeys(ReadLimits bounds) {
    this.bounds = bounds;
  }

  /** Whether registrations are left out, because there are too many. */
  boolean partial() {
    return partial;
  }

  /** Whether some registration has gone while others were left out; asking resets it. */
  boolean mayFit() {
    boolean was = mayFit;
    mayFit = false;
    return was;
  }

  /** The entry known of this key, when it is still the same one; or null. */
  @Nullable Entry same(Entry e) {
    Entry known = entries.get(e.key);
    return known != null
            && known.modRevision == e.modRevision
            && known.createRevision == e.createRevision
            && known.lease == e.lease
        ? known
        : null;
  }

  /** What is known of a key, or null. */
  @Nullable Entry get(String key) {
    return entries.get(key);
  }

  /** What is known is the state as of this revision. */
  long revision() {
    return revision;
  }

  /** Whether this range is of another past than what was told. */
  boolean isNewHistory(EtcdClient.Page range) {
    return told && !isLater(range.clusterId, range.revision);
  }

  /** Whether a state of this cluster at this revision may follow on what is known. */
  boolean isLater(long cluster, long at) {
    return cluster == clusterId && at >= revision;
  }

  /** Telling failed half-way: the next range is told as a whole. */
  void doubt() {
    doubted = true;
  }

  /** Cluster and revision, for people. */
  @Override
  public String toString() {
    return Long.toHexString(clusterId) + " at " + revision;
  }

  /**
   * Takes over what was read.
   *
   * @param cut from this key on registrations were not read; null: all were
   * @return what to tell of it, null when nothing is new
   */
  @Nullable Batch adopt(EtcdClient.Page range, @Nullable String cut) {
    boolean newHistory = isNewHistory(range);
    Map<String, Entry> now = cut == null ? all(range) : part(range, cut);
    List<Change> changes = new ArrayList<Change>();
    for (Entry e : range.entries) {
      if (now.get(e.key) != e) {
        continue; // left out
      }
      Entry before = entries.get(e.key);
      if (doubted
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
        !told || newHistory || !changes.isEmpty()
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
    doubted = false;
    told = true;
    return batch;
  }

  private static Map<String, Entry> all(EtcdClient.Page range) {
    Map<String, Entry> now = new HashMap<String, Entry>();
    for (Entry e : range.entries) {
      now.put(e.key, e);
    }
    return now;
  }

  /** Registrations that are known come first, and stay where nothing is known of them. */
  private Map<String, Entry> part(EtcdClient.Page range, String cut) {
    Map<String, Entry> now = new HashMap<String, Entry>();
    long room = bounds.most();
    for (Entry e : range.entries) {
      if (!bounds.inPart(e.key)) {
        now.put(e.key, e);
      } else if (entries.containsKey(e.key)) {
        now.put(e.key, e);
        room -= ReadLimits.cost(e);
      }
    }
    for (Entry e : entries.tailMap(cut, true).values()) {
      if (bounds.inPart(e.key) && !now.containsKey(e.key)) {
        now.put(e.key, e);
        room -= ReadLimits.cost(e);
      }
    }
    for (Entry e : range.entries) {
      if (bounds.inPart(e.key) && !entries.containsKey(e.key)) {
        room -= ReadLimits.cost(e);
        if (room < 0) {
          break;
        }
        now.put(e.key, e);
      }
    }
    return now;
  }

  private void count(Entry e, int sign) {
    if (bounds.inPart(e.key)) {
      registry += sign * ReadLimits.cost(e);
    } else {
      rules += sign * ReadLimits.cost(e);
    }
  }

  /**
   * Takes events over.
   *
   * @param keys to tell which are ours
   * @return what to tell of them, null when nothing is new
   * @throws EtcdCallException when there would be too much to keep; nothing was taken over then
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
      if (!bounds.inPart(e.key)) {
        Entry before = entries.get(e.key);
        after +=
            (e.value == null ? 0 : ReadLimits.cost(e))
                - (before == null ? 0 : ReadLimits.cost(before));
      }
    }
    if (after > bounds.most() && after > rules) {
      throw bounds.tooMuch();
    }
    List<Change> changes = new ArrayList<Change>(last.size());
    for (Entry e : last.values()) {
      Change change = e.value == null ? gone(e.key, deleted.get(e.key)) : put(e);
      if (change != null) {
        changes.add(change);
      }
    }
    revision = newest;
    return changes.isEmpty() ? null : new Batch(revision, changes, false);
  }

  private @Nullable Change gone(String key, @Nullable Entry last) {
    mayFit |= partial && bounds.inPart(key);
    Entry before = entries.remove(key);
    if (before == null) {
      return null;
    }
    count(before, -1);
    return new Change(key, null, last == null ? before : last);
  }

  private @Nullable Change put(Entry e) {
    Entry before = entries.get(e.key);
    if (bounds.inPart(e.key)
        && registry + ReadLimits.cost(e) - (before == null ? 0 : ReadLimits.cost(before))
            > bounds.most()) {
      partial = true;
      if (before == null) {
        return null;
      }
      // a known one stays followed: it costs as much more as a value may have
    }
    if (before != null) {
      count(before, -1);
    }
    entries.put(e.key, e);
    count(e, 1);
    return new Change(e.key, e);
  }

  /**
   * @param asked the revision known when the range was asked for
   */
  Compared compare(long asked, EtcdClient.Page range) {
    boolean ours = range.clusterId == clusterId && range.revision >= asked;
    if (ours && range.revision < revision) {
      return Compared.OVERTAKEN;
    }
    int mine = 0;
    for (String key : entries.keySet()) {
      mine += partial && bounds.inPart(key) ? 0 : 1;
    }
    int theirs = 0;
    boolean same = ours;
    long newest = revision;
    for (Entry e : range.entries) {
      if (partial && bounds.inPart(e.key)) {
        continue; // it is read again in time anyway
      }
      theirs++;
      Entry known = entries.get(e.key);
      newest = Math.max(newest, e.modRevision);
      same &= known != null && known.modRevision == e.modRevision;
    }
    same &= mine == theirs;
    return same ? Compared.SAME : ours && newest > revision ? Compared.AHEAD : Compared.LOST;
  }
}
