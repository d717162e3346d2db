package io.weir.instrumentation.okhttp.adapter;

import org.jspecify.annotations.Nullable;

/**
 * What the calling thread is doing for OkHttp: the call whose interceptors it runs, and what was
 * decided for one whose interceptors it is about to run. One look-up a call serves both.
 *
 * <p>The thread keeps an array, emptied after each call: of the JVM's own class, so that a pooled
 * thread does not keep a redeployed application's classes.
 */
final class Bound {
  private static final ThreadLocal<Object[]> CELL = new ThreadLocal<Object[]>();
  private static final int OUTCOME = 0;
  private static final int DECISION = 1;

  private Bound() {}

  /** The calling thread's cell, for the methods that want one; not for other threads. */
  static Object[] cell() {
    Object[] cell = CELL.get();
    if (cell == null) {
      cell = new Object[2];
      CELL.set(cell);
    }
    return cell;
  }

  /** The call whose interceptors this thread runs, or null: none, or nobody waits for its end. */
  static @Nullable Outcome outcome() {
    Object[] cell = CELL.get();
    return cell == null ? null : (Outcome) cell[OUTCOME];
  }

  /**
   * Binds a call, or none, while its interceptors run; it may be one that an interceptor makes
   * within another. Returns what was bound before, to be put back by the same means.
   */
  static @Nullable Outcome swap(Object[] cell, @Nullable Outcome next) {
    Outcome before = (Outcome) cell[OUTCOME];
    if (next != before) {
      cell[OUTCOME] = next;
    }
    return before;
  }

  static @Nullable Decision decision(Object[] cell) {
    return (Decision) cell[DECISION];
  }

  static void decide(Object[] cell, @Nullable Decision decision) {
    cell[DECISION] = decision;
  }
}
