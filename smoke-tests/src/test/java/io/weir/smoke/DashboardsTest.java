package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.weir.smoke.Dashboard.Panel;
import io.weir.smoke.Dashboard.Target;
import io.weir.smoke.Prometheus.Series;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What {@code dashboards export} writes is what a real Prometheus understands and a governed fleet
 * answers.
 */
class DashboardsTest {
  private static final Duration SOON = Duration.ofSeconds(120);

  /** {@code dashboards export} into a fresh directory. */
  static Path export() {
    Path home = Work.fresh("dashboards");
    new Cli(home).run("dashboards", "export", "out").exits(0);
    return home.resolve("out");
  }

  @Test
  void promtoolAcceptsWhatIsShippedAndTheAlertsFireWhenTheyShould() throws IOException {
    Path out = export();
    assertThat(Prometheus.promtool(out, "check", "config", "prometheus.yml"))
        .contains("prometheus.yml is valid", "rules found");
    assertThat(Prometheus.promtool(out, "check", "rules", "weir-alerts.yml")).contains("SUCCESS");
    Files.copy(Path.of("src/test/resources/weir-alerts-test.yml"), out.resolve("test.yml"));
    assertThat(Prometheus.promtool(out, "test", "rules", "test.yml")).contains("SUCCESS");

    Set<String> tested = names("alertname: *(\\w+)", out.resolve("test.yml"));
    assertThat(names("alert: *(\\w+)", out.resolve("weir-alerts.yml"))).isEqualTo(tested);
  }

  @Test
  void whatWasChangedByHandIsNotOverwritten() throws IOException {
    Path out = export();
    Cli weir = new Cli(out.getParent());
    weir.run("dashboards", "export", "out").exits(0);
    Files.writeString(out.resolve("weir-alerts.yml"), "groups: []\n");
    assertThat(weir.run("dashboards", "export", "out").exits(5).err())
        .contains("WEIR2204", "weir-alerts.yml", "--force");
    assertThat(out.resolve("weir-alerts.yml")).hasContent("groups: []\n");
    weir.run("dashboards", "export", "out", "--force").exits(0);
    assertThat(out.resolve("weir-alerts.yml")).content().contains("WeirFailOpen");
  }

  @Test
  void everyPanelShowsDataOfAGovernedFleetAndEveryAlertIsEvaluated() {
    try (DashboardRig rig = new DashboardRig(export(), "500ms", 240)) {
      Prometheus prometheus = rig.prometheus;
      Dashboard dashboard = Dashboard.read(rig.exported.resolve("weir-dashboard.json"));
      rig.payment("broken");

      Map<String, String> waiting = new LinkedHashMap<>();
      for (Panel p : dashboard.panels) {
        assertThat(p.targets().isEmpty()).as(p.title()).isEqualTo(p.type().equals("row"));
        for (Target t : p.targets()) {
          waiting.put(p.title() + " " + t.ref(), Dashboard.sent(t.expression(), "4s", "4s", "1m"));
        }
      }
      assertThat(waiting).hasSizeGreaterThan(30);
      Await.until(
          SOON,
          () -> {
            waiting.values().removeIf(e -> prometheus.now(e).stream().anyMatch(s -> finite(s)));
            return waiting.isEmpty();
          },
          () -> "no data for " + waiting + "\n" + rig.told());
      Await.until(
          SOON,
          () -> value(dashboard, prometheus, "Breakers not closed") == 1,
          () -> "the breaker does not open\n" + rig.told());
      assertThat(value(dashboard, prometheus, "Instances")).isEqualTo(2);
      assertThat(value(dashboard, prometheus, "Failed open")).isZero();

      for (JsonNode v : dashboard.json.get("templating").get("list")) {
        if (v.get("type").asText().equals("query")) {
          Matcher m =
              Pattern.compile("label_values\\((.*), (\\w+)\\)")
                  .matcher(v.get("definition").asText());
          assertThat(m.matches()).isTrue();
          Set<String> values = new TreeSet<>();
          prometheus
              .api("label/" + m.group(2) + "/values?match[]=" + Prometheus.encoded(m.group(1)))
              .forEach(n -> values.add(n.asText()));
          assertThat(values)
              .contains(
                  switch (m.group(2)) {
                    case "service" -> new String[] {"shop", "payment"};
                    case "rule" -> new String[] {"all", "per-user", "trial", "default"};
                    default -> new String[] {"shop-1:8080", "shop-2:8080"};
                  });
        }
      }

      Await.until(
          SOON,
          () -> states(prometheus).containsValue("pending"),
          () -> "no alert sees the open breaker: " + states(prometheus));
      assertThat(states(prometheus))
          .hasSizeGreaterThan(5)
          .containsEntry("WeirBreakerOpen", "pending")
          .containsEntry("WeirFailOpen", "inactive")
          .containsEntry("WeirStoreUnreachable", "inactive");
    }
  }

  /** Every alert's state in this Prometheus, which must have evaluated it without an error. */
  private static Map<String, String> states(Prometheus prometheus) {
    Map<String, String> states = new LinkedHashMap<>();
    for (JsonNode rule : prometheus.api("rules").get("groups").get(0).get("rules")) {
      assertThat(rule.path("lastError").asText()).as("%s", rule).isEmpty();
      assertThat(rule.get("health").asText()).as("%s", rule).isIn("ok", "unknown");
      states.put(rule.get("name").asText(), rule.get("state").asText());
    }
    return states;
  }

  private static double value(Dashboard dashboard, Prometheus prometheus, String stat) {
    Panel panel =
        dashboard.panels.stream().filter(p -> p.title().equals(stat)).findFirst().orElseThrow();
    String e = panel.targets().get(0).expression();
    return prometheus.now(Dashboard.sent(e, "4s", "4s", "1m")).get(0).last();
  }

  private static boolean finite(Series s) {
    return !s.values().isEmpty() && Double.isFinite(s.last());
  }

  private static Set<String> names(String pattern, Path file) throws IOException {
    Set<String> found = new LinkedHashSet<>();
    Matcher m = Pattern.compile(pattern).matcher(Files.readString(file));
    while (m.find()) {
      found.add(m.group(1));
    }
    return new TreeSet<>(new ArrayList<>(found));
  }
}
