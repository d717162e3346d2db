package io.weir.engine.gate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The listeners to changed plans, in the order they were added. Any thread; calling them takes no
 * lock.
 */
final class PlanListeners {
  /** No listeners. Never add to it. */
  static final PlanListeners NONE = new PlanListeners();

  /** The array is replaced, never changed. */
  private volatile PlanListener[] all = new PlanListener[0];

  synchronized void add(PlanListener listener) {
    PlanListener[] more = Arrays.copyOf(all, all.length + 1);
    more[all.length] = listener;
    all = more;
  }

  synchronized void remove(PlanListener listener) {
    List<PlanListener> remaining = new ArrayList<PlanListener>(Arrays.asList(all));
    remaining.remove(listener);
    all = remaining.toArray(new PlanListener[0]);
  }

  void rulesApplied() {
    for (PlanListener l : all) {
      l.rulesApplied();
    }
  }

  void made(ServicePlan plan) {
    for (PlanListener l : all) {
      l.planOpened(plan);
    }
  }

  void removed(ServicePlan plan) {
    for (PlanListener l : all) {
      l.planClosed(plan);
    }
  }
}
