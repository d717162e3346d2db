package io.weir.engine.measure;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All metrics and their values. Read by whoever exports them, on the exporter's thread; calls do
 * not know of it.
 */
public interface MetricReader {
  /** Takes values. */
  interface Sink {
    /**
     * @param value a counter's or gauge's value; of a histogram, one of the values that came
     * @param count of a histogram, how often it came since the start; 1 otherwise
     * @param labels as the metric lists them; null for an attribute that is absent. The array is
     *     the reader's to keep
     */
    void value(double value, long count, @Nullable String... labels);
  }

  /** Every metric there is; the same ones each time. */
  List<Metric> metrics();

  /** The values of one metric as of now. */
  void read(Metric metric, Sink to);
}
