package io.weir.agent.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the configuration comes from, as far as no JVM is needed to tell. */
class ConfigTest {
  @TempDir Path besideJar;

  @Test
  void anEmptyServiceNameIsNoneAndTheNextOriginIsAsked() {
    Config c =
        load("service=", Map.of("OTEL_SERVICE_NAME", " ", "SPRING_APPLICATION_NAME", "shop"));
    assertThat(c.get(Key.SERVICE)).isEqualTo("shop");
    assertThat(c.origin("weir.service")).isEqualTo("environment SPRING_APPLICATION_NAME");
  }

  @Test
  void aServiceAlwaysHasAName() {
    assertThat(load("service=", Map.of()).get(Key.SERVICE)).isEqualTo("unknown-service");
    assertThat(load(null, Map.of("WEIR_SERVICE", "")).get(Key.SERVICE))
        .isEqualTo("unknown-service");
    assertThat(load("service= shop ", Map.of("WEIR_SERVICE", "other")).get(Key.SERVICE))
        .isEqualTo("shop");
  }

  private Config load(String options, Map<String, String> environment) {
    return Config.load(options, besideJar.toFile(), new Properties(), environment);
  }
}
