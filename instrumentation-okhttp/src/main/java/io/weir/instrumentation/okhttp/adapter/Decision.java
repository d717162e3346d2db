package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.ServicePlan;
import java.io.IOException;
import okhttp3.Call;
import org.jspecify.annotations.Nullable;

/**
 * What was decided for an enqueued call before its thread entered the interceptors; {@link
 * Governor} finds it on that thread and takes it. Confined to one thread at a time.
 */
final class Decision {
  final ServicePlan plan;
  final Call call;
  final boolean admitted;
  final CallDecision ticket;

  /** What ended the call while it waited, or null. */
  @Nullable IOException failure;

  Decision(ServicePlan plan, Call call, boolean admitted, CallDecision ticket) {
    this.plan = plan;
    this.call = call;
    this.admitted = admitted;
    this.ticket = ticket;
  }

  void bind() {
    Bound.decide(Bound.cell(), this);
  }

  /** Whether this thread runs the call by a decision that has been made. */
  static boolean isFor(Object call) {
    Decision d = Bound.decision(Bound.cell());
    return d != null && d.call == call;
  }

  /**
   * The decision for the call this thread runs, once; null when there is none.
   *
   * @param call null where OkHttp does not tell
   */
  static @Nullable Decision take(Object[] cell, @Nullable Call call) {
    Decision d = Bound.decision(cell);
    if (d == null || call != null && call != d.call) {
      return null;
    }
    Bound.decide(cell, null);
    return d;
  }

  /** The thread has run the call. True: nobody took the decision. */
  boolean unbind() {
    Object[] cell = Bound.cell();
    if (Bound.decision(cell) != this) {
      return false;
    }
    Bound.decide(cell, null);
    return true;
  }
}
