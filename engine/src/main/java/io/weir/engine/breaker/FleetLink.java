package io.weir.engine.breaker;

/**
 * A breaker's line to the rest of the fleet. Called from request threads, so an implementation only
 * hands over: it never blocks, does no I/O and allocates next to nothing.
 */
public interface FleetLink {
  /**
   * This instance opened for itself.
   *
   * @param epoch the fleet epoch under which the evidence was gathered, -1 when none was known
   * @param calls calls the window held
   * @param failures failed or slow ones among them
   * @param ageNanos how long ago the first of them may have been, at most
   */
  void tripped(CircuitBreaker breaker, long epoch, long calls, long failures, long ageNanos);

  /** This instance, having opened for itself, has closed again: its evidence is void. */
  void recovered(CircuitBreaker breaker);

  /**
   * A call came that only a probe could let pass: there is traffic to probe with. May come often.
   */
  void wanted(CircuitBreaker breaker);

  /** A probe went out or came back good, and so many are out now. */
  void probing(CircuitBreaker breaker, int outstanding);

  /**
   * The probes this instance was given the role for are over.
   *
   * @param fence as given with the role
   * @param good all of them were good; false: one was bad
   */
  void probed(CircuitBreaker breaker, long fence, boolean good);
}
