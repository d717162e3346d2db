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
 * Weir's metrics as instruments of one OpenTelemetry.
 *
 * <p>Counters and gauges are asynchronous instruments: read when they are collected. OpenTelemetry
 * has no asynchronous histogram, so what the histograms have counted since the last time is
 * recorded into synchronous ones at collection, on the collecting thread, within a percent of the
 * real values. Either way calls know nothing of it.
 */
public final class Instruments {
  private final MetricReader readings;
  private final Meter meter;
  private final List<Replay> replays = new ArrayList<Replay>();

  /**
   * @throws LinkageError from an API that has no metrics: older than 1.10
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
    // one that always has a value brings the histograms along
    boolean first = m.name().equals("weir.rule.revision");
    DoubleGaugeBuilder b = meter.gaugeBuilder(m.name()).setDescription(m.description());
    // older SDKs complain of an empty unit
    (m.unit().isEmpty() ? b : b.setUnit(m.unit()))
        .buildWithCallback(
            to -> {
              if (first) {
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
      // then the buckets are the SDK's or the view's
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
      Label l = m.labels().get(i);
      keys[i] =
          l.type() == Label.Type.INTEGER
              ? AttributeKey.longKey(l.name())
              : l.type() == Label.Type.FLAG
                  ? AttributeKey.booleanKey(l.name())
                  : AttributeKey.stringKey(l.name());
    }
    return keys;
  }

  @SuppressWarnings("unchecked") // keys() made each of the type it says
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

  /** One histogram, and how much of what was counted it has been told. */
  private static final class Replay implements MetricReader.Sink {
    final Metric metric;
    private final DoubleHistogram to;
    private final AttributeKey<?>[] keys;
    private final Map<List<String>, Map<Double, Long>> told =
        new HashMap<List<String>, Map<Double, Long>>();

    Replay(Metric metric, DoubleHistogram to, AttributeKey<?>[] keys) {
      this.metric = metric;
      this.to = to;
      this.keys = keys;
    }

    @Override
    public void value(double value, long count, @Nullable String... labels) {
      Map<Double, Long> before = told.get(Arrays.asList(labels));
      if (before == null) {
        before = new HashMap<Double, Long>();
        told.put(Arrays.asList(labels), before);
      }
      Long n = before.put(value, count);
      long fresh = count - (n == null ? 0 : n);
      Attributes a = fresh > 0 ? attributes(keys, labels) : null;
      for (; fresh > 0; fresh--) {
        to.record(value, a);
      }
    }
  }
}
