package io.weir.agent.telemetry;

import io.weir.control.json.JsonText;
import io.weir.engine.gate.Engine;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.RuleLatency;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * How long the calls of the last ten to twenty seconds took, in JSON, for who watches the fleet:
 *
 * <pre>
 * [{"service":"shop","side":"server","calls":240,"p50_us":1200,"p99_us":9800,
 *   "rules":[{"kind":"rate-limit","rule":"default","calls":120,"p50_us":900,"p99_us":8100}]}]
 * </pre>
 *
 * Calls to this service first; within each the rules that go by what their calls take, a breaker's
 * with {@code slow_ms}, from when on it takes a call for slow, and {@code slow}, how many were.
 * Empty where nothing is measured. For one thread.
 */
public final class RecentLatencies implements Supplier<String> {
  /** Services called that the status tells of, and rules. */
  public static final int MOST = 20;

  private final Engine engine;
  private final int most;

  /** Null until something is measured: it loads the histograms' classes. */
  private @Nullable Quantiles quantiles;

  /**
   * @param most services called that are told, and rules
   */
  public RecentLatencies(Engine engine, int most) {
    this.engine = engine;
    this.most = most;
  }

  @Override
  public String get() {
    LatencyRecorders measured = engine.measuring().latencies();
    if (measured == null) {
      return "[]";
    }
    Quantiles q = quantiles == null ? new Quantiles() : quantiles;
    quantiles = q;
    StringBuilder s = new StringBuilder("[");
    List<RuleLatency> rules = engine.measuring().ruleLatencies();
    if (rules.size() > most) {
      rules = rules.subList(0, most);
    }
    append(q, s, engine.service(), "server", measured.server(), rules);
    int told = 0;
    for (Map.Entry<String, LatencyRecorder> e : measured.targets().entrySet()) {
      if (told < most && append(q, s, e.getKey(), "client", e.getValue(), rules)) {
        told++;
      }
    }
    return s.append(']').toString();
  }

  private static boolean append(
      Quantiles quantiles,
      StringBuilder s,
      String service,
      String side,
      LatencyRecorder latency,
      List<RuleLatency> rules) {
    Histogram h = quantiles.recent(latency);
    if (h.getTotalCount() == 0) {
      return false;
    }
    s.append(s.length() == 1 ? "" : ",").append("{\"service\":");
    JsonText.quote(s, service).append(",\"side\":\"").append(side).append('"');
    append(s, h);
    String before = ",\"rules\":[";
    for (RuleLatency r : rules) {
      if (!r.service.equals(service) || !r.side.equals(side)) {
        continue;
      }
      Histogram of = quantiles.recent(r.latency);
      if (of.getTotalCount() > 0) {
        s.append(before).append("{\"kind\":\"").append(r.kind).append("\",\"rule\":");
        JsonText.quote(s, r.rule);
        append(s, of);
        if (r.slowNanos > 0) {
          s.append(",\"slow_ms\":").append(r.slowNanos / 1_000_000);
          s.append(",\"slow\":").append(r.slow(of));
        }
        s.append('}');
        before = ",";
      }
    }
    s.append(before.equals(",") ? "]}" : "}");
    return true;
  }

  private static void append(StringBuilder s, Histogram h) {
    s.append(",\"calls\":").append(h.getTotalCount());
    s.append(",\"p50_us\":").append(h.getValueAtPercentile(50));
    s.append(",\"p99_us\":").append(h.getValueAtPercentile(99));
  }
}
