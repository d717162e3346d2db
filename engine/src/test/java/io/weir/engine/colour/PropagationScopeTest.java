package io.weir.engine.colour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullAndEmptySource;
import org.junit.jupiter.params.provider.ValueSource;

class PropagationScopeTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "payment",
        "localhost",
        "payment.",
        "payment.default.svc",
        "payment.default.svc.cluster.local",
        "Payment.Shop.INTERNAL",
        "nas.home.arpa",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.0.9",
        "100.64.0.1",
        "::1",
        "fd00::7",
        "FE80::1"
      })
  void whatCannotBePublicGetsTheColour(String host) {
    assertThat(PropagationScope.INSIDE.includes(host)).isTrue();
  }

  @ParameterizedTest
  @NullAndEmptySource
  @ValueSource(
      strings = {
        "api.example.com",
        "10.evil.com",
        "127.0.0.1.example.com",
        "local.example.com",
        "notlocal.example",
        "8.8.8.8",
        "172.32.0.1",
        "172.15.0.1",
        "192.169.0.1",
        "100.128.0.1",
        "1010.0.0.1",
        "10x.0.0.1",
        "2001:db8::1",
        "::ffff:8.8.8.8"
      })
  void whatMayBeAStrangersDoesNot(String host) {
    assertThat(PropagationScope.INSIDE.includes(host)).isFalse();
  }

  @Test
  void aDomainThatIsNamedIsOursAndSoIsWhatIsBelowIt() {
    PropagationScope reach = PropagationScope.of("inside, *.example.com, shop.example.org");
    assertThat(reach.includes("example.com")).isTrue();
    assertThat(reach.includes("pay.EXAMPLE.com")).isTrue();
    assertThat(reach.includes("badexample.com")).isFalse();
    assertThat(reach.includes("example.org")).isFalse();
    assertThat(reach.includes("a.shop.example.org.")).isTrue();
    assertThat(reach.includes("payment")).isTrue();
  }

  @Test
  void allIsEverybody() {
    assertThat(PropagationScope.of("all").includes("api.example.com")).isTrue();
    assertThat(PropagationScope.of("all").includes(null)).isTrue();
  }

  @Test
  void whatIsNoDomainIsNamed() {
    assertThatThrownBy(() -> PropagationScope.of("example.com, https://pay.example.com"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("weir.colour.to")
        .hasMessageContaining("https://pay.example.com");
  }
}
