package io.weir.smoke;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** The admin endpoint of a JVM under the agent. */
final class Metrics {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private final String base;

  private Metrics(String base) {
    this.base = base;
  }

  static Metrics of(Jvm jvm) {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    return new Metrics(line.replaceAll(".*(http://127\\.0\\.0\\.1:\\d+).*", "$1"));
  }

  String page(String path) {
    try {
      return CLIENT
          .send(
              HttpRequest.newBuilder(URI.create(base + path)).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** All values of a metric together. */
  double sum(String name) {
    return page("/metrics")
        .lines()
        .filter(l -> l.startsWith(name + "{"))
        .mapToDouble(l -> Double.parseDouble(l.split("} ")[1]))
        .sum();
  }
}
