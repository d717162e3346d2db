package io.weir.engine.measure;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads all metrics and their values. Called on the thread of an exporter, never on that of a call.
 */
public interface MetricReader {
  /** Receives values. */
  interface Sink {
    /**
     * One value.
     *
     * @param value value of a counter or a gauge; of a histogram, one of the recorded values, as
     *     its recorder rounds them
     * @param count of a histogram, how often {@code value} was recorded since the JVM started: each
     *     read passes each value once, with its total. Else 1
     * @param labels in the order of the metric's labels; null for an attribute that is absent. The
     *     receiver may keep the array
     */
    void value(double value, long count, @Nullable String... labels);
  }

  /** Every metric there is; the same ones each time. */
  List<Metric> metrics();

  /** The values of one metric as of now. */
  void read(Metric metric, Sink to);
}
