package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * A step in load and two in capacity, on a real Tomcat whose capacity does not depend on the CPU:
 * once with {@code auto}, which holds p99 at its target, and once with the limit that was right
 * before. {@code smoke-tests/stepload} runs it and prints the table; not part of {@code ./verify}.
 */
class StepLoad {
  private static final Path SAID = Path.of("target", "stepload.md");
  private static final Path PLOT = Path.of("target", "stepload.svg");
  private static final double TARGET = 400;
  private static final int WORK_MILLIS = 100;

  /** What is settled: so many seconds of a phase, of those that come in up to its last second. */
  private static final double SETTLED = 19;

  /** Calls of a phase's last second end in the next one, whose capacity is another. */
  private static final double LAST = 1;

  /**
   * @param offered calls a second
   * @param workers of 100 ms each
   */
  private record Phase(String name, double seconds, double offered, int workers) {
    double capacity() {
      return workers * 1000.0 / WORK_MILLIS;
    }
  }

  private static final List<Phase> PHASES =
      List.of(
          new Phase("below capacity", 20, 50, 10),
          new Phase("load x 4", 40, 200, 10),
          new Phase("capacity / 2", 40, 200, 5),
          new Phase("capacity x 2", 40, 200, 10));

  /**
   * One run.
   *
   * @param qps the rate in force, every second
   */
  private record Run(
      String name, List<OpenLoad.Answer> answers, List<double[]> qps, List<Double> starts) {
    List<OpenLoad.Answer> let(double from, double to) {
      return answers.stream()
          .filter(a -> a.status() == 200 && a.at() >= from && a.at() < to)
          .toList();
    }
  }

  static Jvm service(String weir, int workers, int workMillis) {
    Matrix.Cell cell =
        Matrix.cells("manners").stream()
            .filter(c -> c.name().equals("tomcat-9.0") && c.jdk().version() == 17)
            .findFirst()
            .orElseThrow();
    String classes = Apps.compile(List.of("stepload"), cell.classpath(), Map.of());
    return Jvm.of(cell.jdk(), Apps.with(classes, cell.classpath()), "StepLoadMain")
        .arguments(Integer.toString(workers), Integer.toString(workMillis))
        .weir(weir)
        .start();
  }

  @Test
  void aTargetIsHeldThroughStepsOfLoadAndCapacity() throws Exception {
    Files.deleteIfExists(SAID);
    Run auto =
        run(
            "auto",
            "{\"qps\": 100, \"burst\": 5, \"auto\": {\"metric\": \"p99\", \"target\": "
                + (int) TARGET
                + ", \"min_qps\": 5, \"max_qps\": 1000}}");
    Run fixed = run("fixed at 100", "{\"qps\": 100, \"burst\": 5}");
    say("| phase | offered/s | capacity/s | | let in/s | p99 ms | qps in force | swings |");
    say("|---|---|---|---|---|---|---|---|");
    for (int i = 0; i < PHASES.size(); i++) {
      row(auto, i);
      row(fixed, i);
    }
    Files.writeString(PLOT, Plot.of(auto, fixed));
    for (int i = 0; i < PHASES.size(); i++) {
      double p99 = p99(auto, i);
      String phase = PHASES.get(i).name;
      if (i == 0) {
        assertThat(p99).as(phase).isLessThan(TARGET * 1.2);
      } else {
        assertThat(p99).as(phase).isBetween(TARGET * 0.8, TARGET * 1.2);
      }
      assertThat(swings(auto, i)).as(phase).isLessThanOrEqualTo(2);
    }
    assertThat(p99(fixed, 2)).as("with the limit that was right before").isGreaterThan(3 * TARGET);
  }

