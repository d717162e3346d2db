package io.weir.agent.run;

import io.weir.agent.coverage.Coverage;
import io.weir.control.ControlPlane;
import io.weir.control.loop.Log;
import java.lang.instrument.Instrumentation;
import java.util.concurrent.TimeUnit;

/** Looks at the loaded libraries from time to time, and has the status key tell them. */
final class CoverageWatch {
  private static final long FIRST_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** A library that is used for the first time later on is told within this time. */
  private static final long SLOWEST_NANOS = TimeUnit.SECONDS.toNanos(15);

  private final Coverage coverage;
  private final Instrumentation instrumentation;

  CoverageWatch(Coverage coverage, Instrumentation instrumentation) {
    this.coverage = coverage;
    this.instrumentation = instrumentation;
  }

  /** Looks on the plane's control thread: soon, then less and less often. */
  Coverage start(ControlPlane plane, Log log) {
    again(plane, log, FIRST_NANOS);
    return coverage;
  }

  private void again(ControlPlane plane, Log log, long nanos) {
    plane
        .loop()
        .schedule(
            () -> {
              try {
                if (coverage.look(instrumentation, log)) {
                  plane.reportCoverage(coverage.toJson());
                }
              } finally {
                again(plane, log, Math.min(SLOWEST_NANOS, nanos * 2));
              }
            },
            nanos);
  }
}
