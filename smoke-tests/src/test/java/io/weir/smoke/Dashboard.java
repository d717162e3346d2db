package io.weir.smoke;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A Grafana dashboard, as far as it can be looked at without Grafana. */
final class Dashboard {
  /** What one query of a panel asks. */
  record Target(String ref, String expression, String legend) {}

  /** One panel; a row is one, too. */
  record Panel(String type, String title, List<Target> targets, JsonNode json) {}

  final JsonNode json;
  final List<Panel> panels = new ArrayList<>();

  private Dashboard(JsonNode json) {
    this.json = json;
    for (JsonNode p : json.get("panels")) {
      List<Target> targets = new ArrayList<>();
      for (JsonNode t : p.path("targets")) {
        targets.add(
            new Target(
                t.get("refId").asText(),
                t.get("expr").asText(),
                t.path("legendFormat").asText("")));
      }
      panels.add(new Panel(p.get("type").asText(), p.get("title").asText(), targets, p));
    }
  }

  static Dashboard read(Path file) {
    try {
      return new Dashboard(new ObjectMapper().readTree(file.toFile()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An expression as Grafana would send it, with nothing chosen. */
  static String sent(String expression, String rateInterval, String interval, String range) {
    String sent = expression;
    for (Map.Entry<String, String> v :
        List.of(
            Map.entry("$__rate_interval", rateInterval),
            Map.entry("$__interval", interval),
            Map.entry("$__range", range),
            Map.entry("$service", ".*"),
            Map.entry("$rule", ".*"),
            Map.entry("$instance", ".*"))) {
      sent = sent.replace(v.getKey(), v.getValue());
    }
    if (sent.contains("$")) {
      throw new AssertionError("a variable nobody knows: " + sent);
    }
    return sent;
  }
}
