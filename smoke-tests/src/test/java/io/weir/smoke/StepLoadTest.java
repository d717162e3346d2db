package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * The short form of {@link StepLoad}: that the loop acts on a real server, and tells. How well it
 * holds is shown on a clock of its own by the engine's {@code TunerTest}.
 */
class StepLoadTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @Test
  void theLoopLowersTheRateOfAnOverloadedServiceAndTells() {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl(
          "put",
          "/service/shop/rate-limit",
          "{\"qps\": 200, \"burst\": 5, \"auto\": {\"metric\": \"p99\", \"target\": 200,"
              + " \"min_qps\": 5, \"max_qps\": 400}}");
      String options = "service=shop;admin.port=0;etcd.endpoints=" + etcd.endpoint();
      try (Jvm jvm = StepLoad.service(options, 2, 100);
          OpenLoad load = new OpenLoad(jvm.port(), "/work")) {
        Await.until(PATIENCE, () -> Metrics.of(jvm).sum("weir_limit_auto_qps") == 200, jvm::told);
        // twice what two workers of 100 ms can do; tuning ends it
        load.rate(40);
        Await.until(PATIENCE, () -> Metrics.of(jvm).sum("weir_limit_auto_qps") < 40, jvm::told);
        assertThat(jvm.awaitStderr("auto: shop rate limit \"default\" qps 200 -> "))
            .contains(": p99 ")
            .contains(", target 200");
        Await.until(
            PATIENCE,
            () ->
                etcd.ctl("get", "--prefix", "--print-value-only", "/weir/status/shop/")
                    .matches("(?s).*\"auto\":\\[\\{\"service\":\"shop\".*\"steps\":[1-9].*"),
            jvm::told);
        assertThat(Metrics.of(jvm).page("/rules")).contains("\"auto\":[{\"service\":\"shop\"");
        // an edit keeps what was tuned
        double tuned = Metrics.of(jvm).sum("weir_limit_auto_qps");
        load.rate(0);
        etcd.ctl(
            "put",
            "/service/shop/rate-limit",
            "{\"qps\": 300, \"burst\": 5, \"auto\": {\"metric\": \"p99\", \"target\": 100000,"
                + " \"min_qps\": 5, \"max_qps\": 400}}");
        Await.until(
            PATIENCE,
            () -> Metrics.of(jvm).page("/rules").contains("\"target\":100000"),
            jvm::told);
        assertThat(Metrics.of(jvm).sum("weir_limit_auto_qps")).isBetween(5.0, 60.0);
        assertThat(tuned).isBetween(5.0, 40.0);
      }
    }
  }
}
