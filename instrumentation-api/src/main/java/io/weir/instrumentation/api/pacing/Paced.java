package io.weir.instrumentation.api.pacing;

/** A call that was admitted by a rate limit with {@code max_wait_ms} and may have to wait. */
public interface Paced {
  /** The engine's clock, in nanos. */
  long now();

  /** The time by {@link #now} at which the call's turn comes. */
  long dueAt();

  /**
   * The wait is over: the call's latency counts from now.
   *
   * @param anew whether the library begins the call only now, so that the library's own time-out
   *     counts from now, too; false when the call has waited on its thread
   */
  void started(boolean anew);

  /** The call will not be made: gives its tokens and permits back. */
  void abandon();
}