  private static Run run(String name, String rule) throws Exception {
    Rules rules = new Rules();
    rules.put("service/shop/rate-limit", rule);
    String options = "service=shop;admin.port=0;rules=" + rules.location();
    try (Jvm jvm = service(options, PHASES.get(0).workers, WORK_MILLIS);
        OpenLoad load = new OpenLoad(jvm.port(), "/work")) {
      rules.awaitInForce("shop", jvm, "/workers?" + PHASES.get(0).workers);
      load.rate(20);
      LockSupport.parkNanos(5_000_000_000L); // classes are loaded
      List<Double> starts = new ArrayList<>();
      List<double[]> qps = new ArrayList<>();
      for (Phase p : PHASES) {
        hire(jvm, p.workers);
        load.rate(p.offered);
        starts.add(load.now());
        while (load.now() < starts.get(starts.size() - 1) + p.seconds) {
          LockSupport.parkNanos(1_000_000_000L);
          double inForce = Metrics.of(jvm).sum("weir_limit_auto_qps");
          qps.add(new double[] {load.now(), inForce > 0 ? inForce : 100});
        }
      }
      double end = load.now();
      starts.add(end);
      load.rate(0);
      Await.until(
          Duration.ofSeconds(100),
          () -> {
            int ended = load.between(0, end).size();
            Thread.sleep(3000);
            return load.between(0, end).size() == ended;
          },
          jvm::told);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
      Files.write(Path.of("target", "stepload-" + name.split(" ")[0] + ".log"), jvm.stderr());
      return new Run(name, load.between(0, end), qps, starts);
    }
  }

  /** Past the limiter: with refused calls the rule would have it wait. */
  private static void hire(Jvm jvm, int workers) {
    Await.until(
        Duration.ofSeconds(30),
        () ->
            HttpClient.newHttpClient()
                    .send(
                        HttpRequest.newBuilder(
                                URI.create(
                                    "http://127.0.0.1:" + jvm.port() + "/workers?" + workers))
                            .build(),
                        HttpResponse.BodyHandlers.discarding())
                    .statusCode()
                == 200,
        jvm::told);
  }

  private static double p99(Run run, int phase) {
    double end = run.starts.get(phase + 1) - LAST;
    return quantile(run.let(end - SETTLED, end));
  }

  static double quantile(List<OpenLoad.Answer> answers) {
    double[] millis = answers.stream().mapToDouble(OpenLoad.Answer::millis).sorted().toArray();
    return millis.length == 0 ? 0 : millis[(int) Math.ceil(millis.length * 0.99) - 1];
  }

  /** Changes of direction by a tenth or more, in the whole phase. */
  private static int swings(Run run, int phase) {
    int swings = 0;
    int direction = 0;
    double extreme = 0;
    for (double[] q : run.qps) {
      if (q[0] < run.starts.get(phase) || q[0] >= run.starts.get(phase + 1)) {
        continue;
      }
      if (extreme == 0) {
        extreme = q[1];
      } else if (direction == 0
          ? Math.abs(q[1] / extreme - 1) >= 0.1
          : direction * (q[1] - extreme) > 0) {
        direction = q[1] > extreme ? 1 : -1;
        extreme = q[1];
      } else if (direction != 0 && Math.abs(q[1] / extreme - 1) >= 0.1) {
        swings++;
        direction = -direction;
        extreme = q[1];
      }
    }
    return swings;
  }

  private static void row(Run run, int phase) throws IOException {
    Phase p = PHASES.get(phase);
    double end = run.starts.get(phase + 1) - LAST;
    double low = Double.MAX_VALUE;
    double high = 0;
    for (double[] q : run.qps) {
      if (q[0] >= end - SETTLED && q[0] < end) {
        low = Math.min(low, q[1]);
        high = Math.max(high, q[1]);
      }
    }
    say(
        "| %s | %.0f | %.0f | %s | %.1f | %.0f | %.1f to %.1f | %d |",
        p.name,
        p.offered,
        p.capacity(),
        run.name,
        run.let(end - SETTLED, end).size() / SETTLED,
        p99(run, phase),
        low,
        high,
        swings(run, phase));
  }

