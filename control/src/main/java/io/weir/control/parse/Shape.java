package io.weir.control.parse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A field table: which fields an object may have, in the order of the docs. Immutable. */
final class Shape {
  private final Map<String, Field> byName = new LinkedHashMap<String, Field>();

  private Shape(Iterable<Field> fields) {
    for (Field f : fields) {
      byName.put(f.name, f);
    }
  }

  static Shape of(Field... fields) {
    return new Shape(Arrays.asList(fields));
  }

  /** This table's fields, then those. */
  Shape and(Field... fields) {
    List<Field> all = new ArrayList<Field>(byName.values());
    all.addAll(Arrays.asList(fields));
    return new Shape(all);
  }

  Collection<Field> fields() {
    return Collections.unmodifiableCollection(byName.values());
  }

  /** Throws when the table lacks it: that is a bug in a parser, not in a document. */
  Field field(String name) {
    Field f = byName.get(name);
    if (f == null) {
      throw new IllegalArgumentException("no field " + name + " in " + byName.keySet());
    }
    return f;
  }

  boolean knows(String name) {
    if (byName.containsKey(name)) {
      return true;
    }
    for (Field f : byName.values()) {
      if (f.aliases.contains(name)) {
        return true;
      }
    }
    return false;
  }

  List<String> names() {
    return new ArrayList<String>(byName.keySet());
  }
}
