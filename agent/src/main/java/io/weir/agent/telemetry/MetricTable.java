package io.weir.agent.telemetry;

import io.weir.engine.measure.Metric;
import io.weir.engine.measure.MetricReader.Sink;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Metrics in the order they were added, each with who writes its values. Filled by one thread. */
final class MetricTable {
  /** Writes one metric's values. */
  interface Value {
    void to(Sink sink);
  }

  private final Map<Metric, Value> all = new LinkedHashMap<Metric, Value>();

  void add(Metric metric, Value value) {
    all.put(metric, value);
  }

  List<Metric> metrics() {
    return Collections.unmodifiableList(new ArrayList<Metric>(all.keySet()));
  }

  void read(Metric metric, Sink to) {
    Objects.requireNonNull(all.get(metric)).to(to);
  }
}
