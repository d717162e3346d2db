package io.weir.engine.gate;

/**
 * Is told when what governs calls has changed: for those that look after running state, such as
 * circuit breakers shared with a fleet.
 *
 * <p>Plans come and go by calls, too, so it may be told on a call's own thread: it hands over to a
 * thread of its own and returns. It must not block, take a lock, allocate without bound or throw.
 * What it was told of is in {@link Engine#snapshot} already, or gone from it.
 */
public interface PlanListener {
  /** New rules are in force, so any plan may be another. On the thread that applied them. */
  void rulesApplied();

  /** A service that only the default rules govern was called for the first time. Any thread. */
  void planOpened(ServicePlan plan);

  /** Nobody called such a service lately, and its plan made room for others. Any thread. */
  void planClosed(ServicePlan plan);
}
