package io.weir.engine.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MetricExportersTest {
  private static final MetricReader READINGS =
      new MetricReader() {
        @Override
        public List<Metric> metrics() {
          return List.of();
        }

        @Override
        public void read(Metric metric, Sink to) {}
      };

  private final List<String> happened = new ArrayList<>();
  private final MetricExporters outlet = new MetricExporters();

  private MetricExporters.Exporter exporter(String name) {
    return readings -> {
      assertThat(readings).isSameAs(READINGS);
      happened.add(name);
    };
  }

  private void open() {
    outlet.open(
        () -> {
          happened.add("made");
          return READINGS;
        },
        () -> happened.add("found"),
        t -> happened.add(t.getMessage()));
  }

  @Test
  void anExporterThatThrowsIsReportedAndTheOthersAreServed() {
    outlet.found(
        readings -> {
          throw new IllegalStateException("planted");
        });
    outlet.found(exporter("b"));
    open();
    assertThat(happened).containsExactly("found", "made", "planted", "found", "made", "b");
  }

  @Test
  void exportersThatCameFirstAreServedOnceTheMetricsAreThere() {
    outlet.found(exporter("a"));
    outlet.found(exporter("b"));
    assertThat(happened).isEmpty();
    open();
    assertThat(happened).containsExactly("found", "made", "a", "found", "made", "b");
  }

  @Test
  void exportersThatComeLaterAreServedAtOnce() {
    open();
    assertThat(happened).as("nobody asked").isEmpty();
    outlet.found(exporter("a"));
    assertThat(happened).containsExactly("found", "made", "a");
    happened.clear();
    open();
    assertThat(happened).as("served once").isEmpty();
  }

  @Test
  void aMetricSaysWhatItIs() {
    Metric.Label label = new Metric.Label("rule", Metric.Label.Type.TEXT);
    Metric counter = new Metric("m", Metric.Kind.COUNTER, "{call}", "Calls", label);
    assertThat(counter).hasToString("m");
    assertThat(counter.name()).isEqualTo("m");
    assertThat(counter.kind()).isEqualTo(Metric.Kind.COUNTER);
    assertThat(counter.unit()).isEqualTo("{call}");
    assertThat(counter.description()).isEqualTo("Calls");
    assertThat(counter.labels()).containsExactly(label);
    assertThat(counter.boundaries()).isNull();
    assertThat(label.name()).isEqualTo("rule");
    assertThat(label.type()).isEqualTo(Metric.Label.Type.TEXT);
    double[] ends = {1, 2};
    Metric histogram = new Metric("h", "s", "Time", ends);
    assertThat(histogram.kind()).isEqualTo(Metric.Kind.HISTOGRAM);
    assertThat(histogram.boundaries()).isSameAs(ends);
    assertThat(histogram.unit()).isEqualTo("s");
    assertThat(histogram.labels()).isEmpty();
  }
}
