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
 * One reading of the range that is followed, in bounded memory whatever stands there.
 *
 * <p>Keys come first, page after page at the first one's revision, without their values. Then the
 * values that are not known yet, as of that revision: only of keys that are ours, so nobody else's
 * value is ever asked for, and after a break only what has changed meanwhile. etcd tells no sizes
 * beforehand. So values are asked for in batches; a batch that has more than {@link
 * ReadLimits#MESSAGE} bytes is refused by its length, before it is read, and asked for again a
 * quarter as large, down to single keys. A single value that is larger than its key may have is
 * given up, too: such a key is known by its revision only.
 *
 * <p>What exceeds the bound of everything that is kept ends the reading, except for registrations:
 * those are read in part, and {@link Result#cut} tells up to where.
 *
 * <p>On the loop only.
 */
final class RangeReader {
  /** What was read. Immutable. */
  static final class Result {
    /** All that is ours, as of one revision. */
    final EtcdClient.Page page;

    /** From this key on registrations were not read; null: all were. */
    final @Nullable String cut;

    Result(EtcdClient.Page page, @Nullable String cut) {
      this.page = page;
      this.cut = cut;
    }
  }

  private static final int PAGE = 1000;

  /** What a message has beside the value: the key, revisions, the header. */
  private static final int BESIDE = 4096;

  private final KeySpace keys;
  private final ReadLimits bounds;
  private final EtcdClient wire;
  private final BoundedAnswers answers;
  private final BooleanSupplier awaited;
  private final @Nullable FollowedKeys known;
  private final EtcdClient.Answer<Result> whole;

  /** What is ours, in key order; without values at first. */
  private final List<Entry> found = new ArrayList<Entry>();

  /** Of each of these, how many keys stand before it, whoever's they are. */
  private int[] places = new int[64];

  /** Those whose value is to be asked for. */
  private final BitSet wanted = new BitSet();

  private EtcdClient.@Nullable Page first;
  private boolean newHistory;
  private int place;
  private int page = PAGE;
  private int batch = PAGE;
  private int next;
  private long rules;
  private long registry;
  private @Nullable String cut;

  /** It was too much, and was told so. */
  private boolean over;

  /**
   * @param known to spare what is known already; null: keys only
   * @param awaited false: nobody waits for it any more
   * @param whole told on the loop
   */
  RangeReader(
      KeySpace keys,
      EtcdClient wire,
      BoundedAnswers answers,
      BooleanSupplier awaited,
      @Nullable FollowedKeys known,
      EtcdClient.Answer<Result> whole) {
    this.keys = keys;
    this.bounds = keys.bounds();
    this.wire = wire;
    this.answers = answers;
    this.awaited = awaited;
    this.known = known;
    this.whole = whole;
  }

  void begin() {
    askKeys(keys.first());
  }

  // ---- keys

  private void askKeys(String from) {
    EtcdClient.Page pinned = first;
    wire.range(
        from,
        keys.end(),
        page,
        pinned == null ? 0 : pinned.revision,
        true,
        answers.onceWhile(
            awaited,
            new EtcdClient.Answer<EtcdClient.Page>() {
              @Override
              public void ok(EtcdClient.Page p) {
                keys(p);
              }

              @Override
              public void failed(EtcdCallException e) {
                if (e.kind == EtcdCallException.Kind.TOO_LARGE && page > 1) {
                  page /= 4;
                  askKeys(from);
                } else {
                  whole.failed(e);
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
      place++;
      Entry own = keys.own(e);
      if (own == null) {
        continue;
      }
      if (cut == null || !bounds.inPart(own.key)) {
        add(own);
      }
      if (over) {
        return;
      }
      if (cut != null && bounds.inPart(own.key)) {
        // the rest of this kind is not even looked at
        askKeys(keys.behind(own.key));
        return;
      }
    }
    if (p.more && !p.entries.isEmpty()) {
      askKeys(p.entries.get(p.entries.size() - 1).key + "\0");
    } else {
      askValues();
    }
  }

  private void add(Entry own) {
    Entry same = known == null || newHistory ? null : known.same(own);
    if (!fits(own.key, ReadLimits.cost(same == null ? own : same))) {
      return;
    }
    if (places.length == found.size()) {
      places = Arrays.copyOf(places, 2 * places.length);
    }
    places[found.size()] = place;
    wanted.set(found.size(), known != null && same == null);
    found.add(same == null ? own : same);
  }

  /** False: it is too much; for registrations {@link #cut} is set, else the reading has ended. */
  private boolean fits(String key, long cost) {
    if (bounds.inPart(key)) {
      if (registry + cost > bounds.most()) {
        cut = key;
        return false;
      }
      registry += cost;
      return true;
    }
    rules += cost;
    if (rules > bounds.most()) {
      over = true;
      whole.failed(bounds.tooMuch());
      return false;
    }
    return true;
  }

  // ---- values

  private void askValues() {
    final int begin = wanted.nextSetBit(next);
    if (begin < 0) {
      done();
      return;
    }
    List<EtcdClient.Run> runs = new ArrayList<EtcdClient.Run>();
    int head = begin;
    int last = begin;
    int asked = 0;
    for (int i = begin; i >= 0 && asked < batch; i = wanted.nextSetBit(i + 1)) {
      if (i != begin && places[i] != places[last] + 1) {
        if (runs.size() + 1 == EtcdClient.MOST_RUNS) {
          break;
        }
        runs.add(run(head, last));
        head = i;
      }
      last = i;
      asked++;
    }
    runs.add(run(head, last));
    final int many = asked;
    int most =
        many == 1 ? bounds.mostOf(key(begin)) + BESIDE + key(begin).length() : ReadLimits.MESSAGE;
    wire.values(
        runs,
        Objects.requireNonNull(first).revision,
        most,
        answers.onceWhile(
            awaited,
            new EtcdClient.Answer<List<Entry>>() {
              @Override
              public void ok(List<Entry> entries) {
                batch = Math.min(PAGE, 2 * batch);
                values(begin, many, entries);
              }

              @Override
              public void failed(EtcdCallException e) {
                if (e.kind != EtcdCallException.Kind.TOO_LARGE) {
                  whole.failed(e);
                } else if (many > 1) {
                  batch = Math.max(1, many / 4);
                  askValues();
                } else {
                  Entry large = found.get(begin);
                  found.set(begin, large.withoutValue(bounds.mostOf(large.key)));
                  next = begin + 1;
                  askValues();
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

  private void values(int begin, int asked, List<Entry> entries) {
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
      if (bounds.inPart(own.key)) {
        registry += more;
        if (registry > bounds.most()) {
          dropRegistrations();
          askValues();
          return;
        }
      } else if (!fits(own.key, more)) {
        return;
      }
    }
    if (taken == asked) {
      askValues();
    } else {
      whole.failed(new EtcdCallException(EtcdCallException.Kind.OTHER, "etcd left out values"));
    }
  }

  /** The last ones, until there is room again, and a little more. */
  private void dropRegistrations() {
    int from = found.size();
    while (from > 0 && registry > bounds.most() - bounds.most() / 16) {
      Entry e = found.get(--from);
      registry -= bounds.inPart(e.key) ? ReadLimits.cost(e) : 0;
    }
    cut = key(from);
    List<Entry> kept = new ArrayList<Entry>(found.size());
    int out = 0;
    for (int i = 0; i < found.size(); i++) {
      Entry e = found.get(i);
      if (i >= from && bounds.inPart(e.key)) {
        out++;
        continue;
      }
      places[i - out] = places[i];
      wanted.set(i - out, wanted.get(i) && i >= next);
      kept.add(e);
    }
    wanted.clear(kept.size(), found.size());
    found.clear();
    found.addAll(kept);
    next = 0;
  }

  private void done() {
    EtcdClient.Page of = Objects.requireNonNull(first);
    whole.ok(
        new Result(
            new EtcdClient.Page(
                of.clusterId, of.revision, Collections.unmodifiableList(found), false),
            cut));
  }
}
