package io.weir.engine.measure;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The definition of a metric: name, unit and labels. The name has dots and the unit is UCUM, as in
 * OpenTelemetry; the Prometheus page derives its own form from them. Immutable.
 */
public final class Metric {
  /** What its values mean. */
  public enum Kind {
    /** Only grows. */
    COUNTER,
    /** The current value. */
    GAUGE,
    /** How often each value occurred since the start. */
    HISTOGRAM
  }

  /** A label, which OpenTelemetry calls an attribute. Immutable. */
  public static final class Label {
    /** The type of its values. */
    public enum Type {
      TEXT,
      INTEGER,
      FLAG
    }

    private final String name;
    private final Type type;

    public Label(String name, Type type) {
      this.name = name;
      this.type = type;
    }

    public String name() {
      return name;
    }

    public Type type() {
      return type;
    }
  }

  private final String name;
  private final Kind kind;
  private final String unit;
  private final String description;
  private final List<Label> labels;
  private final double @Nullable [] boundaries;

  /**
   * A histogram.
   *
   * @param boundaries inclusive upper ends of its buckets, rising; must not change any more
   * @param labels in the order values are given
   */
  public Metric(
      String name, String unit, String description, double[] boundaries, Label... labels) {
    this(name, Kind.HISTOGRAM, unit, description, boundaries, labels);
  }

  /**
   * A counter or a gauge.
   *
   * @param unit UCUM: {@code s}, or an annotation like {@code {call}}; empty for a plain number
   * @param labels in the order values are given
   */
  public Metric(String name, Kind kind, String unit, String description, Label... labels) {
    this(name, kind, unit, description, null, labels);
  }

  private Metric(
      String name,
      Kind kind,
      String unit,
      String description,
      double @Nullable [] boundaries,
      Label... labels) {
    this.boundaries = boundaries;
    this.name = name;
    this.kind = kind;
    this.unit = unit;
    this.description = description;
    this.labels = Collections.unmodifiableList(Arrays.asList(labels));
  }

  public String name() {
    return name;
  }

  public Kind kind() {
    return kind;
  }

  public String unit() {
    return unit;
  }

  public String description() {
    return description;
  }

  public List<Label> labels() {
    return labels;
  }

  /** Inclusive upper ends of a histogram's buckets, rising; null for the others. */
  public double @Nullable [] boundaries() {
    return boundaries;
  }

  @Override
  public String toString() {
    return name;
  }
}
