package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A web application that others wrote and packed, as it comes from its own project. */
class StrangersWarTest {
  static final List<String> PATHS =
      List.of(
          "/app/version",
          "/app/read/java.lang:type=Runtime/SpecName",
          "/app/list/java.lang/type=Memory",
          "/app/read/no:such=bean",
          "/app/");

  static List<Matrix.Cell> cells() {
    return Matrix.cells("war").stream()
        .filter(c -> StrangersTest.wanted("war limited: " + c))
        .toList();
  }

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("cells")
  void warRunsUnchangedWithoutRulesAndWithPermissiveOnesAndIsLimitedByOne(Matrix.Cell cell)
      throws IOException {
    Rules rules = new Rules();
    try (Jvm plain = war(cell).start();
        Jvm governed = war(cell).weir("service=stranger;rules=" + rules.location()).start()) {
      same(governed, plain);
      rules
          .put("service/_all/rate-limit/permissive", "{\"qps\": 1000000, \"burst\": 1000000}")
          .awaitInForce("stranger", governed, "/app/version");
      same(governed, plain);

      rules
          .put(
              "service/stranger/rate-limit/two",
              "{\"qps\": 0.0001, \"burst\": 2, \"match\": \"!exists header:X-Weir-Probe\"}")
          .awaitInForce("stranger", governed, "/app/version");
      assertThat(answer(governed, "/app/version")).startsWith("200");
      assertThat(answer(governed, "/app/version")).startsWith("200");
      assertThat(answer(governed, "/app/version")).startsWith("429").contains("quota-exceeded");
    }
  }

  private static void same(Jvm governed, Jvm plain) throws IOException {
    for (String path : PATHS) {
      assertThat(answer(governed, path)).as(path).isEqualTo(answer(plain, path));
    }
  }

  /** The war in its container, without agent. */
  static Jvm.Builder war(Matrix.Cell cell) {
    String war = Maven.artifact(cell.coordinates().get(0)).getPath();
    String tomcat = Maven.resolve(cell.coordinates().get(1));
    String main = Apps.compile("war", tomcat, Map.of());
    return Jvm.of(cell.jdk(), Apps.with(main, tomcat), "WarMain").arguments(war);
  }

  /** What it answers, less what differs from run to run. */
  static String answer(Jvm jvm, String path) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      Raw.Answer a = http.get(path);
      return a.status()
          + " "
          + a.header("Content-Type")
          + "\n"
          + a.body()
              .replaceAll("\"(timestamp|stacktrace)\":(\\d+|\"[^\"]*\")|agentId\":\"[^\"]*", "");
    }
  }
}
