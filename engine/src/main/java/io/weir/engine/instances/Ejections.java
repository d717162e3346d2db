package io.weir.engine.instances;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the ejections and returns among the instances of one service. A router caches what it
 * derives from them until the count changes. Any thread.
 */
public final class Ejections {
  private final AtomicInteger changes = new AtomicInteger();

  /** A count that differs after every change. */
  public int changes() {
    return changes.get();
  }

  void changed() {
    changes.incrementAndGet();
  }
}
