package io.weir.control.etcd;

import io.weir.control.store.Entry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads the followed range once, in bounded memory whatever it contains.
 *
 * <p>First it reads the keys without their values, page by page, all at the revision of the first
 * page. Then it reads the values at that revision, but only of our keys and only those that are not
 * known yet; after a lost connection these are few. etcd does not tell sizes beforehand, so values
 * are read in batches. An answer of more than {@link ReadLimits#MESSAGE} bytes is refused by its
 * length, before its bytes are read, and the batch is tried again at a quarter of its size, down to
 * single keys. A single value that is too large for its key is not read: then only the key and its
 * revision are known.
 *
 * <p>When everything together is too large, the reading fails, except for registrations: then only
 * a part of them is read, and {@link Result#cut} tells up to where.
 *
 * <p>On the loop only.
 */
final class RangeReader {
  /** The result of a reading. Immutable. */
  static final class Result {
    /** All of our keys at one revision. */
    final EtcdClient.Page page;

    /** The first registration that was not read; null: all were read. */
    final @Nullable String cut;

    Result(EtcdClient.Page page, @Nullable String cut) {
      this.page = page;
      this.cut = cut;
    }
  }

  /** The most keys in one answer. */
  private static final int PAGE = 1000;

  /** Bytes of a message beside a value and its key: revisions, the header. */
  private static final int MESSAGE_OVERHEAD = 4096;

  private final KeySpace keys;
  private final ReadLimits bounds;
  private final EtcdClient client;
  private final BoundedAnswers answers;
  private final BooleanSupplier stillWanted;
  private final @Nullable FollowedKeys known;
  private final EtcdClient.Answer<Result> callback;

  /** Our keys in key order; those in {@link #wanted} do not have their value yet. */
  private final List<Entry> found = new ArrayList<Entry>();

  /**
   * For each entry of {@link #found}: its position among all keys of the range, also those of
   * others. Entries with consecutive positions can be read as one {@link EtcdClient.Run}.
   */
  private int[] positions = new int[64];

  /** The indexes in {@link #found} of entries whose value is to be read. */
  private final BitSet wanted = new BitSet();

  /** The first page, whose revision all other requests use. */
  private EtcdClient.@Nullable Page first;

  private boolean newHistory;

  /** The position of the key read last. */
  private int position;

  /** How many keys the next request for keys asks for. */
  private int page = PAGE;

  /** How many values the next request for values asks for. */
  private int batch = PAGE;

  /** The index in {@link #found} from which on values are missing. */
  private int next;

  private long rules;
  private long registry;
  private @Nullable String cut;

  /** Whether everything together is too large; then the reading has failed. */
  private boolean tooMuch;

  /**
   * @param known its values are not read again; null: only keys are read
   * @param stillWanted false: the result is not wanted any more
   * @param callback is called on the loop
   */
  RangeReader(
      KeySpace keys,
      EtcdClient client,
      BoundedAnswers answers,
      BooleanSupplier stillWanted,
      @Nullable FollowedKeys known,
      EtcdClient.Answer<Result> callback) {
    this.keys = keys;
    this.bounds = keys.bounds();
    this.client = client;
    this.answers = answers;
    this.stillWanted = stillWanted;
    this.known = known;
    this.callback = callback;
  }

  void begin() {
    requestKeys(keys.first());
  }

  // ---- keys

  private void requestKeys(String from) {
    EtcdClient.Page pinned = first;
    client.range(
        from,
        keys.end(),
        page,
        pinned == null ? 0 : pinned.revision,
        true,
        answers.onceWhile(
            stillWanted,
            new EtcdClient.Answer<EtcdClient.Page>() {
              @Override
              public void ok(EtcdClient.Page p) {
                keys(p);
              }

              @Override
              public void failed(EtcdCallException e) {
                if (e.kind == EtcdCallException.Kind.TOO_LARGE && page > 1) {
                  page = Math.max(1, page / 4); // 0 would ask etcd for all
                  requestKeys(from);
                } else {
                  callback.failed(e);
                }
              }
            }));
  }

  private void keys(EtcdClient.Page p) {
    if (first == null) {
      first = p;
      newHistory = known != null && known.isNewHistory(p);
    }
    page = Math.min(PAGE, 2 * page);
    for (Entry e : p.entries) {
      position++;
      Entry own = keys.own(e);
      if (own == null) {
        continue;
      }
      if (cut == null || !bounds.mayBePartial(own.key)) {
        add(own);
      }
      if (tooMuch) {
        return;
      }
      if (cut != null && bounds.mayBePartial(own.key)) {
        // the other registrations are skipped
        requestKeys(keys.endOfPrefix(own.key));
        return;
      }
    }
    if (p.more && !p.entries.isEmpty()) {
      requestKeys(p.entries.get(p.entries.size() - 1).key + "\0");
    } else {
      requestValues();
    }
  }

  private void add(Entry own) {
    Entry same = known == null || newHistory ? null : known.unchanged(own);
    if (!fits(own.key, ReadLimits.cost(same == null ? own : same))) {
      return;
    }
    if (positions.length == found.size()) {
      positions = Arrays.copyOf(positions, 2 * positions.length);
    }
    positions[found.size()] = position;
    wanted.set(found.size(), known != null && same == null);
    found.add(same == null ? own : same);
  }

  /**
   * Adds the memory of an entry.
   *
   * @return false when it is too much: for a registration {@link #cut} is set then, else the
   *     reading has failed
   */
  private boolean fits(String key, long cost) {
    if (bounds.mayBePartial(key)) {
      if (registry + cost > bounds.maxBytes()) {
        cut = key;
        return false;
      }
      registry += cost;
      return true;
    }
    rules += cost;
    if (rules > bounds.maxBytes()) {
      tooMuch = true;
      callback.failed(bounds.tooMuch());
      return false;
    }
    return true;
  }

  // ---- values

  private void requestValues() {
    final int begin = wanted.nextSetBit(next);
    if (begin < 0) {
      done();
      return;
    }
    List<EtcdClient.Run> runs = new ArrayList<EtcdClient.Run>();
    int head = begin;
    int last = begin;
    int requested = 0;
    for (int i = begin; i >= 0 && requested < batch; i = wanted.nextSetBit(i + 1)) {
      if (i != begin && positions[i] != positions[last] + 1) {
        if (runs.size() + 1 == EtcdClient.MOST_RUNS) {
          break;
        }
        runs.add(run(head, last));
        head = i;
      }
      last = i;
      requested++;
    }
    runs.add(run(head, last));
    final int many = requested;
    int maxMessage =
        many == 1
            ? bounds.maxValueBytes(key(begin)) + MESSAGE_OVERHEAD + key(begin).length()
            : ReadLimits.MESSAGE;
    client.values(
        runs,
        Objects.requireNonNull(first).revision,
        maxMessage,
        answers.onceWhile(
            stillWanted,
            new EtcdClient.Answer<List<Entry>>() {
              @Override
              public void ok(List<Entry> entries) {
                batch = Math.min(PAGE, 2 * batch);
                values(begin, many, entries);
              }

              @Override
              public void failed(EtcdCallException e) {
                if (e.kind != EtcdCallException.Kind.TOO_LARGE) {
                  callback.failed(e);
                } else if (many > 1) {
                  batch = Math.max(1, many / 4);
                  requestValues();
                } else {
                  Entry large = found.get(begin);
                  found.set(begin, large.withoutValue(bounds.maxValueBytes(large.key)));
                  next = begin + 1;
                  requestValues();
                }
              }
            }));
  }

  private EtcdClient.Run run(int head, int last) {
    return new EtcdClient.Run(keys.complete(key(head)), keys.complete(key(last)) + "\0");
  }

  private String key(int i) {
    return found.get(i).key;
  }

  private void values(int begin, int requested, List<Entry> entries) {
    int i = begin;
    int taken = 0;
    for (Entry e : entries) {
      Entry own = keys.own(e);
      if (own == null || i < 0 || !key(i).equals(own.key)) {
        break;
      }
      long more = ReadLimits.cost(own) - ReadLimits.cost(found.get(i));
      found.set(i, own);
      taken++;
      next = i + 1;
      i = wanted.nextSetBit(next);
      if (bounds.mayBePartial(own.key)) {
        registry += more;
        if (registry > bounds.maxBytes()) {
          dropRegistrations();
          requestValues();
          return;
        }
      } else if (!fits(own.key, more)) {
        return;
      }
    }
    if (taken == requested) {
      requestValues();
    } else {
      callback.failed(new EtcdCallException(EtcdCallException.Kind.OTHER, "etcd left out values"));
    }
  }

  /** Drops registrations from the end until the others take 15/16 of their limit. */
  private void dropRegistrations() {
    int from = found.size();
    while (from > 0 && registry > bounds.maxBytes() - bounds.maxBytes() / 16) {
      Entry e = found.get(--from);
      registry -= bounds.mayBePartial(e.key) ? ReadLimits.cost(e) : 0;
    }
    cut = key(from);
    List<Entry> kept = new ArrayList<Entry>(found.size());
    int dropped = 0;
    for (int i = 0; i < found.size(); i++) {
      Entry e = found.get(i);
      if (i >= from && bounds.mayBePartial(e.key)) {
        dropped++;
        continue;
      }
      positions[i - dropped] = positions[i];
      wanted.set(i - dropped, wanted.get(i) && i >= next);
      kept.add(e);
    }
    wanted.clear(kept.size(), found.size());
    found.clear();
    found.addAll(kept);
    next = 0;
  }

  private void done() {
    EtcdClient.Page of = Objects.requireNonNull(first);
    callback.ok(
        new Result(
            new EtcdClient.Page(
                of.clusterId, of.revision, Collections.unmodifiableList(found), false),
            cut));
  }
}
