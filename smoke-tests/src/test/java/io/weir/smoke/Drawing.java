package io.weir.smoke;

import com.fasterxml.jackson.databind.JsonNode;
import io.weir.smoke.Dashboard.Panel;
import io.weir.smoke.Dashboard.Target;
import io.weir.smoke.Prometheus.Series;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Draws a dashboard as SVG, from its JSON and a Prometheus, for the documentation. It is not
 * Grafana: it knows the five kinds of panel and the few options that our dashboard uses, and keeps
 * to Grafana's grid, colours and legends so that the picture tells what a person would see there.
 */
final class Drawing {
  private static final int WIDTH = 1320;
  private static final int MARGIN = 12;
  private static final int HEAD = 56;
  private static final double COLUMN = (WIDTH - 2.0 * MARGIN) / 24;
  private static final int UNIT = 31;
  private static final int GAP = 8;
  private static final int LINE = 15;
  private static final double CHARACTER = 6.4;

  private static final String TEXT = "#ccccdc";
  private static final String FAINT = "#8e8e99";
  private static final String[] PALETTE = {
    "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#56a64b",
    "#fade2a", "#96d98d", "#ffb357", "#ca95e5"
  };
  private static final Map<String, String> COLOURS =
      Map.of("green", "#73bf69", "orange", "#ff9830", "red", "#f2495c", "yellow", "#fade2a");
  private static final DateTimeFormatter CLOCK =
      DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneOffset.UTC);

  /** A line of a panel, by the name its legend has. */
  private record Line(String name, TreeMap<Double, Double> values) {
    double last() {
      return values.lastEntry().getValue();
    }

    double max() {
      return values.values().stream().mapToDouble(v -> v).max().orElse(0);
    }
  }

  /** A place on the paper. */
  private record Box(double x, double y, double w, double h) {}

  private final StringBuilder svg = new StringBuilder();
  private final Prometheus prometheus;
  private final double from;
  private final double to;

  private Drawing(Prometheus prometheus, double from, double to) {
    this.prometheus = prometheus;
    this.from = from;
    this.to = to;
  }

  /**
   * The picture.
   *
   * @param from seconds since 1970, as {@code to}
   */
  static String of(Dashboard dashboard, Prometheus prometheus, double from, double to) {
    Drawing d = new Drawing(prometheus, from, to);
    int units = 0;
    for (Panel p : dashboard.panels) {
      JsonNode grid = p.json().get("gridPos");
      units = Math.max(units, grid.get("y").asInt() + grid.get("h").asInt());
    }
    int height = HEAD + units * UNIT + MARGIN;
    d.svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='Inter,"
                + " DejaVu Sans, sans-serif' font-size='11'>%n",
            WIDTH,
            height));
    d.rectangle(new Box(0, 0, WIDTH, height), "#0b0c0e", 0);
    d.text(MARGIN + 4, 34, "start", TEXT, 18, dashboard.json.get("title").asText());
    double x = 120;
    for (JsonNode v : dashboard.json.get("templating").get("list")) {
      if (v.get("type").asText().equals("query")) {
        String label = v.get("label").asText();
        d.rectangle(new Box(x, 18, 110, 24), "#22252b", 2);
        d.text(x + 8, 34, "start", FAINT, 11, label);
        d.text(x + 102, 34, "end", TEXT, 11, "All");
        x += 120;
      }
    }
    d.text(WIDTH - MARGIN - 4, 34, "end", FAINT, 11, d.clock(from) + " to " + d.clock(to) + " UTC");
    for (Panel p : dashboard.panels) {
      d.panel(p);
    }
    return d.svg.append("</svg>\n").toString();
  }

  private void panel(Panel p) {
    JsonNode grid = p.json().get("gridPos");
    Box box =
        new Box(
            MARGIN + grid.get("x").asInt() * COLUMN,
            HEAD + grid.get("y").asInt() * UNIT,
            grid.get("w").asInt() * COLUMN - GAP,
            grid.get("h").asInt() * UNIT - GAP);
    if (p.type().equals("row")) {
      text(box.x + 4, box.y + 17, "start", TEXT, 13, "▾ " + p.title());
      return;
    }
    rectangle(box, "#181b1f", 3);
    text(box.x + 10, box.y + 18, "start", TEXT, 12, p.title());
    Box inside = new Box(box.x + 10, box.y + 28, box.w - 20, box.h - 36);
    switch (p.type()) {
      case "stat" -> stat(p, inside);
      case "timeseries" -> lines(p, inside);
      case "state-timeline" -> states(p, inside);
      case "table" -> table(p, inside);
      default -> throw new IllegalArgumentException("a panel nobody drew before: " + p.type());
    }
  }

  // ---- what a panel asks

  private List<Series> now(Target t) {
    String e = Dashboard.sent(t.expression(), "10s", "5s", (long) (to - from) + "s");
    return prometheus.now("last_over_time((" + e + ")[1s:1s] @ " + (long) to + ")");
  }

  private List<Line> range(Panel p, double step) {
    List<Line> all = new ArrayList<>();
    for (Target t : p.targets()) {
      String e = Dashboard.sent(t.expression(), "10s", (long) step + "s", (long) (to - from) + "s");
      for (Series s : prometheus.range(e, from, to, step)) {
        String name = t.legend();
        for (Map.Entry<String, String> l : s.labels().entrySet()) {
          name = name.replace("{{" + l.getKey() + "}}", l.getValue());
        }
        s.values().values().removeIf(v -> !Double.isFinite(v));
        if (!s.values().isEmpty()) {
          all.add(new Line(name.replaceAll("\\{\\{\\w+}}", "").trim(), s.values()));
        }
      }
    }
    return all;
  }

  // ---- panels

  private void stat(Panel p, Box box) {
    JsonNode d = p.json().get("fieldConfig").get("defaults");
    List<Series> answer = now(p.targets().get(0));
    double v = answer.isEmpty() ? 0 : answer.get(0).last();
    text(
        box.x + box.w / 2,
        box.y + box.h / 2 + 14,
        "middle",
        threshold(d.get("thresholds"), v),
        28,
        shown(v, d.get("unit").asText()));
  }

  private void lines(Panel p, Box box) {
    JsonNode defaults = p.json().get("fieldConfig").get("defaults");
    JsonNode custom = defaults.get("custom");
    String unit = defaults.get("unit").asText();
    boolean bars = custom.get("drawStyle").asText().equals("bars");
    boolean stacked = custom.get("stacking").get("mode").asText().equals("normal");
    boolean steps = custom.path("lineInterpolation").asText().equals("stepAfter");
    double step = bars ? 5 : 2;
    List<Line> all = range(p, step);
    int shown = Math.min(all.size(), (int) ((box.h * 0.42) / LINE) - 1);
    Box plot = new Box(box.x + 62, box.y + 4, box.w - 70, box.h - 28 - (shown + 1) * LINE);
    double top = nice(highest(all, stacked));
    for (int i = 0; i <= 4; i++) {
      double y = plot.y + plot.h - plot.h * i / 4;
      stroke(
          String.format(Locale.ROOT, "M%.1f %.1fH%.1f", plot.x, y, plot.x + plot.w), "#2c2f36", 1);
      text(plot.x - 6, y + 4, "end", FAINT, 10, shown(top * i / 4, unit));
    }
    clockBelow(plot);
    Map<Double, Double> below = new TreeMap<>();
    for (int i = 0; i < all.size(); i++) {
      String colour = PALETTE[i % PALETTE.length];
      if (bars) {
        bars(all.get(i), below, plot, top, step, colour);
      } else {
        curve(all.get(i), stacked ? below : null, plot, top, steps, colour);
      }
    }
    legend(all, shown, unit, new Box(box.x, plot.y + plot.h + 24, box.w, 0));
  }

  private void curve(
      Line line, Map<Double, Double> below, Box plot, double top, boolean steps, String colour) {
    StringBuilder up = new StringBuilder();
    StringBuilder back = new StringBuilder();
    double before = Double.NaN;
    for (Map.Entry<Double, Double> v : line.values.entrySet()) {
      double ground = below == null ? 0 : below.getOrDefault(v.getKey(), 0.0);
      double x = x(v.getKey(), plot);
      double y = y(ground + v.getValue(), plot, top);
      boolean gap = v.getKey() - before > 10;
      if (steps && up.length() > 0 && !gap) {
        up.append(String.format(Locale.ROOT, "H%.1f", x));
      }
      up.append(
          String.format(Locale.ROOT, up.length() == 0 || gap ? "M%.1f %.1f" : "L%.1f %.1f", x, y));
      if (below != null) {
        back.insert(0, String.format(Locale.ROOT, "L%.1f %.1f", x, y(ground, plot, top)));
        below.put(v.getKey(), ground + v.getValue());
      }
      before = v.getKey();
    }
    if (below != null) {
      svg.append(
          String.format(
              "<path d='%sZ' fill='%s' fill-opacity='0.25'/>%n", up.toString() + back, colour));
    }
    stroke(up.toString(), colour, 1.4);
  }

  private void bars(
      Line line, Map<Double, Double> below, Box plot, double top, double step, String colour) {
    double w = Math.max(2, plot.w * step / (to - from) * 0.8);
    for (Map.Entry<Double, Double> v : line.values.entrySet()) {
      if (v.getValue() > 0) {
        double ground = below.getOrDefault(v.getKey(), 0.0);
        double y = y(ground + v.getValue(), plot, top);
        below.put(v.getKey(), ground + v.getValue());
        double x = Math.min(x(v.getKey(), plot) - w / 2, plot.x + plot.w - w);
        rectangle(new Box(x, y, w, y(ground, plot, top) - y), colour, 0);
      }
    }
  }

  private void legend(List<Line> all, int shown, String unit, Box at) {
    double last = at.x + at.w - 82;
    double max = at.x + at.w - 4;
    text(at.x + 2, at.y + 10, "start", FAINT, 10, "Name");
    text(last, at.y + 10, "end", FAINT, 10, "Last");
    text(max, at.y + 10, "end", FAINT, 10, "Max ▾");
    List<Line> sorted = new ArrayList<>(all);
    sorted.sort(Comparator.comparingDouble(Line::max).reversed());
    for (int i = 0; i < shown; i++) {
      Line line = sorted.get(i);
      double y = at.y + (i + 1) * LINE + 10;
      rectangle(new Box(at.x + 2, y - 6, 12, 4), PALETTE[all.indexOf(line) % PALETTE.length], 1);
      String more =
          i == shown - 1 && shown < all.size() ? "   … " + (all.size() - shown) + " more" : "";
      text(at.x + 20, y, "start", TEXT, 10.5, cut(line.name, at.w - 190) + more);
      text(last, y, "end", TEXT, 10.5, shown(line.last(), unit));
      text(max, y, "end", TEXT, 10.5, shown(line.max(), unit));
    }
  }

  private void states(Panel p, Box box) {
    JsonNode words = p.json().at("/fieldConfig/defaults/mappings/0/options");
    List<Line> all = range(p, 1);
    Box plot = new Box(box.x + 110, box.y + 4, box.w - 118, box.h - 48);
    double each = plot.h / Math.max(1, all.size());
    for (int i = 0; i < all.size(); i++) {
      double y = plot.y + i * each;
      text(plot.x - 8, y + each / 2 + 4, "end", TEXT, 11, all.get(i).name);
      TreeMap<Double, Double> values = all.get(i).values;
      for (double t = values.firstKey(); ; ) {
        double state = values.get(t);
        Double next = t;
        do {
          next = values.higherKey(next);
        } while (next != null && values.get(next) == state);
        double end = next == null ? to : next;
        JsonNode said = words.get(Long.toString((long) state));
        double w = x(end, plot) - x(t, plot);
        double thick = Math.min(each * 0.7, 60);
        Box bar = new Box(x(t, plot), y + (each - thick) / 2, w, thick);
        rectangle(bar, COLOURS.get(said.get("color").asText()), 0);
        String word = said.get("text").asText();
        if (w > word.length() * CHARACTER + 6) {
          text(bar.x + 5, y + each / 2 + 4, "start", "#111217", 11, word);
        }
        if (next == null) {
          break;
        }
        t = next;
      }
    }
    clockBelow(plot);
    double x = box.x + 2;
    for (JsonNode said : words) {
      rectangle(new Box(x, box.y + box.h - 10, 12, 8), COLOURS.get(said.get("color").asText()), 1);
      text(x + 18, box.y + box.h - 2, "start", TEXT, 11, said.get("text").asText());
      x += 90;
    }
  }

  private void table(Panel p, Box box) {
    // as the transformations merge and organize: one row for each set of labels, columns in order
    Map<Map<String, String>, Map<String, Double>> rows = new LinkedHashMap<>();
    for (Target t : p.targets()) {
      for (Series s : now(t)) {
        rows.computeIfAbsent(s.labels(), l -> new LinkedHashMap<>())
            .put("Value #" + t.ref(), s.last());
      }
    }
    JsonNode organize = p.json().at("/transformations/1/options");
    List<String> columns = new ArrayList<>();
    organize.get("indexByName").fieldNames().forEachRemaining(columns::add);
    JsonNode names = organize.get("renameByName");
    String sort = p.json().at("/options/sortBy/0/displayName").asText();
    List<Map.Entry<Map<String, String>, Map<String, Double>>> sorted =
        new ArrayList<>(rows.entrySet());
    String by =
        columns.stream().filter(c -> names.path(c).asText().equals(sort)).findFirst().orElseThrow();
    sorted.sort(Comparator.comparing(e -> -e.getValue().getOrDefault(by, 0.0)));
    double w = box.w / columns.size();
    for (int c = 0; c < columns.size(); c++) {
      String name = names.path(columns.get(c)).asText(columns.get(c));
      double x = box.x + c * w;
      text(x + 4, box.y + 14, "start", "#6e9fff", 11, name + (name.equals(sort) ? " ▾" : ""));
      for (int r = 0; r < sorted.size() && 40 + r * 24 < box.h; r++) {
        double y = box.y + 40 + r * 24;
        if (c == 0) {
          stroke(
              String.format(Locale.ROOT, "M%.1f %.1fH%.1f", box.x, y - 17, box.x + box.w),
              "#2c2f36",
              1);
        }
        String label = sorted.get(r).getKey().get(columns.get(c));
        Double value = sorted.get(r).getValue().get(columns.get(c));
        if (label != null) {
          text(x + 4, y, "start", TEXT, 11, cut(label, w - 8));
        } else if (value != null) {
          cell(p, name, value, x + 4, y);
        }
      }
    }
  }

  private void cell(Panel p, String column, double value, double x, double y) {
    String unit = "none";
    String colour = TEXT;
    String word = null;
    for (JsonNode override : p.json().at("/fieldConfig/overrides")) {
      if (override.at("/matcher/options").asText().equals(column)) {
        for (JsonNode property : override.get("properties")) {
          JsonNode v = property.get("value");
          switch (property.get("id").asText()) {
            case "unit" -> unit = v.asText();
            case "thresholds" -> colour = threshold(v, value);
            case "mappings" -> {
              JsonNode said = v.get(0).get("options").get(Long.toString((long) value));
              word = said.get("text").asText();
              colour = COLOURS.get(said.get("color").asText());
            }
            default -> {}
          }
        }
      }
    }
    text(x, y, "start", colour, 11, word == null ? shown(value, unit) : word);
  }

  // ---- measures

  private double x(double time, Box plot) {
    return plot.x + plot.w * (time - from) / (to - from);
  }

  private static double y(double value, Box plot, double top) {
    return plot.y + plot.h - plot.h * value / top;
  }

  private static double highest(List<Line> all, boolean stacked) {
    Map<Double, Double> sums = new TreeMap<>();
    for (Line line : all) {
      line.values.forEach((t, v) -> sums.merge(t, v, stacked ? Double::sum : Math::max));
    }
    return sums.values().stream().mapToDouble(v -> v).max().orElse(0);
  }

  /** The least round number that is not below, of four equal and round parts. */
  private static double nice(double value) {
    if (value <= 0) {
      return 1;
    }
    double ten = Math.pow(10, Math.floor(Math.log10(value)));
    for (double n : new double[] {1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8}) {
      if (n * ten >= value) {
        return n * ten;
      }
    }
    return 10 * ten;
  }

  private static String threshold(JsonNode thresholds, double value) {
    String colour = "green";
    for (JsonNode step : thresholds.get("steps")) {
      if (step.get("value").isNull() || value >= step.get("value").asDouble()) {
        colour = step.get("color").asText();
      }
    }
    return COLOURS.get(colour);
  }

  private static String shown(double value, String unit) {
    return switch (unit) {
      case "reqps" -> number(value) + " req/s";
      case "percentunit" -> number(value * 100) + "%";
      case "s" ->
          value == 0
              ? "0 s"
              : value < 1e-3
                  ? number(value * 1e6) + " µs"
                  : value < 1 ? number(value * 1e3) + " ms" : number(value) + " s";
      default -> number(value);
    };
  }

  private static String number(double value) {
    if (!Double.isFinite(value)) {
      return "-";
    }
    String s = String.format(Locale.ROOT, Math.abs(value) < 10 ? "%.2f" : "%.1f", value);
    return s.replaceAll("\\.?0+$", "").isEmpty()
        ? "0"
        : s.replaceAll("\\.0+$|(\\.\\d*[1-9])0+$", "$1");
  }

  private String clock(double time) {
    return CLOCK.format(Instant.ofEpochSecond((long) time));
  }

  private void clockBelow(Box plot) {
    double every = 30;
    while (plot.w * every / (to - from) < 70) {
      every *= 2;
    }
    for (double t = Math.ceil(from / every) * every; t < to; t += every) {
      if (x(t, plot) < plot.x + plot.w - 20 && x(t, plot) > plot.x + 20) {
        text(x(t, plot), plot.y + plot.h + 14, "middle", FAINT, 10, clock(t));
      }
    }
  }

  private static String cut(String text, double width) {
    int fits = (int) (width / CHARACTER);
    return text.length() <= fits ? text : text.substring(0, Math.max(1, fits - 1)) + "…";
  }

  // ---- ink

  private void rectangle(Box b, String colour, int round) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' rx='%d' fill='%s'/>%n",
            b.x,
            b.y,
            b.w,
            b.h,
            round,
            colour));
  }

  private void stroke(String path, String colour, double width) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<path d='%s' fill='none' stroke='%s' stroke-width='%.1f' stroke-linejoin='round'/>%n",
            path,
            colour,
            width));
  }

  private void text(double x, double y, String anchor, String colour, double size, String text) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x='%.1f' y='%.1f' text-anchor='%s' fill='%s' font-size='%.1f'>%s</text>%n",
            x,
            y,
            anchor,
            colour,
            size,
            text.replace("&", "&amp;").replace("<", "&lt;")));
  }
}
