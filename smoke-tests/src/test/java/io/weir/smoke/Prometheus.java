package io.weir.smoke;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A real Prometheus of the test's own on a free loopback port, and its {@code promtool}: those on
 * the PATH, else the test fails and says so. It dies with {@link #close} or with the test's JVM.
 */
final class Prometheus implements AutoCloseable {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final ObjectMapper JSON = new ObjectMapper();

  /** One line of an answer: its labels, and its values by the second. */
  record Series(Map<String, String> labels, TreeMap<Double, Double> values) {
    double last() {
      return values.lastEntry().getValue();
    }
  }

  private final Path directory;
  private final Process process;
  private final Thread reaper;
  private final int port;

  private Prometheus(Path directory, Process process, int port) {
    this.directory = directory;
    this.process = process;
    this.port = port;
    reaper = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(reaper);
  }

  /**
   * Starts one.
   *
   * @param config its configuration; what it stores goes beside it
   */
  static Prometheus start(Path config) {
    Path directory = config.getParent();
    try {
      int port;
      try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = s.getLocalPort();
      }
      Process p =
          new ProcessBuilder(
                  onPath("prometheus"),
                  "--config.file=" + config,
                  "--storage.tsdb.path=" + directory.resolve("data"),
                  "--web.listen-address=127.0.0.1:" + port,
                  "--log.level=warn")
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("prometheus.log").toFile())
              .start();
      Prometheus prometheus = new Prometheus(directory, p, port);
      Await.until(
          Duration.ofSeconds(30),
          () -> prometheus.fetch("/-/ready").contains("eady"),
          prometheus::told);
      return prometheus;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What {@code promtool} says; fails when it ends with anything but 0. */
  static String promtool(Path directory, String... arguments) {
    try {
      List<String> command = new ArrayList<>(List.of(onPath("promtool")));
      command.addAll(List.of(arguments));
      Process p =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .start();
      p.getOutputStream().close();
      String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!p.waitFor(60, TimeUnit.SECONDS) || p.exitValue() != 0) {
        throw new AssertionError(command + "\n" + said);
      }
      return said;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String onPath(String name) {
    for (String d : System.getenv("PATH").split(File.pathSeparator)) {
      if (new File(d, name).canExecute()) {
        return new File(d, name).getPath();
      }
    }
    throw new AssertionError(
        "no "
            + name
            + " on the PATH: install the distribution's package prometheus (./verify does)");
  }

  /** The value of each line now. */
  List<Series> now(String expression) {
    return series(api("query?query=" + encoded(expression)));
  }

  /** Values over a time, in seconds since 1970. */
  List<Series> range(String expression, double from, double to, double step) {
    return series(
        api(
            "query_range?query="
                + encoded(expression)
                + "&start="
                + from
                + "&end="
                + to
                + "&step="
                + step));
  }

  /** What a path below {@code /api/v1/} answers; fails, with Prometheus's word, on an error. */
  JsonNode api(String path) {
    try {
      JsonNode answer = JSON.readTree(fetch("/api/v1/" + path));
      if (!answer.path("status").asText().equals("success")) {
        throw new AssertionError(path + "\n" + answer.path("error").asText());
      }
      return answer.get("data");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static List<Series> series(JsonNode data) {
    List<Series> all = new ArrayList<>();
    for (JsonNode one : data.get("result")) {
      Map<String, String> labels = new TreeMap<>();
      one.get("metric")
          .fields()
          .forEachRemaining(l -> labels.put(l.getKey(), l.getValue().asText()));
      TreeMap<Double, Double> values = new TreeMap<>();
      List<JsonNode> points = new ArrayList<>();
      if (one.has("value")) {
        points.add(one.get("value"));
      } else {
        one.get("values").forEach(points::add);
      }
      points.forEach(p -> values.put(p.get(0).asDouble(), number(p.get(1).asText())));
      all.add(new Series(labels, values));
    }
    return all;
  }

  private static double number(String text) {
    return Double.parseDouble(text.replace("Inf", "Infinity"));
  }

  private String fetch(String path) throws IOException {
    try {
      return HTTP.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
              BodyHandlers.ofString())
          .body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private String told() {
    try {
      return Files.readString(directory.resolve("prometheus.log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().removeShutdownHook(reaper);
  }
}
