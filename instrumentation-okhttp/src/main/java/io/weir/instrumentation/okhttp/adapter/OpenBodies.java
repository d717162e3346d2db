package io.weir.instrumentation.okhttp.adapter;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Outcomes whose bodies are neither read nor closed yet. Every governed call adds at most one and
 * looks at a few of the oldest, so none is forgotten and the queue stays as long as there are open
 * bodies. Any thread, no lock.
 */
final class OpenBodies {
  private static final int AT_ONCE = 4;

  private final Queue<Outcome> queue = new ConcurrentLinkedQueue<Outcome>();

  void add(Outcome outcome) {
    queue.add(outcome);
  }

  void sweep() {
    for (int i = 0; i < AT_ONCE; i++) {
      Outcome oldest = queue.poll();
      if (oldest == null) {
        return;
      }
      if (!oldest.isOver()) {
        queue.add(oldest); // at the end, so that one long stream does not hide the rest
      }
    }
  }

  /** For tests. */
  int size() {
    return queue.size();
  }
}
