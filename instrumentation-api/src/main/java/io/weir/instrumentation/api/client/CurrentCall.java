package io.weir.instrumentation.api.client;

import org.jspecify.annotations.Nullable;

/**
 * The calls of the current thread: the one that it is making, and one that was decided earlier and
 * that it is about to make.
 *
 * <p>Both are in one array, the thread's <i>cell</i>, so a call needs one look-up. The array is
 * emptied after each call. It is a plain array, so a pooled thread does not keep classes of an
 * application that was redeployed.
 */
public final class CurrentCall {
  private static final ThreadLocal<Object[]> CELL = new ThreadLocal<Object[]>();
  private static final int MADE = 0;
  private static final int DECIDED = 1;

  private CurrentCall() {}

  /** The cell of this thread, for the methods that take one. Do not pass it to another thread. */
  public static Object[] cell() {
    Object[] cell = CELL.get();
    if (cell == null) {
      cell = new Object[2];
      CELL.set(cell);
    }
    return cell;
  }

  /**
   * The call of this library that this thread is making; null: there is none, or no hook needs it,
   * because only counters use its outcome ({@link BodyTracker#isOnlyCounted}).
   */
  @SuppressWarnings("unchecked") // of this library
  public static <Q, R> @Nullable ClientCall<Q, R> of(Class<? extends ClientLibrary<Q, R>> library) {
    Object[] cell = CELL.get();
    ClientCall<?, ?> call = cell == null ? null : (ClientCall<?, ?>) cell[MADE];
    return call != null && call.isOf(library) ? (ClientCall<Q, R>) call : null;
  }

  /**
   * Binds a call, or none, to the thread while the library makes it. Calls may be nested: an
   * interceptor of one call may make another.
   *
   * @return what was bound before; bind it again afterwards
   */
  public static @Nullable ClientCall<?, ?> swap(Object[] cell, @Nullable ClientCall<?, ?> next) {
    ClientCall<?, ?> before = (ClientCall<?, ?>) cell[MADE];
    if (next != before) {
      cell[MADE] = next;
    }
    return before;
  }

  /** Says that this thread is about to make a call that is decided already. */
  public static void decide(ClientCall<?, ?> call) {
    cell()[DECIDED] = call;
  }

  /** Whether this thread is about to make the call with this handle, and it is decided already. */
  public static boolean isDecided(Object handle) {
    Object[] cell = CELL.get();
    ClientCall<?, ?> d = cell == null ? null : (ClientCall<?, ?>) cell[DECIDED];
    return d != null && d.handle == handle;
  }

  /**
   * Takes the decided call that this thread is about to make; null: there is none, so the caller
   * has to decide. It can be taken once.
   *
   * @param handle the handle of the call that is made; null: the library does not tell
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

  /** The thread is done with the call. If the decision was not taken, the call was never made. */
  public static void undecide(ClientCall<?, ?> call) {
    Object[] cell = cell();
    if (cell[DECIDED] == call) {
      cell[DECIDED] = null;
      call.abandon();
    }
  }
}
