package io.weir.engine.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServiceAddressesTest {
  @Test
  void withoutAMappingTheHostIsTheService() {
    assertThat(ServiceAddresses.of(Map.of())).isSameAs(ServiceAddresses.NONE);
    assertThat(ServiceAddresses.NONE.service("pay", 80)).isEqualTo("pay");
    assertThat(ServiceAddresses.NONE.service(null, 80)).isNull();
  }

  @Test
  void aPortThatIsNamedGoesBeforeAHostForEveryPort() {
    ServiceAddresses t = ServiceAddresses.of(Map.of("pay", "HOST", "stock", "host:1, other:65535"));
    assertThat(t.service("host", 1)).isEqualTo("stock");
    assertThat(t.service("host", 2)).isEqualTo("pay");
    assertThat(t.service("other", 65535)).isEqualTo("stock");
    assertThat(t.service("other", 1)).as("another port").isEqualTo("other");
    assertThat(t.service("elsewhere", 1)).isEqualTo("elsewhere");
    assertThat(t.service(null, 1)).isNull();
  }

  @Test
  void addressesOfVersionSixStandInBrackets() {
    ServiceAddresses t = ServiceAddresses.of(Map.of("pay", "[::1]:80,[fd00::7]"));
    assertThat(t.service("[::1]", 80)).isEqualTo("pay");
    assertThat(t.service("[::1]", 81)).isEqualTo("[::1]");
    assertThat(t.service("[fd00::7]", 81)).isEqualTo("pay");
  }

  @ParameterizedTest
  @ValueSource(strings = {"h:0", "h:-1", "h:65536", "h:x", "h:", ":80", "a:1, h:99999999999"})
  void whatIsNoAddressIsNamed(String addresses) {
    assertThatThrownBy(() -> ServiceAddresses.of(Map.of("pay", addresses)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "weir.services.pay: '"
                + addresses.substring(addresses.indexOf(' ') + 1)
                + "' is not host:port with a port of 1 to 65535");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a:1, ,b:2"})
  void anEmptyAddressIsNamed(String addresses) {
    assertThatThrownBy(() -> ServiceAddresses.of(Map.of("pay", addresses)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("weir.services.pay: an address is empty, expected host:port");
  }
}
