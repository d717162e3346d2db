package io.weir.instrumentation.opentelemetry.adapter;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.metrics.DoubleGaugeBuilder;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.DoubleHistogramBuilder;
import io.opentelemetry.api.metrics.LongCounterBuilder;
import io.opentelemetry.api.metrics.Meter;
import io.weir.engine.measure.Metric;
import io.weir.engine.measure.Metric.Label;
import io.weir.engine.measure.MetricReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Registers Weir's metrics as instruments of one OpenTelemetry.
 *
 * <p>Counters and gauges are asynchronous instruments: they are read at collection. OpenTelemetry
 * has no asynchronous histogram. So at collection, on the collecting thread, the values that Weir's
 * histograms have counted since the last collection are recorded into synchronous ones (a replay).
 * The values are within one percent of the real ones. Neither costs an application's call anything.
 */
public final class Instruments {
  private final MetricReader readings;
  private final Meter meter;
  private final List<Replay> replays = new ArrayList<Replay>();

  /**
   * @throws LinkageError with an API without metrics: older than 1.10
   */
  public Instruments(OpenTelemetry openTelemetry, MetricReader readings) {
    this.readings = readings;
    this.meter = openTelemetry.getMeterProvider().get("io.weir");
  }

  /** Registers every metric. */
  public void register() {
    for (Metric m : readings.metrics()) {
      if (m.kind() == Metric.Kind.HISTOGRAM) {
        replays.add(new Replay(m, histogram(m), keys(m)));
      }
    }
    for (Metric m : readings.metrics()) {
      if (m.kind() != Metric.Kind.HISTOGRAM) {
        observe(m, keys(m));
      }
    }
  }

  private void observe(Metric m, AttributeKey<?>[] keys) {
    if (m.kind() == Metric.Kind.COUNTER) {
      LongCounterBuilder b = meter.counterBuilder(m.name()).setDescription(m.description());
      (m.unit().isEmpty() ? b : b.setUnit(m.unit()))
          .buildWithCallback(
              to ->
                  readings.read(
                      m,
                      (value, count, labels) -> to.record((long) value, attributes(keys, labels))));
      return;
    }
    // OpenTelemetry has no hook for "before collection". This gauge always has a value, so its
    // callback runs at every collection: it replays the histograms, too.
    boolean replaysHistograms = m.name().equals("weir.rule.revision");
    DoubleGaugeBuilder b = meter.gaugeBuilder(m.name()).setDescription(m.description());
    // older SDKs warn of an empty unit
    (m.unit().isEmpty() ? b : b.setUnit(m.unit()))
        .buildWithCallback(
            to -> {
              if (replaysHistograms) {
                replay();
              }
              readings.read(
                  m, (value, count, labels) -> to.record(value, attributes(keys, labels)));
            });
  }

  private DoubleHistogram histogram(Metric m) {
    DoubleHistogramBuilder b =
        meter.histogramBuilder(m.name()).setUnit(m.unit()).setDescription(m.description());
    try {
      List<Double> ends = new ArrayList<Double>();
      for (double d : Objects.requireNonNull(m.boundaries())) {
        ends.add(d);
      }
      b = b.setExplicitBucketBoundariesAdvice(ends);
    } catch (LinkageError olderThan132) {
      // older APIs: then the SDK or a view chooses the buckets
    }
    return b.build();
  }

  private synchronized void replay() {
    for (Replay r : replays) {
      readings.read(r.metric, r);
    }
  }

  private static AttributeKey<?>[] keys(Metric m) {
    AttributeKey<?>[] keys = new AttributeKey<?>[m.labels().size()];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = key(m.labels().get(i));
    }
    return keys;
  }

  private static AttributeKey<?> key(Label label) {
    if (label.type() == Label.Type.INTEGER) {
      return AttributeKey.longKey(label.name());
    }
    return label.type() == Label.Type.FLAG
        ? AttributeKey.booleanKey(label.name())
        : AttributeKey.stringKey(label.name());
  }

  @SuppressWarnings("unchecked") // keys() has made each key with the type that getType() returns
  private static Attributes attributes(AttributeKey<?>[] keys, @Nullable String[] labels) {
    AttributesBuilder b = Attributes.builder();
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] == null) {
        continue;
      }
      switch (keys[i].getType()) {
        case LONG:
          b.put((AttributeKey<Long>) keys[i], Long.valueOf(labels[i]));
          break;
        case BOOLEAN:
          b.put((AttributeKey<Boolean>) keys[i], Boolean.valueOf(labels[i]));
          break;
        default:
          b.put((AttributeKey<String>) keys[i], labels[i]);
          break;
      }
    }
    return b.build();
  }

  /** One histogram, and which counts have been recorded into OpenTelemetry's so far. */
  private static final class Replay implements MetricReader.Sink {
    final Metric metric;
    private final DoubleHistogram to;
    private final AttributeKey<?>[] keys;

    /** By labels and by value, the count recorded so far. */
    private final Map<List<String>, Map<Double, Long>> recorded =
        new HashMap<List<String>, Map<Double, Long>>();

    Replay(Metric metric, DoubleHistogram to, AttributeKey<?>[] keys) {
      this.metric = metric;
      this.to = to;
      this.keys = keys;
    }

    @Override
    public void value(double value, long count, @Nullable String... labels) {
      Map<Double, Long> before = recorded.get(Arrays.asList(labels));
      if (before == null) {
        before = new HashMap<Double, Long>();
        recorded.put(Arrays.asList(labels), before);
      }
      Long n = before.put(value, count);
      long added = count - (n == null ? 0 : n);
      Attributes a = added > 0 ? attributes(keys, labels) : null;
      for (; added > 0; added--) {
        to.record(value, a);
      }
    }
  }
}
