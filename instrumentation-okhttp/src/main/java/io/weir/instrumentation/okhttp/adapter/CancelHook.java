package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/** A call was cancelled: if it waits for its turn, it has not to wait any more. */
public final class CancelHook extends Hook {
  public CancelHook(Engine engine) {}

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    PacedRun.cancelled(self);
    return result;
  }
}
