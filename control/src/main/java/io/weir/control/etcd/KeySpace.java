package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Defines which keys are followed, their namespace, and how much of them is kept in memory. A
 * <em>complete</em> key has its namespace, as {@link EtcdClient} uses them; elsewhere keys have no
 * namespace. Immutable.
 */
final class KeySpace {
  /**
   * The range that is followed is [FIRST, END). Breaker state, quotas, rules, instances, the keys
   * of {@code weir top} and the kill switch are neighbours in key order. Keys after END, such as
   * the status of instances, are not sent to every JVM.
   */
  static final String FIRST = "/circuit-breaker/";

  static final String OFF = "/weir/off";

  static final String END = OFF + "\0";

  /** For an operator's tool: after all keys of {@code /weir/}, status and history among them. */
  private static final String OPERATOR_END = "/weir0";

  private static final List<String> INSTANCE_PREFIXES =
      Arrays.asList(
          "/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/look/", "/weir/off");
  private static final List<String> OPERATOR_PREFIXES =
      Arrays.asList("/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/");

  private final String namespace;
  private final String end;
  private final List<String> prefixes;
  private final ReadLimits bounds;

  private KeySpace(String namespace, String end, List<String> prefixes, ReadLimits bounds) {
    this.namespace = namespace;
    this.end = end;
    this.prefixes = prefixes;
    this.bounds = bounds;
  }

  /** The keys that an instance follows. */
  static KeySpace instance(String namespace, ReadLimits bounds) {
    return new KeySpace(namespace, END, INSTANCE_PREFIXES, bounds);
  }

  /** The keys that an operator's tool reads. */
  static KeySpace forOperator(String namespace) {
    return new KeySpace(namespace, OPERATOR_END, OPERATOR_PREFIXES, ReadLimits.forOperator());
  }

  /** How much of the keys is kept in memory. */
  ReadLimits bounds() {
    return bounds;
  }

  /** Whether this key is in the range that is followed. */
  boolean follows(String key) {
    return key.compareTo(FIRST) >= 0 && key.compareTo(end) < 0;
  }

  /** The complete first key of the range. */
  String first() {
    return complete(FIRST);
  }

  /** The complete end of the range, exclusive. */
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
   * Converts an entry of etcd: without the namespace, and without the value where that is too
   * large; null when it is not one of our keys.
   *
   * @param e an entry whose key begins with the namespace
   */
  @Nullable Entry own(Entry e) {
    String key = e.key.substring(Math.min(e.key.length(), namespace.length()));
    for (String prefix : prefixes) {
      if (key.startsWith(prefix)) {
        return bounds.bounded(
            namespace.isEmpty()
                ? e
                : new Entry(key, e.value, e.createRevision, e.modRevision, e.lease));
      }
    }
    return null;
  }

  /** The complete end, exclusive, of all keys with the same prefix as this one. */
  String endOfPrefix(String key) {
    for (String prefix : prefixes) {
      if (key.startsWith(prefix) && prefix.endsWith("/")) {
        return complete(prefix.substring(0, prefix.length() - 1) + '0');
      }
    }
    return complete(key + "\0");
  }
}
