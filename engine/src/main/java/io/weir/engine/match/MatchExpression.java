package io.weir.engine.match;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import java.util.Collection;

/**
 * A compiled match expression: a tree of small final predicates. Evaluating allocates nothing and
 * never throws.
 */
public interface MatchExpression {
  /** True for every call; what an absent {@code match:} means. */
  MatchExpression ALWAYS =
      new MatchExpression() {
        @Override
        public <C> boolean test(AttributeSource<C> source, C call) {
          return true;
        }

        @Override
        public String toString() {
          return "always";
        }
      };

  <C> boolean test(AttributeSource<C> source, C call);

  /** Adds every attribute this expression looks at. */
  default void attributes(Collection<? super Attribute> to) {}
}
