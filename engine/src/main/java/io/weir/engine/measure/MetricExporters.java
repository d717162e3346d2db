package io.weir.engine.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the metrics and those who export them meet, whichever comes first: an application may set
 * up its OpenTelemetry before the control plane runs. Any thread.
 */
public final class MetricExporters {
  /** Somebody who exports metrics. */
  public interface Exporter {
    /** Called once, on whatever thread comes second. */
    void export(MetricReader readings);
  }

  private @Nullable Supplier<MetricReader> readings;
  private @Nullable Runnable onFound;
  private List<Exporter> waiting = new ArrayList<Exporter>();

  /** An exporter was found. */
  public void found(Exporter exporter) {
    Supplier<MetricReader> r;
    Runnable f;
    synchronized (this) {
      r = readings;
      f = onFound;
      if (r == null || f == null) {
        waiting.add(exporter);
        return;
      }
    }
    f.run();
    exporter.export(r.get());
  }

  /**
   * The metrics are there.
   *
   * @param readings asked for each exporter there is; without one nobody makes them
   * @param onFound run before each exporter that is found, now or later
   */
  public void open(Supplier<MetricReader> readings, Runnable onFound) {
    List<Exporter> all;
    synchronized (this) {
      this.readings = readings;
      this.onFound = onFound;
      all = waiting;
      waiting = new ArrayList<Exporter>();
    }
    for (Exporter e : all) {
      onFound.run();
      e.export(readings.get());
    }
  }
}
