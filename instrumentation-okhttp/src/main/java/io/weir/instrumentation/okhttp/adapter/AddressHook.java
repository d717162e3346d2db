package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/** An {@code okhttp3.Address} is being made: for a retargeted call, of the chosen instance. */
public final class AddressHook extends Hook {
  public AddressHook(Engine engine) {}

  /**
   * @param a0 host of its URL
   * @param a1 port of its URL
   * @param a2 the address's name service
   * @return name service, socket factory and proxy to use instead, or null
   */
  @Override
  @SuppressWarnings("NullAway") // a URL has a host and a port
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    Outcome outcome = Bound.outcome();
    Aim aim = outcome == null ? null : outcome.aim();
    return aim == null ? null : aim.substitutes((String) a0, (Integer) a1);
  }
}
