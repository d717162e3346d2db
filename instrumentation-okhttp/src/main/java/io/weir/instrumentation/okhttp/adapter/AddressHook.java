package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import org.jspecify.annotations.Nullable;

/**
 * Called when OkHttp makes an {@code okhttp3.Address}. If the call is routed, the address gets name
 * service, socket factory and proxy of the chosen instance ({@link Destination}).
 */
public final class AddressHook extends Hook {
  /** By reflection; every hook's constructor takes the engine. */
  public AddressHook(Engine engine) {}

  /**
   * @param a0 host of its URL
   * @param a1 port of its URL
   * @param a2 the address's name service
   * @return name service, socket factory and proxy to use instead; null: no change
   */
  @Override
  @SuppressWarnings("NullAway") // a URL has a host and a port
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    ClientCall<?, ?> call = CurrentCall.of(OkHttpLibrary.class);
    Object to = call == null ? null : call.note();
    return to instanceof Destination
        ? ((Destination) to).substitutes((String) a0, (Integer) a1)
        : null;
  }
}
