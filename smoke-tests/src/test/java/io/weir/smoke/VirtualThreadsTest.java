package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Paced calls on virtual threads, in and out, with two carriers for all of them: a waiting one
 * holds none.
 */
class VirtualThreadsTest {
  /** Of n calls one passes, n / 2 wait (for minutes), and the others are refused. */
  private static String rule(int n, String more) {
    return "{\"qps\": 0.1, \"burst\": 1, \"max_wait_ms\": " + n / 2 * 10_000 + more + "}";
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"scheduled", "on its thread"})
  void pacedCallsWaitAllAtOnceAndPinNoCarrier(String how) throws Exception {
    List<Matrix.Cell> tomcat =
        Matrix.cells("servlet").stream()
            .filter(c -> c.toString().equals("tomcat-11.0 on JDK 25"))
            .toList();
    if (tomcat.isEmpty()) {
      return; // said by Matrix
    }
    String jars =
        tomcat.get(0).classpath()
            + File.pathSeparator
            + Matrix.cells("okhttp").stream()
                .filter(c -> c.toString().equals("okhttp-5.5 on JDK 25"))
                .findFirst()
                .orElseThrow()
                .classpath();
    String app =
        Apps.compile(
            List.of("virtual", "servlet"), jars, Map.of("javax.servlet", "jakarta.servlet"));
    Rules rules =
        new Rules()
            .put("service/shop/rate-limit/in", rule(40, ", \"match\": \"path == '/hello'\""))
            .put("service/127.0.0.1/rate-limit/out", rule(100, ", \"side\": \"client\""))
            .put("service/localhost/rate-limit/out", rule(10, ", \"side\": \"client\""))
            .put(
                "service/shop/rate-limit/warm",
                "{\"qps\": 20, \"burst\": 1, \"max_wait_ms\": 5000, \"match\": \"path =="
                    + " '/session'\"}");
    try (Jvm jvm =
        Jvm.of(tomcat.get(0).jdk(), Apps.with(app, jars), "VirtualMain")
            .arguments(how.equals("scheduled") ? new String[0] : new String[] {"valve"})
            .options(
                "-Djdk.virtualThreadScheduler.parallelism=2",
                "-Djdk.virtualThreadScheduler.maxPoolSize=2")
            .weir("service=shop;rules=" + rules.location())
            .start()) {
      rules.awaitInForce("shop", jvm, "/plain");
      // a class that is being initialised pins whoever waits for it, ours as anybody's: once
      for (int i = 0; i < 3; i++) {
        try (Raw http = new Raw(jvm.port())) {
          assertThat(http.get("/session").status()).isEqualTo(200);
        }
      }
      jvm.say("call http://localhost:" + jvm.port() + "/plain 10");
      jvm.awaitStdout("called ok=1 refused=4 waiting=5 cancelled=5");
      jvm.say("record");
      jvm.awaitStdout("recording");
      List<Integer> answers = new CopyOnWriteArrayList<>();
      List<Raw> connections = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        Raw http = new Raw(jvm.port());
        connections.add(http);
        http.send("GET", "/hello", null);
        Thread t =
            new Thread(
                () -> {
                  try {
                    answers.add(http.answer("GET").status());
                  } catch (Exception waitsStill) {
                    // closed below
                  }
                });
        t.setDaemon(true);
        t.start();
      }
      Await.until(
          java.time.Duration.ofSeconds(30), () -> answers.size() >= 20, () -> answers.toString());
      assertThat(answers).as("the others wait").hasSize(20).containsOnlyOnce(200).contains(429);

      jvm.say("call http://127.0.0.1:" + jvm.port() + "/plain 100");
      jvm.awaitStdout("called ok=1 refused=49 waiting=50 cancelled=50");
      jvm.say("end");
      assertThat(jvm.awaitStdout("pinned ")).as(jvm.told()).endsWith("by us 0");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
      for (Raw http : connections) {
        http.close();
      }
    }
  }
}
