package io.weir.engine.instances;

import io.weir.engine.outcome.Outcome;

/**
 * Receives the outcomes of the calls to one instance. Any thread; must not block, lock or allocate.
 */
public interface OutcomeListener {
  /**
   * A call ended, but was not cancelled by its caller.
   *
   * @param outcome an {@link Outcome}
   * @param now nano clock
   */
  void ended(int outcome, long now);
}
