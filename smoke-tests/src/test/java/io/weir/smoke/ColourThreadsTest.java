package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The traffic colour follows work to whatever thread does it, and stays on none. */
class ColourThreadsTest {
  @ParameterizedTest(name = "JDK {0}")
  @ValueSource(ints = {17, 25})
  void everyWayToHandWorkOverKeepsItsColourAndLeaksNone(int version) {
    Jdk jdk = Jdk.want(version).orElse(null);
    if (jdk == null) {
      return;
    }
    String app = Apps.compile("threads", "", Map.of());
    Rules rules = new Rules().put("service/payment/route", "default: [{version: v1}]");
    try (Jvm jvm =
        Jvm.of(jdk, app, "Threads").weir("service=x;rules=" + rules.location()).launch()) {
      jvm.awaitStderr("the traffic colour follows work across threads");
      jvm.say("go");
      assertThat(jvm.awaitExit()).as(jvm.told()).isZero();
      long ways = 0;
      for (String line : jvm.stdout()) {
        if (line.contains(" coloured=")) {
          ways++;
          assertThat(line).as(jvm.told()).endsWith(" coloured=1 plain=-");
        }
      }
      assertThat(ways).as(jvm.told()).isEqualTo(version < 21 ? 17 : 20);
      assertThat(jvm.stdout()).contains("repeated [-, -, -]", "identity true");
    }
  }

  /** On Spring Boot's own executor: a pool on JDK 17, virtual threads where they are asked for. */
  @ParameterizedTest(name = "JDK {0}")
  @ValueSource(ints = {17, 25})
  void springsAsyncKeepsTheColour(int version) {
    Jdk jdk = Jdk.want(version).orElse(null);
    if (jdk == null) {
      return;
    }
    String jars = Maven.resolve("org.springframework.boot:spring-boot-starter:3.5.16");
    String app = Apps.compile(List.of("threads", "threads-spring"), jars, Map.of());
    Rules rules = new Rules().put("service/payment/route", "default: [{version: v1}]");
    try (Jvm jvm =
        Jvm.of(jdk, Apps.with(app, jars), "SpringThreads")
            .weir("service=x;rules=" + rules.location())
            .arguments(String.valueOf(version >= 21))
            .launch()) {
      jvm.awaitStderr("the traffic colour follows work across threads");
      jvm.say("go");
      assertThat(jvm.awaitExit()).as(jvm.told()).isZero();
      assertThat(jvm.stdout()).as(jvm.told()).contains("springAsync coloured=1 plain=-");
    }
  }

  @ParameterizedTest(name = "JDK {0}")
  @ValueSource(ints = {17})
  void withoutRoutingRulesTheJdkIsNotTouched(int version) {
    Jdk jdk = Jdk.want(version).orElseThrow();
    String app = Apps.compile("threads", "", Map.of());
    Rules rules = new Rules().put("service/x/rate-limit", "{\"qps\": 5}");
    try (Jvm jvm =
        Jvm.of(jdk, app, "Threads").weir("service=x;rules=" + rules.location()).launch()) {
      jvm.awaitStderr("connected to");
      jvm.say("go");
      assertThat(jvm.awaitExit()).as(jvm.told()).isZero();
      assertThat(jvm.stdout()).contains("submit coloured=- plain=-");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("across threads"));
    }
  }
}
