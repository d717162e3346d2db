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
    assertThat(c.get(PropertyKey.SERVICE)).isEqualTo("shop");
    assertThat(c.origin("weir.service")).isEqualTo("environment SPRING_APPLICATION_NAME");
  }

  @Test
  void aServiceAlwaysHasAName() {
    assertThat(load("service=", Map.of()).get(PropertyKey.SERVICE)).isEqualTo("unknown-service");
    assertThat(load(null, Map.of("WEIR_SERVICE", "")).get(PropertyKey.SERVICE))
        .isEqualTo("unknown-service");
    assertThat(load("service= shop ", Map.of("WEIR_SERVICE", "other")).get(PropertyKey.SERVICE))
        .isEqualTo("shop");
  }

  @Test
  void aNameThatNoKeyCanHoldIsRefusedByNameAndTheNextOriginIsAsked() {
    for (String bad : new String[] {"a/b", "a b", "/", ".", "..", "a\u0007b", "x".repeat(254)}) {
      Config c = load("service=" + bad, Map.of("OTEL_SERVICE_NAME", "shop"));
      assertThat(c.get(PropertyKey.SERVICE)).isEqualTo("shop");
      assertThat(c.warnings()).hasSize(1);
      assertThat(c.warnings().get(0))
          .startsWith("weir.service: '")
          .contains("(agent option)")
          .contains("letters, digits and . _ - ~ @ :")
          .doesNotContain("\u0007")
          .hasSizeLessThan(300);
      assertThat(load("service=" + bad, Map.of()).named()).isFalse();
    }
    assertThat(load("service=order-service", Map.of()).named()).isTrue();
  }

  @Test
  void anAddressIsCompletedOrRefused() {
    String[][] good = {
      {"10.0.0.7:8080", "10.0.0.7:8080"},
      {"10.0.0.7", "10.0.0.7"},
      {"shop-1.internal:80", "shop-1.internal:80"},
      {"[::1]:8080", "[::1]:8080"},
      {"::1", "[::1]"},
      {"2001:db8::1:8080", "[2001:db8::1:8080]"},
      {"[fe80::1%eth0]", "[fe80::1%eth0]"},
    };
    for (String[] g : good) {
      Config c = load("instance.address=" + g[0], Map.of());
      assertThat(c.get(PropertyKey.INSTANCE_ADDRESS)).isEqualTo(g[1]);
      assertThat(c.warnings()).isEmpty();
    }
    for (String bad :
        new String[] {
          ":8080",
          "h:0",
          "h:65536",
          "h:http",
          "h:",
          "a/b:1",
          "a b:1",
          "[::1",
          "[x]:1",
          "h:-1",
          "http://h:1",
          "[::1]8080",
          "h:80800"
        }) {
      Config c = load("instance.address=" + bad, Map.of());
      assertThat(c.get(PropertyKey.INSTANCE_ADDRESS)).as(bad).isNull();
      assertThat(c.warnings()).as(bad).hasSize(1);
      assertThat(c.warnings().get(0))
          .startsWith("weir.instance.address: '" + bad + "' (agent option) is not host:port");
    }
  }

  @Test
  void placesAndLabelsThatNoReaderTakesAreLeftOutAndSaid() {
    String odd = "a\u0001b";
    Config c =
        load(
            "region=cn-east-2;zone=" + odd + ";version=" + "v".repeat(254) + ";labels.team=blue",
            Map.of("WEIR_LABELS_BAD", "a" + odd));
    assertThat(c.get(PropertyKey.REGION)).isEqualTo("cn-east-2");
    assertThat(c.get(PropertyKey.ZONE)).isNull();
    assertThat(c.get(PropertyKey.VERSION)).isNull();
    assertThat(c.all(PropertyKey.LABELS)).isEqualTo(Map.of("team", "blue"));
    assertThat(c.warnings()).hasSize(3);
    assertThat(c.warnings())
        .anyMatch(w -> w.startsWith("weir.labels.bad: ") && w.contains("WEIR_LABELS_BAD"))
        .anyMatch(w -> w.startsWith("weir.zone: ") && w.contains("control character"))
        .anyMatch(w -> w.startsWith("weir.version: ") && w.contains("253"));
  }

  @Test
  void aCommaWhereASemicolonBelongsIsNoticedAndNoSecretIsTold() {
    Config c = load("region=a,zone=b;etcd.endpoints=http://a:1,http://b:2", Map.of());
    assertThat(c.warnings())
        .containsExactly(
            "agent option 1: ',zone=' is taken as a part of the value of weir.region; options are"
                + " separated by semicolons, write ';zone='");
    assertThat(load("service=a,region=b", Map.of()).warnings())
        .hasSize(2)
        .anyMatch(w -> w.contains("',region='"))
        .anyMatch(w -> w.contains("is no service name"));
    assertThat(load("etcd.password=x,region=y;colour.to=a.example,b.example", Map.of()).warnings())
        .isEmpty();
  }

  @Test
  void portsAreReadAndWhatIsNoneIsSaid() {
    Config c = load("register.ports=8080, 99999 ,8443;management.ports=9001", Map.of());
    assertThat(c.ports(PropertyKey.REGISTER_PORTS)).containsExactly(8080, 8443);
    assertThat(c.ports(PropertyKey.MANAGEMENT_PORTS)).containsExactly(9001);
    assertThat(c.warnings())
        .containsExactly(
            "weir.register.ports: '99999' (agent option) is no port of 1 to 65535 and is ignored");
  }

  private Config load(String options, Map<String, String> environment) {
    return Config.load(options, besideJar.toFile(), new Properties(), environment);
  }
}
