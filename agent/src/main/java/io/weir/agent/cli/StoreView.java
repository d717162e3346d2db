package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.store.Entry;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** All keys as of one revision. Immutable. */
final class StoreView {
  final long revision;
  final SortedMap<String, Entry> entries;

  StoreView(long revision, SortedMap<String, Entry> entries) {
    this.revision = revision;
    this.entries = Collections.unmodifiableSortedMap(new TreeMap<String, Entry>(entries));
  }

  @Nullable Entry get(String key) {
    return entries.get(key);
  }

  /** What stands below a prefix. */
  SortedMap<String, Entry> under(String prefix) {
    return entries.subMap(prefix, prefix + Character.MAX_VALUE);
  }

  /** Rules and kill switches: what operators write. */
  SortedMap<String, Entry> rules() {
    SortedMap<String, Entry> rules = new TreeMap<String, Entry>(under(RuleKey.SERVICE));
    Entry off = entries.get(RuleKey.OFF);
    if (off != null) {
      rules.put(off.key, off);
    }
    return rules;
  }
}
