package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.smoke.Matrix.Cell;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A paced call that cannot get a thread when its time has come. */
class PacedCallbackTest {
  private Jvm jvm;

  /** One cell per implementation of {@code AsyncCall}; what happens does not depend on the JDK. */
  static List<Cell> cells() {
    return Matrix.cells("okhttp").stream().filter(c -> c.jdk().version() == 17).toList();
  }

  @AfterEach
  void stop() {
    if (jvm != null) {
      jvm.close();
    }
  }

  @ParameterizedTest
  @MethodSource("cells")
  void aCallbackIsCalledExactlyOnceWhateverTheExecutorDoes(Cell cell) {
    String jars = cell.classpath();
    String app = Apps.compile("okhttp-paced", jars, Map.of());
    Rules rules =
        new Rules()
            .put(
                "service/paced/rate-limit",
                "{\"side\": \"client\", \"qps\": 2000, \"burst\": 1, \"max_wait_ms\": 60000}");
    jvm =
        Jvm.of(cell.jdk(), Apps.with(app, jars), "PacedCalls")
            .weir("service=shop;rules=" + rules.location())
            .start();
    jvm.awaitStderr("connected to");
    jvm.say("go");
    assertThat(jvm.awaitExit()).as(jvm.told()).isZero();
    List<String> told = jvm.stdout().stream().filter(l -> l.contains(" calls=")).toList();
    assertThat(told).as(jvm.told()).hasSize(8);
    for (String line : told) {
      assertThat(line)
          .as(jvm.told())
          .contains(" calls=200 never=0 once=200 more=0 ")
          .endsWith(" running=0");
    }
    assertThat(told.get(0)).as("executors that do their work").contains(" failed=0 ");
  }
}
