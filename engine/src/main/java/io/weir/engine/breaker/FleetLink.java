package io.weir.engine.breaker;

/**
 * How a breaker reports to the fleet. Called on request threads: an implementation only hands over;
 * it must not block, do I/O or allocate much.
 */
public interface FleetLink {
  /**
   * This instance opened by its own calls, and the evidence counts for the fleet.
   *
   * @param epoch the fleet epoch in which the evidence was gathered, -1 when none was known
   * @param calls calls in the window
   * @param failures how many of them failed, or were slow, whichever is more
   * @param ageNanos how long ago the first of them may have been, at most
   */
  void tripped(CircuitBreaker breaker, long epoch, long calls, long failures, long ageNanos);

  /**
   * This instance opened by its own calls and has closed again, so what it reported no longer
   * counts.
   */
  void recovered(CircuitBreaker breaker);

  /**
   * A call was refused that only a probe could let pass, so there is traffic to probe with. May be
   * called often.
   */
  void wanted(CircuitBreaker breaker);

  /**
   * A probe was sent or succeeded.
   *
   * @param outstanding probes without a known outcome now
   */
  void probing(CircuitBreaker breaker, int outstanding);

  /**
   * The probes of this instance as the fleet's prober are over.
   *
   * @param fence as given with the role of the prober
   * @param good true: all succeeded; false: one failed or was overdue
   */
  void probed(CircuitBreaker breaker, long fence, boolean good);
}
