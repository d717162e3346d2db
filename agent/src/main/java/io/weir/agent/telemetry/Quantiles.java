package io.weir.agent.telemetry;

import io.weir.engine.measure.LatencyRecorder;
import java.util.Map;
import java.util.WeakHashMap;
import org.HdrHistogram.Histogram;

/**
 * What came lately: the difference between what a latency has counted by now and what it had
 * counted {@value #WINDOW_NANOS} ns ago or, when nobody asked for longer, at the last question.
 * Guarded by itself; kept for as long as the latency is: those of rules come and go.
 */
final class Quantiles {
  private static final long WINDOW_NANOS = 10_000_000_000L;

  private final Map<LatencyRecorder, Past> past = new WeakHashMap<LatencyRecorder, Past>();

  private static final class Past {
    /** Counted when the window that is shown began, and when the one after it did. */
    Histogram from = LatencyRecorder.empty();

    Histogram next = from;
    long nextAt;
  }

  synchronized Histogram recent(LatencyRecorder latency) {
    long now = System.nanoTime();
    Histogram total = latency.total();
    Past p = past.get(latency);
    if (p == null) {
      p = new Past();
      p.nextAt = now;
      past.put(latency, p);
    }
    if (now - p.nextAt >= WINDOW_NANOS) {
      p.from = p.next;
      p.next = total.copy();
      p.nextAt = now;
    }
    total.subtract(p.from);
    return total;
  }
}
