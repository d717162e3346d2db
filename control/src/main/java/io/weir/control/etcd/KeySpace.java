package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which keys are followed, under which namespace they lie, and how much of them is kept. Outside,
 * keys are without their namespace; a {@link EtcdClient} has them complete. Immutable.
 */
final class KeySpace {
  /**
   * The range that is followed, [FIRST, END): breaker state, quotas, rules, instances, those who
   * look on and the kill switch are neighbours in key order. What is only written ({@code
   * /weir/status/...}) and what others may keep after it is not streamed to every JVM.
   */
  static final String FIRST = "/circuit-breaker/";

  static final String OFF = "/weir/off";

  static final String END = OFF + "\0";

  /** All of {@code /weir/}: status keys and the history, which only operators' tools look at. */
  private static final String OVERSEER_END = "/weir0";

  private static final List<String> OURS =
      Arrays.asList(
          "/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/look/", "/weir/off");
  private static final List<String> OVERSEEN =
      Arrays.asList("/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/");

  private final String namespace;
  private final String end;
  private final List<String> ours;
  private final ReadLimits bounds;

  private KeySpace(String namespace, String end, List<String> ours, ReadLimits bounds) {
    this.namespace = namespace;
    this.end = end;
    this.ours = ours;
    this.bounds = bounds;
  }

  /** What an instance follows. */
  static KeySpace instance(String namespace, ReadLimits bounds) {
    return new KeySpace(namespace, END, OURS, bounds);
  }

  /** What an operator's tool looks at. */
  static KeySpace overseer(String namespace) {
    return new KeySpace(namespace, OVERSEER_END, OVERSEEN, ReadLimits.overseer());
  }

  /** How much of it is kept. */
  ReadLimits bounds() {
    return bounds;
  }

  /** Whether events tell of this key. */
  boolean follows(String key) {
    return key.compareTo(FIRST) >= 0 && key.compareTo(end) < 0;
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

  /**
   * Without its namespace, and without its value where that is too large; or null: somebody else's.
   */
  @Nullable Entry own(Entry e) {
    String key = e.key.substring(Math.min(e.key.length(), namespace.length()));
    for (String prefix : ours) {
      if (key.startsWith(prefix)) {
        return bounds.bounded(
            namespace.isEmpty()
                ? e
                : new Entry(key, e.value, e.createRevision, e.modRevision, e.lease));
      }
    }
    return null;
  }

  /** Where the keys of this one's kind end, complete. */
  String behind(String key) {
    for (String prefix : ours) {
      if (key.startsWith(prefix) && prefix.endsWith("/")) {
        return complete(prefix.substring(0, prefix.length() - 1) + '0');
      }
    }
    return complete(key + "\0");
  }
}
