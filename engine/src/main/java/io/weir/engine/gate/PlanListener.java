package io.weir.engine.gate;

/**
 * Is called when the rules or plans in force have changed. For code that looks after running state,
 * such as circuit breakers that are shared with a fleet.
 *
 * <p>A plan ({@link ServicePlan}) holds the running limits, breakers and routes of one service.
 * Services with rules of their own get it when the rules are applied. Another service, to which
 * only the default rules apply, gets it with its first call. There is a bound for such plans, so
 * unused ones are removed.
 *
 * <p>So a method may run on the thread of a call. An implementation hands over to another thread
 * and returns: it must not block, take a lock, allocate without bound or throw. When a method is
 * called, {@link Engine#snapshot} already shows the change.
 */
public interface PlanListener {
  /**
   * New rules are in force, so any plan may have been replaced. Called on the thread that applied
   * them.
   */
  void rulesApplied();

  /**
   * A service to which only the default rules apply was called for the first time, or again after
   * its plan had been removed. Any thread.
   */
  void planOpened(ServicePlan plan);

  /**
   * The plan of such a service was removed to make room for another one, because the service was
   * not called lately. Any thread.
   */
  void planClosed(ServicePlan plan);
}
