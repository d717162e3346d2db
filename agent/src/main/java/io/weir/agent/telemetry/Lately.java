package io.weir.agent.telemetry;

import io.weir.control.json.JsonText;
import io.weir.engine.gate.Engine;
import io.weir.engine.measure.Latencies;
import io.weir.engine.measure.Latency;
import java.util.Map;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;

/**
 * How long the calls of the last ten to twenty seconds took, in JSON, for who watches the fleet:
 * {@code [{"service":"shop","side":"server","calls":240,"p50_us":1200,"p99_us":9800}]}, calls to
 * this service first; empty where nothing is measured. For one thread.
 */
public final class Lately implements Supplier<String> {
  /** Services called that are told. */
  private static final int MOST = 20;

  private final Engine engine;

  /** Null until something is measured: it loads the histograms' classes. */
  private Quantiles quantiles;

  public Lately(Engine engine) {
    this.engine = engine;
  }

  @Override
  public String get() {
    Latencies measured = engine.latencies();
    if (measured == null) {
      return "[]";
    }
    if (quantiles == null) {
      quantiles = new Quantiles();
    }
    StringBuilder s = new StringBuilder("[");
    append(s, engine.service(), "server", measured.server());
    int told = 0;
    for (Map.Entry<String, Latency> e : measured.targets().entrySet()) {
      if (told < MOST && append(s, e.getKey(), "client", e.getValue())) {
        told++;
      }
    }
    return s.append(']').toString();
  }

  private boolean append(StringBuilder s, String service, String side, Latency latency) {
    Histogram h = quantiles.recent(latency);
    if (h.getTotalCount() == 0) {
      return false;
    }
    s.append(s.length() == 1 ? "" : ",").append("{\"service\":");
    JsonText.quote(s, service).append(",\"side\":\"").append(side);
    s.append("\",\"calls\":").append(h.getTotalCount());
    s.append(",\"p50_us\":").append(h.getValueAtPercentile(50));
    s.append(",\"p99_us\":").append(h.getValueAtPercentile(99)).append('}');
    return true;
  }
}
