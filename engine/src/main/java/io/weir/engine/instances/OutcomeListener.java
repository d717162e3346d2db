package io.weir.engine.instances;

import io.weir.engine.outcome.Outcome;

/** Is told how calls to one instance end. Any thread; must not block, lock or allocate. */
public interface OutcomeListener {
  /**
   * A call ended, other than by the caller's own cancel.
   *
   * @param outcome an {@link Outcome}
   * @param now nano clock
   */
  void ended(int outcome, long now);
}
