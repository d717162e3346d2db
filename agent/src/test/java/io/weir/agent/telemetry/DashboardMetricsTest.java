package io.weir.agent.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.agent.admin.Exposition;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.measure.Metric;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The dashboard and the alerts that are shipped ask for metrics and labels that there are. */
class DashboardMetricsTest {
  private static final Pattern LABELS = Pattern.compile("\\b(?:by|on) \\(([^)]*)\\)");
  private static final Pattern SELECTOR = Pattern.compile("([a-z_]*)\\{([^}]*)\\}");
  private static final Pattern NAME = Pattern.compile("(?<![$\\w])[a-z]\\w*(?!\\w|\\s*\\()");
  private static final Set<String> WORDS =
      Set.of("by", "or", "and", "on", "unless", "offset", "bool", "sum", "max", "min", "count");

  /** By the name on the Prometheus page: the labels there. */
  private static final Map<String, Set<String>> METRICS = metrics();

  private static Map<String, Set<String>> metrics() {
    Map<String, Set<String>> all = new HashMap<>();
    Catalog catalog =
        new Catalog(
            new Engine(EngineOptions.of("shop", () -> 0)),
            null,
            null,
            () -> 0,
            () -> 0,
            null,
            List::of,
            true,
            false);
    for (Metric m : catalog.metrics()) {
      Set<String> labels =
          m.labels().stream().map(l -> l.name().replace('.', '_')).collect(Collectors.toSet());
      labels.addAll(Set.of("job", "instance"));
      if (m.kind() == Metric.Kind.HISTOGRAM) {
        labels.add("le");
        all.put(Exposition.name(m) + "_bucket", labels);
      } else {
        all.put(Exposition.name(m), labels);
      }
    }
    return all;
  }

  @Test
  void everyQueryOfTheDashboardNamesWhatThereIs() throws IOException {
    Matcher query =
        Pattern.compile(
                "\"expr\": \"((?:[^\"\\\\]|\\\\.)*)\"(?:,\\s*\"legendFormat\": \"([^\"]*)\")?")
            .matcher(shipped("weir-dashboard.json"));
    int n = 0;
    for (; query.find(); n++) {
      String expression = query.group(1).replace("\\\"", "\"");
      Set<String> kept = check(expression);
      Matcher shown = Pattern.compile("\\{\\{(\\w+)}}").matcher("" + query.group(2));
      while (shown.find()) {
        assertThat(kept).as(expression).contains(shown.group(1));
      }
    }
    assertThat(n).isGreaterThan(30);
  }

  @Test
  void everyVariableOfTheDashboardNamesWhatThereIs() throws IOException {
    Matcher values =
        Pattern.compile("label_values\\((?:\\{__name__=~\\\\\"([\\w|]+)\\\\\"}|(\\w+)), (\\w+)\\)")
            .matcher(shipped("weir-dashboard.json"));
    int n = 0;
    for (; values.find(); n++) {
      for (String metric : (values.group(1) + values.group(2)).replace("null", "").split("\\|")) {
        assertThat(METRICS).containsKey(metric);
        assertThat(METRICS.get(metric)).contains(values.group(3));
      }
    }
    assertThat(n).isEqualTo(6); // three, each told twice
  }

  @Test
  void everyAlertNamesWhatThereIs() throws IOException {
    Matcher alert =
        Pattern.compile("(?m)^ +expr: (?:\\|\\n((?: {10,}.*\\n)+)|(.*))")
            .matcher(shipped("weir-alerts.yml"));
    int n = 0;
    for (; alert.find(); n++) {
      check(alert.group(1) == null ? alert.group(2) : alert.group(1));
    }
    assertThat(n).isGreaterThan(5);
  }

  /** Returns the labels its answer has. */
  private static Set<String> check(String expression) {
    Set<String> grouped = new TreeSet<>();
    Matcher by = LABELS.matcher(expression);
    while (by.find()) {
      grouped.addAll(Arrays.asList(by.group(1).split(",\\s*")));
    }
    Matcher selector = SELECTOR.matcher(expression);
    while (selector.find()) {
      assertThat(METRICS).as(expression).containsKey(selector.group(1));
      for (String one : selector.group(2).split(",")) {
        assertThat(METRICS.get(selector.group(1)))
            .as(expression)
            .contains(one.replaceAll("[=!].*", ""));
      }
    }
    List<String> named = new ArrayList<>();
    Matcher name =
        NAME.matcher(LABELS.matcher(expression).replaceAll("").replaceAll("\\{[^}]*}", ""));
    while (name.find()) {
      if (!WORDS.contains(name.group())) {
        named.add(name.group());
      }
    }
    assertThat(named).as(expression).isNotEmpty();
    for (String metric : named) {
      assertThat(METRICS).as(expression).containsKey(metric);
      assertThat(METRICS.get(metric)).as(expression).containsAll(grouped);
    }
    return grouped;
  }

  private static String shipped(String name) throws IOException {
    try (InputStream in = DashboardMetricsTest.class.getResourceAsStream("/dashboards/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
