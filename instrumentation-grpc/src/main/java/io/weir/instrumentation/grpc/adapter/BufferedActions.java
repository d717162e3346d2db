package io.weir.instrumentation.grpc.adapter;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Holds work back until it is opened, then lets it through in order.
 *
 * <p>Until the last held piece has run, pieces that come meanwhile are held as well; so nothing
 * overtakes, and no two pieces run at once as long as their sources do not. {@link #open} runs on
 * one thread, {@link #hold} on any.
 */
final class BufferedActions {
  // guarded by this; null once everything is let through
  private @Nullable List<Runnable> held = new ArrayList<Runnable>(4);

  private volatile boolean open;

  /** Whether pieces now run at once: the caller may skip making one. */
  boolean isOpen() {
    return open;
  }

  /** Holds a piece, or runs it at once when open. */
  void run(Runnable piece) {
    if (!open) {
      synchronized (this) {
        if (held != null) {
          held.add(piece);
          return;
        }
      }
    }
    piece.run();
  }

  /** Runs what is held and lets everything through from then on; stops where a piece throws. */
  @SuppressWarnings("NullAway") // held is null once this is done, and it is done once
  void open() {
    while (true) {
      List<Runnable> batch;
      synchronized (this) {
        if (held.isEmpty()) {
          held = null;
          open = true;
          return;
        }
        batch = held;
        held = new ArrayList<Runnable>(4);
      }
      for (int i = 0; i < batch.size(); i++) {
        batch.get(i).run();
      }
    }
  }
}
