package io.weir.benchmarks;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs one area's benchmarks, peers and ours in one go, and prints what they took beside what was
 * promised.
 *
 * <p>What is printed is CPU time ({@link CpuProfiler}): the median and the lower quartile of many
 * short iterations, promises being judged by the median. The machine is shared, and time on the
 * clock says most about who else is on it; ratios of CPU time within one run repeat. Rows with
 * {@code 2 x} are two threads on one bucket, by the clock.
 *
 * <p>{@code benchmarks/run AREA [--short]}; an area is a package below this one. What an area
 * promises stands in {@link #PROMISES}.
 */
public final class Run {
  /**
   * ours / theirs must be at most this; ours itself, when theirs is empty; what ours allocates,
   * when theirs is null.
   */
  private record Promise(String what, String ours, String theirs, double atMost) {}

  private static final double[] ONE = {1};
  private static final Map<String, List<Promise>> PROMISES = new LinkedHashMap<>();

  static {
    PROMISES.put(
        "limit",
        Arrays.asList(
            new Promise("admit, against the floor", "Admit.weir", "Admit.floor", 1.5),
            new Promise("admit, against resilience4j", "Admit.weir", "Admit.resilience4j", 1.5),
            new Promise("refuse, against admit", "Refuse.weir", "Admit.weir", 1.2),
            new Promise("keyed, 3 x Bucket4j", "Keyed.weir", "Keyed.bucket4jCaffeine", 1 / 3.0),
            new Promise(
                "keyed, new strings, 3 x Bucket4j",
                "Keyed.weirNewString",
                "Keyed.bucket4jCaffeineNewString",
                1 / 3.0),
            new Promise("admit allocates", "Admit.weir", null, 0),
            new Promise("refuse allocates", "Refuse.weir", null, 0),
            new Promise("keyed allocates", "Keyed.weir", null, 0),
            new Promise(
                "two threads, against resilience4j",
                "2 x Admit.weir",
                "2 x Admit.resilience4j",
                1.5),
            new Promise("edited 1000 times a second", "2 x Edited.weir", "2 x Admit.weir", 1.5)));
    PROMISES.put(
        "tasks",
        Arrays.asList(
            new Promise("a task without colour allocates itself", "Task.without", null, 24)));
    PROMISES.put(
        "whole",
        Arrays.asList(
            new Promise("against the floor", "Whole.weir", "Whole.floor", 1.5),
            new Promise("8 x Sentinel", "Whole.weir", "Whole.sentinel", 1 / 8.0),
            new Promise("against resilience4j", "Whole.weir", "Whole.resilience4j", 1),
            new Promise("allocates", "Whole.weir", null, 0),
            new Promise("keyed allocates", "Whole.weirKeyed", null, 0)));
    PROMISES.put(
        "servlet",
        Arrays.asList(
            new Promise("a woven place without rules, ns", "Place.woven 0", "", 30),
            new Promise("without rules allocates", "Place.woven 0", null, 0)));
    PROMISES.put(
        "measure",
        Arrays.asList(
            new Promise("measuring allocates", "Measure.inboundMeasured", null, 1),
            new Promise(
                "keeping a decision allocates", "Measure.outboundMeasuredAndKept", null, 0)));
    PROMISES.put(
        "breaker",
        Arrays.asList(
            new Promise(
                "count window, against resilience4j",
                "Pass.weirCount",
                "Pass.resilience4jCount",
                1),
            new Promise(
                "time window, against resilience4j", "Pass.weirTime", "Pass.resilience4jTime", 1.5),
            new Promise("count window, 8 x Sentinel", "Pass.weirCount", "Pass.sentinel", 1 / 8.0),
            new Promise("refusal, against a pass", "Open.weir", "Pass.weirCount", 1.2),
            new Promise("refusal, against resilience4j", "Open.weir", "Open.resilience4j", 1),
            new Promise("count window allocates", "Pass.weirCount", null, 0),
            new Promise("time window allocates", "Pass.weirTime", null, 0),
            new Promise("refusal allocates", "Open.weir", null, 1),
            new Promise("counting an inbound outcome allocates", "Signals.counted", null, 0)));
    PROMISES.put(
        "route",
        Arrays.asList(
            new Promise(
                "20 rows, 100 instances, 20 x gRPC xDS", "Route.weir 100", "Route.xds 100", 0.05),
            new Promise(
                "20 rows, 100 instances, 10 x Spring",
                "Route.weir 100",
                "Route.springCloud 100",
                0.1),
            new Promise("1000 instances against 100", "Route.weir 1000", "Route.weir 100", 1.25),
            new Promise(
                "10 000 other services against 1", "Services.weir 10000", "Services.weir 1", 1.25),
            new Promise(
                "rendezvous, 1000 instances against 100",
                "Route.weirRendezvous 1000",
                "Route.weirRendezvous 100",
                1.5),
            new Promise("allocates", "Route.weir 100", null, 0),
            new Promise("sticky allocates", "Route.weirSticky 100", null, 0),
            new Promise("rendezvous allocates", "Route.weirRendezvous 1000", null, 0)));
    PROMISES.put(
        "grpc",
        Arrays.asList(
            new Promise("a client without rules allocates", "Client.withoutRules", null, 1),
            new Promise("a server without rules allocates", "Server.withoutRules", null, 1)));
    PROMISES.put(
        "okhttp",
        Arrays.asList(
            // OkHttp's own part is 720
            new Promise("a call without rules allocates", "Call.withoutRules", null, 850)));
  }

  private Run() {}

  public static void main(String[] args) throws Exception {
    List<String> words = new ArrayList<>(Arrays.asList(args));
    boolean quick = words.remove("--short");
    // "limiter" will do for the package "limit"
    String area =
        PROMISES.keySet().stream()
            .filter(a -> !words.isEmpty() && words.get(0).startsWith(a))
            .findFirst()
            .orElse(null);
    if (area == null) {
      System.err.println(
          "usage: benchmarks/run AREA [--short] [REGEX], AREA one of " + PROMISES.keySet());
      System.exit(2);
    }
    String only = words.size() > 1 ? words.get(1) : "";
    String include = "io\\.weir\\.benchmarks\\." + area + "\\..*" + only;
    Map<String, double[]> results = new TreeMap<>();
    run(results, include, quick);
    if (area.equals("limit") && only.isEmpty()) {
      contended(results, quick);
    }
    print(area, results);
  }

  private static void run(Map<String, double[]> results, String include, boolean quick)
      throws Exception {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(include)
            .forks(quick ? 1 : 3)
            .warmupIterations(quick ? 4 : 10)
            .warmupTime(TimeValue.milliseconds(150))
            .measurementIterations(quick ? 10 : 25)
            .measurementTime(TimeValue.milliseconds(100))
            .jvmArgs(
                "-Xms1g",
                "-Xmx1g",
                "-XX:+UseParallelGC",
                "-Dcsp.sentinel.log.dir=benchmarks/target/sentinel")
            .addProfiler(GCProfiler.class)
            .addProfiler(CpuProfiler.class)
            .verbosity(VerboseMode.SILENT);
    Collection<RunResult> all = new Runner(options.build()).run();
    for (RunResult r : all) {
      String[] path = r.getParams().getBenchmark().split("\\.");
      String name = path[path.length - 2].replace("Benchmark", "") + "." + path[path.length - 1];
      for (String key : r.getParams().getParamsKeys()) {
        name += " " + r.getParams().getParam(key);
      }
      Result<?> allocated = r.getSecondaryResults().get("gc.alloc.rate.norm");
      List<Double> iterations = new ArrayList<>();
      for (BenchmarkResult fork : r.getBenchmarkResults()) {
        for (IterationResult iteration : fork.getIterationResults()) {
          iterations.add(iteration.getSecondaryResults().get(CpuProfiler.LABEL).getScore());
        }
      }
      iterations.sort(null);
      results.put(
          name,
          new double[] {
            iterations.get(iterations.size() / 2),
            iterations.get(iterations.size() / 4),
            allocated == null ? Double.NaN : allocated.getScore()
          });
    }
  }

  /** Two threads on one bucket: JVM after JVM, all subjects in each; see {@code Contended}. */
  private static void contended(Map<String, double[]> results, boolean quick) throws Exception {
    Map<String, List<Double>> all = new TreeMap<>();
    for (int i = 0; i < (quick ? 3 : 9); i++) {
      Process p =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xms1g",
                  "-Xmx1g",
                  "-XX:+UseParallelGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  "io.weir.benchmarks.limit.Contended",
                  "10")
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      try (BufferedReader out = p.inputReader()) {
        for (String line; (line = out.readLine()) != null; ) {
          String[] words = line.split(" ");
          if (words[0].equals("contended")) {
            all.computeIfAbsent("2 x " + words[1], n -> new ArrayList<>())
                .add(Double.parseDouble(words[2]));
          }
        }
      }
      if (p.waitFor() != 0) {
        throw new IllegalStateException("two threads on one bucket: ended with " + p.exitValue());
      }
    }
    all.forEach(
        (name, jvms) -> {
          jvms.sort(null);
          results.put(
              name,
              new double[] {jvms.get(jvms.size() / 2), jvms.get(jvms.size() / 4), Double.NaN});
        });
  }

  private static void print(String area, Map<String, double[]> results) {
    System.out.printf("%n| %-34s | CPU ns/op | quartile | B/op |%n|---|---|---|---|%n", area);
    results.forEach(
        (name, r) ->
            System.out.printf(
                Locale.ROOT,
                "| %-34s | %.1f | %.1f | %s |%n",
                name,
                r[0],
                r[1],
                Double.isNaN(r[2]) ? "" : String.format(Locale.ROOT, "%.0f", r[2])));
    System.out.printf("%n| %-34s | measured | promised | |%n|---|---|---|---|%n", "promise");
    for (Promise p : PROMISES.get(area)) {
      double[] ours = results.get(p.ours());
      boolean bytes = p.theirs() == null;
      double[] theirs = bytes ? null : p.theirs().isEmpty() ? ONE : results.get(p.theirs());
      if (ours == null || !bytes && theirs == null) {
        continue;
      }
      double value = bytes ? Math.rint(ours[2] * 10) / 10 : ours[0] / theirs[0];
      System.out.printf(
          Locale.ROOT,
          "| %-34s | %.2f%s | <= %.2f | %s |%n",
          p.what(),
          value,
          bytes ? " B" : theirs == ONE ? " ns" : "",
          p.atMost(),
          value <= p.atMost() ? "kept" : "MISSED");
    }
  }
}
