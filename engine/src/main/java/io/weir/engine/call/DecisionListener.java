package io.weir.engine.call;

import org.jspecify.annotations.Nullable;

/**
 * Receives decisions: each refusal, and each choice of an instance. Called on the thread of the
 * call, before the call goes on. So an implementation must be quick and, unless the call is
 * refused, must not allocate.
 */
public interface DecisionListener {
  /**
   * @param decision a refusal, or an admitted call with an instance
   * @param service the service whose rules decided
   * @param inbound whether the call came to this JVM
   * @param source reads the attributes of {@code call}
   * @param now nano clock
   * @return an id for this decision, to be sent to the caller; null: this listener gives none
   */
  <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now);
}
