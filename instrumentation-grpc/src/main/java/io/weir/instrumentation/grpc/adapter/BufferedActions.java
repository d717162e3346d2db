package io.weir.instrumentation.grpc.adapter;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Buffers actions until {@link #open} is called, then runs them in order; later actions run at
 * once.
 *
 * <p>While the buffered actions run, new ones are buffered, too. So no action overtakes another. No
 * two actions run at the same time if callers do not call {@link #run} at the same time. {@code
 * open} is called once, on one thread; {@code run} on any.
 */
final class BufferedActions {
  // guarded by this; null once the buffer is open
  private @Nullable List<Runnable> queue = new ArrayList<Runnable>(4);
  // guarded by this
  private boolean discarded;
  private volatile boolean open;

  /** Whether actions run at once, so that the caller need not create one. */
  boolean isOpen() {
    return open;
  }

  /** Buffers an action, or runs it at once on this thread when open; drops it when discarded. */
  void run(Runnable action) {
    if (!open) {
      synchronized (this) {
        if (discarded) {
          return;
        }
        if (queue != null) {
          queue.add(action);
          return;
        }
      }
    }
    action.run();
  }

  /** What is buffered never runs, nor does anything that comes later. Not after {@link #open}. */
  synchronized void discard() {
    discarded = true;
    queue = new ArrayList<Runnable>(0);
  }

  /**
   * Runs the buffered actions on this thread, then opens. When an action throws, so does this
   * method; the other actions never run, and the buffer stays closed.
   */
  @SuppressWarnings("NullAway") // the queue is null only after this method, which is called once
  void open() {
    while (true) {
      List<Runnable> batch;
      synchronized (this) {
        if (queue.isEmpty()) {
          queue = null;
          open = true;
          return;
        }
        batch = queue;
        queue = new ArrayList<Runnable>(4);
      }
      for (int i = 0; i < batch.size(); i++) {
        batch.get(i).run();
      }
    }
  }
}
