package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.DecisionListener;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * Stands for a listener that belongs to an application: it is not kept alive, and when it is gone,
 * so is this.
 */
final class WeakDecisionListener implements DecisionListener {
  private final DecisionListeners among;
  private final WeakReference<DecisionListener> listener;

  WeakDecisionListener(DecisionListeners among, DecisionListener listener) {
    this.among = among;
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
      among.remove(this);
      return null;
    }
    return l.decided(decision, service, inbound, source, call, now);
  }
}
