package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.DecisionListener;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * Forwards to a listener that belongs to an application, without keeping that alive. Removes itself
 * when the listener has been collected.
 */
final class WeakDecisionListener implements DecisionListener {
  private final DecisionListeners listeners;
  private final WeakReference<DecisionListener> listener;

  WeakDecisionListener(DecisionListeners listeners, DecisionListener listener) {
    this.listeners = listeners;
    this.listener = new WeakReference<DecisionListener>(listener);
  }

  @Override
  public <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    DecisionListener l = listener.get();
    if (l == null) {
      listeners.remove(this);
      return null;
    }
    return l.decided(decision, service, inbound, source, call, now);
  }
}
