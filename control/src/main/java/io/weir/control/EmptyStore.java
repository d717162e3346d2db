package io.weir.control;

import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Store;
import java.util.Collections;

/** The store when no source of rules is configured: one empty batch. */
final class EmptyStore implements Store {
  private final Loop loop;

  EmptyStore(Loop loop) {
    this.loop = loop;
  }

  @Override
  public void start(Listener listener) {
    loop.execute(() -> listener.onBatch(new Batch(0, Collections.<Change>emptyList(), false)));
  }

  @Override
  public void close() {}
}
