package io.weir.engine.match;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import java.util.Collection;

/**
 * A compiled match expression: a tree of small final predicates. Evaluating allocates nothing and
 * never throws.
 */
public interface MatchExpression {
  /** True for every call: the match of a rule without {@code match:}. */
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

  /** Whether the call matches. {@code source} reads the attributes of {@code call}. */
  <C> boolean test(AttributeSource<C> source, C call);

  /** Adds every attribute that this expression reads to {@code to}. */
  default void attributes(Collection<? super Attribute> to) {}
}
