package io.weir.control.parse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The fields that an object in a document may have, in the order of the docs. Immutable. */
final class FieldTable {
  private final Map<String, FieldSpec> byName = new LinkedHashMap<String, FieldSpec>();

  private FieldTable(Iterable<FieldSpec> fields) {
    for (FieldSpec f : fields) {
      byName.put(f.name, f);
    }
  }

  static FieldTable of(FieldSpec... fields) {
    return new FieldTable(Arrays.asList(fields));
  }

  /** A table with this table's fields, followed by the given ones. */
  FieldTable and(FieldSpec... fields) {
    List<FieldSpec> all = new ArrayList<FieldSpec>(byName.values());
    all.addAll(Arrays.asList(fields));
    return new FieldTable(all);
  }

  Collection<FieldSpec> fields() {
    return Collections.unmodifiableCollection(byName.values());
  }

  /**
   * The field of this name.
   *
   * @throws IllegalArgumentException there is none: a bug in a parser, not in a document
   */
  FieldSpec field(String name) {
    FieldSpec f = byName.get(name);
    if (f == null) {
      throw new IllegalArgumentException("no field " + name + " in " + byName.keySet());
    }
    return f;
  }

  /** Whether a field has this name or alias. */
  boolean knows(String name) {
    if (byName.containsKey(name)) {
      return true;
    }
    for (FieldSpec f : byName.values()) {
      if (f.aliases.contains(name)) {
        return true;
      }
    }
    return false;
  }

  /** The names of the fields, without aliases. */
  List<String> names() {
    return new ArrayList<String>(byName.keySet());
  }
}
