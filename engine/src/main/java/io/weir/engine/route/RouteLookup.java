package io.weir.engine.route;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.match.EqualityTest;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Replaces consecutive rows of a rule by one hash table look-up, where each of the rows only
 * compares the same attribute with constants ({@code attr == 'x'} or {@code attr in [...]}).
 *
 * <p>Such rules are common: one row per tenant, or per environment. The first matching row still
 * wins: where several rows name the same value, the table holds the first of them. Immutable.
 */
final class RouteLookup {
  /** Fewest rows that make a table; fewer are evaluated one by one just as fast. */
  private static final int MIN_ROWS = 3;

  /** How many consecutive rows this look-up replaces. */
  final int length;

  private final Attribute attribute;
  private final Map<String, RouteRow> byValue = new HashMap<String, RouteRow>();

  private RouteLookup(RouteRow[] rows, int from, int to, Attribute attribute) {
    this.attribute = attribute;
    length = to - from;
    for (int i = from; i < to; i++) {
      // not null: attributeOf() has found an equality test in each of these rows
      for (String value : Objects.requireNonNull(EqualityTest.of(rows[i].match)).values) {
        if (!byValue.containsKey(value)) {
          byValue.put(value, rows[i]);
        }
      }
    }
  }

  /**
   * Finds the rows that look-ups can replace.
   *
   * @return an array as long as {@code rows}: a look-up at the index of the first row it replaces,
   *     null elsewhere; or null when no rows can be replaced
   */
  static RouteLookup @Nullable [] findIn(RouteRow[] rows) {
    RouteLookup[] lookups = null;
    for (int from = 0, to; from < rows.length; from = to) {
      Attribute attribute = attributeOf(rows[from]);
      to = from + 1;
      while (attribute != null && to < rows.length && attribute.equals(attributeOf(rows[to]))) {
        to++;
      }
      if (attribute != null && to - from >= MIN_ROWS) {
        lookups = lookups == null ? new RouteLookup[rows.length] : lookups;
        lookups[from] = new RouteLookup(rows, from, to, attribute);
      }
    }
    return lookups;
  }

  /**
   * The attribute that a row compares with constants; null when the row's match does anything else.
   * Null also for a row whose arms have matches of their own: it may match although none of its
   * arms does, and then leaves the call to the next row. A look-up cannot do that.
   */
  private static @Nullable Attribute attributeOf(RouteRow row) {
    EqualityTest test = row.isTable() ? null : EqualityTest.of(row.match);
    return test == null ? null : test.attribute;
  }

  /** The first of the replaced rows that matches the call, or null when none does. */
  <C> @Nullable RouteRow find(AttributeSource<C> source, C call) {
    String value = attribute.read(source, call);
    return value == null ? null : byValue.get(value);
  }
}
