package io.weir.instrumentation.api.client;

import org.jspecify.annotations.Nullable;

/**
 * What the calling thread is doing: the call it is making, and one that was decided for it and that
 * it is about to make. One look-up a call serves both.
 *
 * <p>The thread keeps an array, emptied after each call: of the JVM's own class, so that a pooled
 * thread does not keep a redeployed application's classes.
 */
public final class CurrentCall {
  private static final ThreadLocal<Object[]> CELL = new ThreadLocal<Object[]>();
  private static final int MADE = 0;
  private static final int DECIDED = 1;

  private CurrentCall() {}

  /** The calling thread's cell, for the methods that want one; not for other threads. */
  public static Object[] cell() {
    Object[] cell = CELL.get();
    if (cell == null) {
      cell = new Object[2];
      CELL.set(cell);
    }
    return cell;
  }

  /** The call of this library that this thread makes; null: none, or nobody waits for its end. */
  @SuppressWarnings("unchecked") // of this library
  public static <Q, R> @Nullable ClientCall<Q, R> of(Class<? extends ClientLibrary<Q, R>> library) {
    Object[] cell = CELL.get();
    ClientCall<?, ?> call = cell == null ? null : (ClientCall<?, ?>) cell[MADE];
    return call != null && call.isOf(library) ? (ClientCall<Q, R>) call : null;
  }

  /**
   * Binds a call, or none, while the library makes it; it may be one that is made within another.
   *
   * @return what was bound before, to be put back by the same means
   */
  public static @Nullable ClientCall<?, ?> swap(Object[] cell, @Nullable ClientCall<?, ?> next) {
    ClientCall<?, ?> before = (ClientCall<?, ?>) cell[MADE];
    if (next != before) {
      cell[MADE] = next;
    }
    return before;
  }

  /** This thread is about to make a call that was decided before. */
  public static void decide(ClientCall<?, ?> call) {
    cell()[DECIDED] = call;
  }

  /** Whether this thread is about to make the call of this handle by a decision that was made. */
  public static boolean isDecided(Object handle) {
    Object[] cell = CELL.get();
    ClientCall<?, ?> d = cell == null ? null : (ClientCall<?, ?>) cell[DECIDED];
    return d != null && d.handle == handle;
  }

  /**
   * The decision for the call that this thread makes, once; null when there is none.
   *
   * @param handle null where the library does not tell
   */
  @SuppressWarnings("unchecked") // of this gate
  public static <Q, R> @Nullable ClientCall<Q, R> takeDecided(
      Object[] cell, ClientGate<Q, R> gate, @Nullable Object handle) {
    ClientCall<?, ?> d = (ClientCall<?, ?>) cell[DECIDED];
    if (d == null || !d.isOf(gate.library.getClass()) || handle != null && handle != d.handle) {
      return null;
    }
    cell[DECIDED] = null;
    return (ClientCall<Q, R>) d;
  }

  /** The thread has made the call: if nobody took its decision, the call was never made. */
  public static void undecide(ClientCall<?, ?> call) {
    Object[] cell = cell();
    if (cell[DECIDED] == call) {
      cell[DECIDED] = null;
      call.abandon();
    }
  }
}
