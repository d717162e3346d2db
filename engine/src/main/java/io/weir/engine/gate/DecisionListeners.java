package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.DecisionListener;
import io.weir.engine.ledger.CallLedger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The listeners to refusals and choices of instances, in the order they are called. Any thread;
 * calling them takes no lock.
 */
public final class DecisionListeners {
  /** The array is replaced, never changed. */
  private volatile DecisionListener[] all = new DecisionListener[0];

  DecisionListeners() {}

  /**
   * Adds a listener before all others. So those get a decision that already has the id this one
   * gives.
   */
  public synchronized void add(DecisionListener listener) {
    DecisionListener[] more = new DecisionListener[all.length + 1];
    more[0] = listener;
    System.arraycopy(all, 0, more, 1, all.length);
    all = more;
  }

  /**
   * Adds a listener after all others, by a weak reference, because it belongs to an application. It
   * is removed when it has been collected.
   */
  public synchronized void addWeakly(DecisionListener listener) {
    DecisionListener[] more = Arrays.copyOf(all, all.length + 1);
    more[all.length] = new WeakDecisionListener(this, listener);
    all = more;
  }

  /** Removes a listener; does nothing when it was not added. */
  public synchronized void remove(DecisionListener listener) {
    List<DecisionListener> remaining = new ArrayList<DecisionListener>(Arrays.asList(all));
    remaining.remove(listener);
    all = remaining.toArray(new DecisionListener[0]);
  }

  /** Calls every listener: a call was refused, or an instance chosen for it. */
  <C> void publish(
      CallLedger ledger,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    for (DecisionListener l : all) {
      String id = l.decided(ledger, service, inbound, source, call, now);
      if (id != null) {
        ledger.named(id);
      }
    }
  }
}
