package io.weir.engine.gate;

/**
 * Is called when the rules or the plans in force have changed. For code that looks after running
 * state, such as circuit breakers that are shared with a fleet.
 *
 * <p>A call may open or close a plan, so a method may run on the thread of a call. An
 * implementation hands over to another thread and returns: it must not block, take a lock, allocate
 * without bound or throw. {@link Engine#snapshot} already shows the change.
 */
public interface PlanListener {
  /**
   * New rules are in force, so any plan may have been replaced. Called on the thread that applied
   * them.
   */
  void rulesApplied();

  /** A service with no rules but the defaults was called for the first time. Any thread. */
  void planOpened(ServicePlan plan);

  /**
   * The plan of such a service was removed to make room, since nobody called the service lately.
   * Any thread.
   */
  void planClosed(ServicePlan plan);
}
