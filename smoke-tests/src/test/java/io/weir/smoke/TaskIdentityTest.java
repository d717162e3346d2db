package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An application's task is the same object wherever the application can see it. */
class TaskIdentityTest {
  @ParameterizedTest(name = "JDK {0}")
  @ValueSource(ints = {8, 11, 17, 21, 25})
  void aTaskStaysTheApplicationsOwnAndItsColourTravelsBesideIt(int version) {
    Jdk jdk = Jdk.want(version).orElse(null);
    if (jdk == null) {
      return;
    }
    String app = Apps.compile(8, List.of("threads-own"), "", Map.of());
    Rules rules = new Rules().put("service/payment/route", "default: [{version: v1}]");
    try (Jvm jvm =
        Jvm.of(jdk, app, "OwnTasks").weir("service=x;rules=" + rules.location()).start()) {
      jvm.awaitStderr("the traffic colour follows work across threads");
      jvm.say("go");
      assertThat(jvm.awaitExit()).as(jvm.told()).isZero();
      assertThat(jvm.stdout()).as(jvm.told()).hasSize(14);
      assertThat(jvm.stdout().subList(1, 14)).as(jvm.told()).allMatch(l -> l.endsWith(": ok"));
    }
  }
}
