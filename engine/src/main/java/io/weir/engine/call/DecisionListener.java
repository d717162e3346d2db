package io.weir.engine.call;

import org.jspecify.annotations.Nullable;

/**
 * Sees what was decided about calls: each refusal, and each instance that was chosen. Called on the
 * call's own thread before the call goes on, so an implementation is quick, and, unless the call is
 * refused, allocates nothing.
 */
public interface DecisionListener {
  /**
   * @param decision a refusal, or an instance
   * @param service whose rules decided
   * @param now nano clock
   * @return what the caller is told as this decision's id; null: this one gives it none
   */
  <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now);
}
