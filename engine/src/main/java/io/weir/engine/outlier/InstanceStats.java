package io.weir.engine.outlier;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.OutcomeListener;
import io.weir.engine.outcome.Outcome;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/** What one instance has done since the interval began. */
final class InstanceStats implements OutcomeListener {
  private static final AtomicLongFieldUpdater<InstanceStats> COUNTS =
      AtomicLongFieldUpdater.newUpdater(InstanceStats.class, "counts");
  private static final AtomicIntegerFieldUpdater<InstanceStats> IN_A_ROW =
      AtomicIntegerFieldUpdater.newUpdater(InstanceStats.class, "inARow");

  private static final int NOT_HANDLED = Outcome.message(false);

  final OutlierDetector among;
  final Instance instance;

  /** Failures in the low, calls in the high half. */
  private volatile long counts;

  private volatile int inARow;

  // of the interval that was closed, and times ejected: whoever decides
  long calls;
  long failures;
  int times;

  InstanceStats(OutlierDetector among, Instance instance) {
    this.among = among;
    this.instance = instance;
  }

  @Override
  public void ended(int outcome, long now) {
    int status = Outcome.status(outcome);
    int grpc = Outcome.grpcCode(outcome);
    if (grpc == GrpcCodes.CANCELLED) {
      return; // the caller's own doing
    }
    boolean gateway =
        status >= 502 && status <= 504
            || grpc == GrpcCodes.UNAVAILABLE
            || grpc == GrpcCodes.DEADLINE_EXCEEDED
            || Outcome.hasFailure(outcome);
    boolean failed =
        gateway
            || status >= 500
            || grpc == GrpcCodes.INTERNAL
            || grpc == GrpcCodes.UNKNOWN
            || outcome == NOT_HANDLED;
    COUNTS.addAndGet(this, (1L << 32) + (failed ? 1 : 0));
    if (gateway) {
      // while it is out, calls that were under way or made in panic say nothing new
      if (IN_A_ROW.incrementAndGet(this) >= OutlierDetector.GATEWAY_ERRORS
          && !instance.ejected(now)) {
        among.candidate(this, now);
      }
    } else if (inARow != 0) {
      inARow = 0;
    }
    among.ended(now);
  }

  /** Closes the interval and opens the next. */
  void close() {
    long c = COUNTS.getAndSet(this, 0);
    calls = c >>> 32;
    failures = c & 0xFFFF_FFFFL;
  }

  double successRate() {
    return calls == 0 ? 1 : (double) (calls - failures) / calls;
  }

  /** Starts over: what led to an ejection does not lead to the next. */
  void forget() {
    inARow = 0;
    counts = 0;
  }
}
