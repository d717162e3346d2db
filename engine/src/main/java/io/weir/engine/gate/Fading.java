package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticket;
import io.weir.engine.call.Witness;
import java.lang.ref.WeakReference;

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
  public <C> void decided(
      Ticket ticket, String service, boolean inbound, AttributeSource<C> source, C call, long now) {
    Witness w = witness.get();
    if (w == null) {
      engine.hide(this);
    } else {
      w.decided(ticket, service, inbound, source, call, now);
    }
  }
}
