package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Witness;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * A witness that belongs to an application: it is not kept alive, and when it is gone, so is this.
 */
final class Fading implements Witness {
  private final Engine engine;
  private final WeakReference<Witness> witness;

  Fading(Engine engine, Witness witness) {
    this.engine = engine;
    this.witness = new WeakReference<Witness>(witness);
  }

  @Override
  public <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    Witness w = witness.get();
    if (w == null) {
      engine.hide(this);
      return null;
    }
    return w.decided(decision, service, inbound, source, call, now);
  }
}
