package io.weir.instrumentation.api.pacing;

/** A call that was admitted and may have to wait for its turn. */
public interface Paced {
  /** The clock its time is measured by, in nanos. */
  long now();

  /** When its turn comes, by {@link #now}. */
  long dueAt();

  /**
   * The wait is over: what the call takes counts from here.
   *
   * @param anew its library begins it only now, so that the library's own time-out counts from
   *     here, too
   */
  void started(boolean anew);

  /** The call will not be made: what it took is given back. */
  void abandon();
}
