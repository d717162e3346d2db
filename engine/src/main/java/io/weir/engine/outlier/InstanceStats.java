package io.weir.engine.outlier;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.OutcomeListener;
import io.weir.engine.outcome.Outcome;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/** The outcomes of one instance since the interval began. */
final class InstanceStats implements OutcomeListener {
  private static final AtomicLongFieldUpdater<InstanceStats> COUNTS =
      AtomicLongFieldUpdater.newUpdater(InstanceStats.class, "counts");
  private static final AtomicIntegerFieldUpdater<InstanceStats> IN_A_ROW =
      AtomicIntegerFieldUpdater.newUpdater(InstanceStats.class, "inARow");

  private static final int NOT_HANDLED = Outcome.message(false);

  final OutlierDetector detector;
  final Instance instance;

  /** Failures in the low 32 bits, calls in the high 32 bits. */
  private volatile long counts;

  private volatile int inARow;

  // The counts of the closed interval, and how often it was ejected. Used by the one thread that
  // decides.
  long calls;
  long failures;
  int timesEjected;

  InstanceStats(OutlierDetector detector, Instance instance) {
    this.detector = detector;
    this.instance = instance;
  }

  @Override
  public void ended(int outcome, long now) {
    int status = Outcome.status(outcome);
    int grpc = Outcome.grpcCode(outcome);
    if (grpc == GrpcCodes.CANCELLED) {
      return; // the caller cancelled: says nothing about the instance
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
      // while it is ejected, calls in flight and calls made because too few instances are left say
      // nothing new
      if (IN_A_ROW.incrementAndGet(this) >= OutlierDetector.GATEWAY_ERRORS
          && !instance.ejected(now)) {
        detector.ejectNow(this, now);
      }
    } else if (inARow != 0) {
      inARow = 0;
    }
    detector.ended(now);
  }

  /** Closes the interval and begins the next. */
  void closeInterval() {
    long c = COUNTS.getAndSet(this, 0);
    calls = c >>> 32;
    failures = c & 0xFFFF_FFFFL;
  }

  double successRate() {
    return calls == 0 ? 1 : (double) (calls - failures) / calls;
  }

  /** Clears the counts at an ejection, so that the same failures do not lead to another. */
  void reset() {
    inARow = 0;
    counts = 0;
  }
}
