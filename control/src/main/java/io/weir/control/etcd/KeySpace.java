package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Which keys are followed, under which namespace they lie, and how all of them are read. Outside,
 * keys are without their namespace; a {@link Wire} has them complete. Immutable.
 */
final class KeySpace {
  /**
   * The range that is followed, [FIRST, END): breaker state, quotas, rules, instances, those who
   * look on and the kill switch are neighbours in key order. What is only written ({@code
   * /weir/status/...}) and what others may keep after it is not streamed to every JVM.
   */
  static final String FIRST = "/circuit-breaker/";

  static final String END = "/weir/off\0";

  /** All of {@code /weir/}: status keys and the history, which only operators' tools look at. */
  private static final String OVERSEER_END = "/weir0";

  private static final List<String> OURS =
      Arrays.asList(
          "/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/look/", "/weir/off");
  private static final List<String> OVERSEEN =
      Arrays.asList("/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/");

  private static final int PAGE = 1000;

  private final String namespace;
  private final String end;
  private final List<String> ours;

  private KeySpace(String namespace, String end, List<String> ours) {
    this.namespace = namespace;
    this.end = end;
    this.ours = ours;
  }

  /** What an instance follows. */
  static KeySpace instance(String namespace) {
    return new KeySpace(namespace, END, OURS);
  }

  /** What an operator's tool looks at. */
  static KeySpace overseer(String namespace) {
    return new KeySpace(namespace, OVERSEER_END, OVERSEEN);
  }

  /** Where the range begins, complete. */
  String first() {
    return complete(FIRST);
  }

  /** Where it ends, exclusive, complete. */
  String end() {
    return complete(end);
  }

  String complete(String key) {
    return namespace + key;
  }

  Txn complete(Txn txn) {
    if (namespace.isEmpty()) {
      return txn;
    }
    Txn spaced = new Txn();
    for (Txn.Compare c : txn.compares()) {
      spaced.ifModRevision(complete(c.key), c.modRevision);
    }
    for (Txn.Write w : txn.writes()) {
      if (w.value == null) {
        spaced.delete(complete(w.key));
      } else {
        spaced.put(complete(w.key), w.value, w.lease);
      }
    }
    return spaced;
  }

  /** Without its namespace, or null: somebody else's. */
  @Nullable Entry own(Entry e) {
    String key = e.key.substring(Math.min(e.key.length(), namespace.length()));
    for (String prefix : ours) {
      if (key.startsWith(prefix)) {
        return namespace.isEmpty()
            ? e
            : new Entry(key, e.value, e.createRevision, e.modRevision, e.lease);
      }
    }
    return null;
  }

  /**
   * Reads the whole range, page after page at the first one's revision.
   *
   * @param awaited false: nobody waits for it any more
   * @param whole told all that is ours as one page, on the loop
   */
  void read(
      Wire wire,
      Answers answers,
      BooleanSupplier awaited,
      boolean keysOnly,
      Wire.Answer<Wire.Page> whole) {
    new Reading(wire, answers, awaited, keysOnly, whole).ask(first());
  }

  /** One reading of the range under way. */
  private final class Reading implements Wire.Answer<Wire.Page> {
    private final Wire wire;
    private final Answers answers;
    private final BooleanSupplier awaited;
    private final boolean keysOnly;
    private final Wire.Answer<Wire.Page> whole;
    private final List<Entry> sofar = new ArrayList<Entry>();
    private Wire.@Nullable Page first;

    Reading(
        Wire wire,
        Answers answers,
        BooleanSupplier awaited,
        boolean keysOnly,
        Wire.Answer<Wire.Page> whole) {
      this.wire = wire;
      this.answers = answers;
      this.awaited = awaited;
      this.keysOnly = keysOnly;
      this.whole = whole;
    }

    void ask(String from) {
      long revision = first == null ? 0 : first.revision;
      wire.range(from, end(), PAGE, revision, keysOnly, answers.onceWhile(awaited, this));
    }

    @Override
    public void ok(Wire.Page p) {
      Wire.Page of = first == null ? p : first;
      first = of;
      for (Entry e : p.entries) {
        Entry own = own(e);
        if (own != null) {
          sofar.add(own);
        }
      }
      if (p.more && !p.entries.isEmpty()) {
        ask(p.entries.get(p.entries.size() - 1).key + "\0");
      } else {
        whole.ok(new Wire.Page(of.clusterId, of.revision, sofar, false));
      }
    }

    @Override
    public void failed(WireException e) {
      whole.failed(e);
    }
  }
}
