package io.weir.agent.admin;

import io.weir.engine.measure.Metric;
import io.weir.engine.measure.MetricReader;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * All metrics as Prometheus text (version 0.0.4), under the names that OpenTelemetry's
 * specification derives: dots become underscores, seconds and milliseconds are appended, counters
 * end in {@code _total}.
 */
public final class Exposition {
  private final StringBuilder out = new StringBuilder(16 * 1024);

  private Exposition() {}

  /** The page, as of now. */
  public static String text(MetricReader readings) {
    Exposition page = new Exposition();
    for (Metric m : readings.metrics()) {
      page.write(m, readings);
    }
    return page.out.toString();
  }

  /** What Prometheus calls a metric. */
  public static String name(Metric m) {
    String name = identifier(m.name());
    if (m.unit().equals("s")) {
      name += "_seconds";
    } else if (m.unit().equals("ms")) {
      name += "_milliseconds";
    }
    return m.kind() == Metric.Kind.COUNTER ? name + "_total" : name;
  }

  private static String identifier(String name) {
    return name.replace('.', '_');
  }

  private void write(Metric m, MetricReader readings) {
    String name = name(m);
    String type = m.kind().name().toLowerCase(java.util.Locale.ROOT);
    out.append("# HELP ").append(name).append(' ').append(m.description()).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    if (m.kind() == Metric.Kind.HISTOGRAM) {
      histogram(m, name, readings);
    } else {
      readings.read(
          m,
          (value, count, labels) -> {
            out.append(name);
            labels(m, labels, null);
            number(value);
          });
    }
  }

  private void histogram(Metric m, String name, MetricReader readings) {
    Map<List<String>, Buckets> all = new LinkedHashMap<List<String>, Buckets>();
    readings.read(
        m,
        (value, count, labels) -> {
          Buckets b = all.get(Arrays.asList(labels));
          if (b == null) {
            b = new Buckets(Objects.requireNonNull(m.boundaries()), labels);
            all.put(Arrays.asList(labels), b);
          }
          b.add(value, count);
        });
    for (Buckets b : all.values()) {
      long below = 0;
      for (int i = 0; i < b.counts.length; i++) {
        below += b.counts[i];
        out.append(name).append("_bucket");
        labels(m, b.labels, i < b.ends.length ? text(b.ends[i]) : "+Inf");
        number(below);
      }
      out.append(name).append("_sum");
      labels(m, b.labels, null);
      number(b.sum);
      out.append(name).append("_count");
      labels(m, b.labels, null);
      number(below);
    }
  }

  private void labels(Metric m, @Nullable String[] values, @Nullable String le) {
    String comma = "{";
    for (int i = 0; i < values.length; i++) {
      if (values[i] != null) {
        out.append(comma).append(identifier(m.labels().get(i).name())).append("=\"");
        escaped(values[i]);
        out.append('"');
        comma = ",";
      }
    }
    if (le != null) {
      out.append(comma).append("le=\"").append(le).append('"');
      comma = ",";
    }
    out.append(comma.equals("{") ? " " : "} ");
  }

  private void escaped(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      out.append(c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : String.valueOf(c));
    }
  }

  private void number(double value) {
    out.append(text(value)).append('\n');
  }

  private static String text(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static final class Buckets {
    final double[] ends;
    final @Nullable String[] labels;
    final long[] counts;
    double sum;

    Buckets(double[] ends, @Nullable String[] labels) {
      this.ends = ends;
      this.labels = labels;
      counts = new long[ends.length + 1];
    }

    void add(double value, long count) {
      int i = Arrays.binarySearch(ends, value);
      counts[i < 0 ? ~i : i] += count;
      sum += value * count;
    }
  }
}
