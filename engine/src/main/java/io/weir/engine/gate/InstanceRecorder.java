package io.weir.engine.gate;

import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.jspecify.annotations.Nullable;

/** Reports the outcome of a call to the instance that served it. */
final class InstanceRecorder implements CallLedger.Recorder {
  static final InstanceRecorder INSTANCE = new InstanceRecorder();

  private InstanceRecorder() {}

  @Override
  public void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now) {
    Instance instance = ledger.instance();
    if (instance == null) {
      return;
    }
    Failure failure = Outcome.failure(outcome);
    if (failure == Failure.CANCELLED || failure == Failure.SHED || failure == Failure.LOCAL) {
      instance.callEnded();
    } else {
      instance.callEnded(outcome, now);
    }
  }

  @Override
  public void abandon(CallLedger ledger, long now) {
    if (ledger.instance() != null) {
      ledger.instance().callEnded();
    }
  }
}