  private static void say(String format, Object... values) throws IOException {
    String line = values.length == 0 ? format : String.format(Locale.ROOT, format, values);
    Files.write(SAID, List.of(line), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    System.out.println(line);
  }

  /** The picture: what calls took, and the rate in force, second by second. */
  private static final class Plot {
    private static final int WIDTH = 900;
    private static final int LEFT = 60;
    private static final int TOP = 50;
    private static final int HIGH = 230;
    private static final int RATES = 360;
    private static final int RATES_HIGH = 150;
    private static final double MOST_MILLIS = 2000;
    private static final double MOST_QPS = 220;

    private final StringBuilder svg = new StringBuilder();
    private final double from;
    private final double to;

    private Plot(Run run) {
      from = run.starts.get(0);
      to = run.starts.get(run.starts.size() - 1);
    }

    static String of(Run auto, Run fixed) {
      Plot p = new Plot(auto);
      p.draw(auto, fixed);
      return p.svg.toString();
    }

    private double x(double at) {
      return LEFT + (at - from) / (to - from) * (WIDTH - LEFT - 20);
    }

    private static double y(double v, double most, int top, int high) {
      return top + high - Math.min(v, most) / most * high;
    }

    private void add(String format, Object... values) {
      svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private void draw(Run auto, Run fixed) {
      add(
          "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='560' viewBox='0 0 %d 560'"
              + " font-family='sans-serif' font-size='13'>",
          WIDTH, WIDTH);
      add("<rect width='%d' height='560' fill='white'/>", WIDTH);
      add(
          "<text x='%d' y='20' font-size='15'>p99 of calls let in, second by second (ms; above"
              + " 2000 cut off)</text>",
          LEFT);
      add(
          "<rect x='%d' y='%.1f' width='%d' height='%.1f' fill='#dcefdc'/>",
          LEFT,
          y(TARGET * 1.2, MOST_MILLIS, TOP, HIGH),
          WIDTH - LEFT - 20,
          0.4 * TARGET / MOST_MILLIS * HIGH);
      axis(TOP, HIGH, MOST_MILLIS, 400);
      axis(RATES, RATES_HIGH, MOST_QPS, 50);
      add("<text x='%d' y='%d' font-size='15'>calls a second</text>", LEFT, RATES - 20);
      for (int i = 0; i < PHASES.size(); i++) {
        double at = x(auto.starts.get(i));
        add(
            "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' stroke='#888' stroke-dasharray='3 3'/>",
            at, at, TOP - 12, RATES + RATES_HIGH);
        add("<text x='%.1f' y='%d' fill='#555'>%s</text>", at + 4, TOP - 4, PHASES.get(i).name);
      }
      line(millis(fixed, auto), "#c0392b", MOST_MILLIS, TOP, HIGH);
      line(millis(auto, auto), "#1f6fb2", MOST_MILLIS, TOP, HIGH);
      List<double[]> capacity = new ArrayList<>();
      List<double[]> offered = new ArrayList<>();
      for (int i = 0; i < PHASES.size(); i++) {
        for (int end = 0; end < 2; end++) {
          double at = auto.starts.get(i + end);
          capacity.add(new double[] {at, PHASES.get(i).capacity()});
          offered.add(new double[] {at, PHASES.get(i).offered});
        }
      }
      line(offered, "#aaaaaa", MOST_QPS, RATES, RATES_HIGH);
      line(capacity, "#2e8b57", MOST_QPS, RATES, RATES_HIGH);
      line(auto.qps, "#1f6fb2", MOST_QPS, RATES, RATES_HIGH);
      String[] keys = {
        "#1f6fb2",
        "auto",
        "#c0392b",
        "fixed at 100",
        "#2e8b57",
        "capacity",
        "#aaaaaa",
        "offered",
        "#dcefdc",
        "target 400 ms, 20 % to each side"
      };
      int at = LEFT;
      for (int i = 0; i < keys.length; i += 2) {
        add("<rect x='%d' y='535' width='14' height='10' fill='%s'/>", at, keys[i]);
        add("<text x='%d' y='545'>%s</text>", at + 19, keys[i + 1]);
        at += 60 + keys[i + 1].length() * 7;
      }
      add("</svg>");
    }

    private void axis(int top, int high, double most, int step) {
      for (int v = 0; v <= most; v += step) {
        double at = y(v, most, top, high);
        add(
            "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#e5e5e5'/>",
            LEFT, WIDTH - 20, at, at);
        add("<text x='%d' y='%.1f' text-anchor='end'>%d</text>", LEFT - 6, at + 4, v);
      }
    }

    /** By the phases of {@code axis}: two runs do not begin at the same instant. */
    private static List<double[]> millis(Run run, Run axis) {
      List<double[]> points = new ArrayList<>();
      double shift = axis.starts.get(0) - run.starts.get(0);
      double end = run.starts.get(run.starts.size() - 1);
      for (double t = run.starts.get(0); t + 1 <= end; t += 1) {
        List<OpenLoad.Answer> second = run.let(t, t + 1);
        if (!second.isEmpty()) {
          points.add(new double[] {t + 0.5 + shift, quantile(second)});
        }
      }
      return points;
    }

    private void line(List<double[]> points, String colour, double most, int top, int high) {
      StringBuilder path = new StringBuilder();
      for (double[] p : points) {
        path.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(p[0]), y(p[1], most, top, high)));
      }
      add(
          "<polyline points='%s' fill='none' stroke='%s' stroke-width='1.8'/>",
          path.toString().trim(), colour);
    }
  }
}
