package io.weir.agent.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.agent.admin.Exposition;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.measure.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class CatalogTest {
  private static final Path PAGE =
      Path.of(System.getProperty("basedir", ".")).resolve("../docs/telemetry.md").normalize();
  private static final String OPEN = "<!-- generated:metrics -->\n";

  private final Engine engine = new Engine(EngineOptions.of("shop", () -> 0));
  private final Catalog catalog =
      new Catalog(engine, null, null, () -> 0, () -> 0, null, List::of, true, true);

  /** {@code -Dweir.docs.write=true} writes it anew. */
  @Test
  void everyMetricIsDocumented() throws IOException {
    StringBuilder s =
        new StringBuilder("| metric | kind | unit | attributes | what |\n|---|---|---|---|---|\n");
    for (Metric m : catalog.metrics()) {
      s.append("| `").append(m.name()).append("` | ");
      s.append(m.kind().name().toLowerCase()).append(" | ");
      s.append(m.unit().isEmpty() ? "" : "`" + m.unit() + "`").append(" | ");
      s.append(
          m.labels().stream().map(l -> "`" + l.name() + "`").collect(Collectors.joining(", ")));
      s.append(" | ").append(m.description()).append(" |\n");
    }
    String text = Files.readString(PAGE);
    int from = text.indexOf(OPEN) + OPEN.length();
    int to = text.indexOf("<!-- end -->", from);
    if (Boolean.getBoolean("weir.docs.write")) {
      Files.writeString(PAGE, text.substring(0, from) + s + text.substring(to));
      return;
    }
    assertThat(text.substring(from, to)).isEqualTo(s.toString());
  }

  @Test
  void noMetricIsLabelledByWhatCallersChoose() {
    assertThat(catalog.metrics())
        .allSatisfy(
            m ->
                assertThat(m.labels())
                    .noneMatch(l -> l.name().matches(".*(key|user|path|route|url|client).*")));
  }

  /** The names that dashboards and alerts were promised. */
  @Test
  void theSeedsNamesAreThere() {
    assertThat(catalog.metrics().stream().map(Metric::name))
        .contains(
            "circuit.breaker.state",
            "rate_limit.hit_count",
            "rate_limit.exceeded",
            "http.server.duration");
    assertThat(catalog.metrics().stream().map(Exposition::name).collect(Collectors.toList()))
        .contains(
            "circuit_breaker_state",
            "rate_limit_hit_count_total",
            "rate_limit_exceeded_total",
            "http_server_duration_milliseconds",
            "http_server_request_duration_seconds",
            "weir_rule_stale_seconds",
            "weir_fail_open_total")
        .doesNotHaveDuplicates();
  }

  @Test
  void boundariesRise() {
    for (Metric m : catalog.metrics()) {
      if (m.kind() == Metric.Kind.HISTOGRAM) {
        double[] sorted = m.boundaries().clone();
        Arrays.sort(sorted);
        assertThat(m.boundaries()).as(m.name()).containsExactly(sorted);
      }
    }
  }
}
