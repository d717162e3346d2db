package io.weir.engine.match;

import io.weir.engine.call.Attribute;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attribute and values of an expression that only compares one attribute with constants: {@code
 * attr == 'x'} or {@code attr in ['x', 'y']}. One hash table look-up can replace many such
 * expressions.
 */
public final class EqualityTest {
  public final Attribute attribute;
  public final List<String> values;

  private EqualityTest(Attribute attribute, List<String> values) {
    this.attribute = attribute;
    this.values = values;
  }

  /** The attribute and values of an expression; null when it is any other expression. */
  public static @Nullable EqualityTest of(MatchExpression match) {
    if (match instanceof Predicates.Equal && !((Predicates.Equal) match).negated) {
      Predicates.Equal e = (Predicates.Equal) match;
      return new EqualityTest(e.attribute, Collections.singletonList(e.operand));
    }
    if (match instanceof Predicates.In && !((Predicates.In) match).negated) {
      Predicates.In in = (Predicates.In) match;
      return new EqualityTest(in.attribute, Arrays.asList(in.operands));
    }
    return null;
  }
}
