package io.weir.engine.instances;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the ejections and returns among the instances of one service, so that a router may keep
 * what it worked out about them until the count moves. Any thread.
 */
public final class Ejections {
  private final AtomicInteger changes = new AtomicInteger();

  /** Differs after every change. */
  public int changes() {
    return changes.get();
  }

  void changed() {
    changes.incrementAndGet();
  }
}
