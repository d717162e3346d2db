package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;

/** A call was cancelled: if it waits for its turn, it has not to wait any more. */
public final class CancelHook extends Hook {
  public CancelHook(Engine engine) {}

  @Override
  public Object exit(Object state, Object self, Object result, Throwable thrown) {
    PacedRun.cancelled(self);
    return result;
  }
}
