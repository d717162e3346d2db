package io.weir.engine.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings the metrics and their exporters together, whichever comes first: an application may set up
 * its OpenTelemetry before the control plane runs. Any thread.
 */
public final class MetricExporters {
  /** An exporter of metrics. */
  public interface Exporter {
    /**
     * Called once, on the thread that calls {@link #found} or {@link #open}, whichever comes
     * second.
     */
    void export(MetricReader readings);
  }

  private @Nullable Supplier<MetricReader> readings;
  private @Nullable Runnable onFound;
  private List<Exporter> waiting = new ArrayList<Exporter>();

  /** An exporter was found. It is called now, or by {@link #open}. */
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
   * The metrics can be read now.
   *
   * <p>What an exporter throws that came before is passed to {@code failed}; the others are called
   * all the same. (One that comes later is called by a hook, which catches.)
   *
   * @param readings makes a reader for each exporter; not called while there is no exporter
   * @param onFound run before each exporter is called, now or later: starts the measuring, and ends
   *     Weir's own export
   */
  public void open(Supplier<MetricReader> readings, Runnable onFound, Consumer<Throwable> failed) {
    List<Exporter> all;
    synchronized (this) {
      this.readings = readings;
      this.onFound = onFound;
      all = waiting;
      waiting = new ArrayList<Exporter>();
    }
    for (Exporter e : all) {
      try {
        onFound.run();
        e.export(readings.get());
      } catch (Throwable t) {
        failed.accept(t);
      }
    }
  }
}
