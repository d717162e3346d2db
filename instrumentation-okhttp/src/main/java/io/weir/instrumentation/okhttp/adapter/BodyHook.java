package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import okio.Source;
import org.jspecify.annotations.Nullable;

/** Called when OkHttp opens a body on the network. If the body's end matters, it is watched. */
public final class BodyHook extends Hook {
  public BodyHook(Engine engine) {}

  /**
   * @param a0 the bytes as they come from the connection
   * @return what to read instead, or null
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    ClientCall<?, ?> call = CurrentCall.of(OkHttpLibrary.class);
    return call == null || a0 == null ? null : new WatchedBody.Bytes((Source) a0, call);
  }
}
