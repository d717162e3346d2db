package io.weir.engine.route;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.match.EqualityTest;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive rows that only ask which value one attribute has, turned into one look-up.
 *
 * <p>Rules are often a long list over one attribute (a row per tenant, per environment). First
 * match wins within a run, too: where a value stands in several rows, the first has it. Immutable.
 */
final class RouteLookup {
  /** Fewer rows are asked one by one as fast. */
  private static final int SHORTEST = 3;

  final int length;
  private final Attribute attribute;
  private final Map<String, RouteRow> byValue = new HashMap<String, RouteRow>();

  private RouteLookup(RouteRow[] rows, int from, int to, Attribute attribute) {
    this.attribute = attribute;
    length = to - from;
    for (int i = from; i < to; i++) {
      for (String value : Objects.requireNonNull(EqualityTest.of(rows[i].match)).values) {
        if (!byValue.containsKey(value)) {
          byValue.put(value, rows[i]);
        }
      }
    }
  }

  /** The runs among rows, each at the place of its first row, null elsewhere; null for none. */
  static RouteLookup @Nullable [] among(RouteRow[] rows) {
    RouteLookup[] runs = null;
    for (int from = 0, to; from < rows.length; from = to) {
      Attribute attribute = asked(rows[from]);
      to = from + 1;
      while (attribute != null && to < rows.length && attribute.equals(asked(rows[to]))) {
        to++;
      }
      if (attribute != null && to - from >= SHORTEST) {
        runs = runs == null ? new RouteLookup[rows.length] : runs;
        runs[from] = new RouteLookup(rows, from, to, attribute);
      }
    }
    return runs;
  }

  /** The only attribute a row asks for a value, or null. A table may pass a call on: never. */
  private static @Nullable Attribute asked(RouteRow row) {
    EqualityTest e = row.isTable() ? null : EqualityTest.of(row.match);
    return e == null ? null : e.attribute;
  }

  /** The row of the run that is about a call, or null. */
  <C> @Nullable RouteRow find(AttributeSource<C> source, C call) {
    String value = attribute.read(source, call);
    return value == null ? null : byValue.get(value);
  }
}
