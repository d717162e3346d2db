import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.DoublePointData;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.LongPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.data.PointData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import java.time.Duration;
import java.util.Collection;

/**
 * {@code MAIN ARGUMENTS...}: runs MAIN after it has set up an OpenTelemetry of its own, whose
 * metrics it prints. It knows nothing of Weir.
 */
public final class WithOtel {
  public static void main(String[] args) throws Exception {
    OpenTelemetrySdk.builder()
        .setMeterProvider(
            SdkMeterProvider.builder()
                .registerMetricReader(
                    PeriodicMetricReader.builder(new Printer())
                        .setInterval(Duration.ofMillis(300))
                        .build())
                .build())
        .buildAndRegisterGlobal();
    GlobalOpenTelemetry.get()
        .getMeterProvider()
        .get("the-application")
        .counterBuilder("orders")
        .build()
        .add(7);
    Class.forName(args[0])
        .getMethod("main", String[].class)
        .invoke(null, (Object) java.util.Arrays.copyOfRange(args, 1, args.length));
  }

  private static final class Printer implements MetricExporter {
    @Override
    public CompletableResultCode export(Collection<MetricData> metrics) {
      for (MetricData m : metrics) {
        for (PointData p : m.getData().getPoints()) {
          System.out.println("METRIC " + m.getName() + " " + m.getUnit() + " " + sorted(p.getAttributes()) + " " + value(p));
        }
      }
      System.out.println("COLLECTED");
      return CompletableResultCode.ofSuccess();
    }

    private static String sorted(Attributes attributes) {
      java.util.Map<String, Object> all = new java.util.TreeMap<>();
      attributes.forEach((key, value) -> all.put(key.getKey(), value));
      return all.toString();
    }

    private static String value(PointData p) {
      if (p instanceof LongPointData) {
        return "" + ((LongPointData) p).getValue();
      }
      return p instanceof DoublePointData
          ? "" + ((DoublePointData) p).getValue()
          : "count=" + ((HistogramPointData) p).getCount();
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public AggregationTemporality getAggregationTemporality(InstrumentType type) {
      return AggregationTemporality.CUMULATIVE;
    }
  }
}
