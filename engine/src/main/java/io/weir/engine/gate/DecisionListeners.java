package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.DecisionListener;
import io.weir.engine.ledger.CallLedger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Who sees refusals and choices of instances, in order. Any thread; telling them takes no lock. */
public final class DecisionListeners {
  /** Replaced, never changed. */
  private volatile DecisionListener[] all = new DecisionListener[0];

  DecisionListeners() {}

  /**
   * From now on {@code listener} sees decisions, before all that are there: the id it gives a
   * decision is there when they see it.
   */
  public synchronized void add(DecisionListener listener) {
    DecisionListener[] more = new DecisionListener[all.length + 1];
    more[0] = listener;
    System.arraycopy(all, 0, more, 1, all.length);
    all = more;
  }

  /**
   * The same, after all others and without keeping it alive, because it belongs to an application:
   * when it is gone, so is its place here.
   */
  public synchronized void addWeakly(DecisionListener listener) {
    DecisionListener[] more = Arrays.copyOf(all, all.length + 1);
    more[all.length] = new WeakDecisionListener(this, listener);
    all = more;
  }

  /** From now on it sees none; one that is not here changes nothing. */
  public synchronized void remove(DecisionListener listener) {
    List<DecisionListener> left = new ArrayList<DecisionListener>(Arrays.asList(all));
    left.remove(listener);
    all = left.toArray(new DecisionListener[0]);
  }

  /** A call was refused, or an instance chosen for it. */
  <C> void tell(
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
