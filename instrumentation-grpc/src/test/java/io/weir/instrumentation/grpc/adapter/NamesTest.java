package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Metadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NamesTest {
  @ParameterizedTest
  @CsvSource({
    "stock, stock, -1",
    "stock:8080, stock, 8080",
    "user@stock:8080, stock, 8080",
    "user@stock, stock, -1",
    "10.0.0.7:1, 10.0.0.7, 1",
    "[::1]:8080, ::1, 8080",
    "[::1], ::1, -1",
    "stock:, stock, -1",
    "stock:http, stock, -1",
    "stock:99999999999, stock, -1",
    "stock:65536, stock, -1",
  })
  void anAuthorityIsHostAndPort(String authority, String host, int port) {
    assertThat(Names.host(authority)).isEqualTo(host);
    assertThat(Names.port(authority)).isEqualTo(port);
  }

  @Test
  void aBrokenOrAbsentAuthorityIsNoError() {
    assertThat(Names.host(null)).isNull();
    assertThat(Names.port(null)).isEqualTo(-1);
    assertThat(Names.host("[::1")).isEqualTo("[::1");
    assertThat(Names.host("")).isEmpty();
    assertThat(Names.host("a@")).isEmpty();
  }

  @Test
  void metadataIsReadByNameInAnyCaseAndTheFirstValueCounts() {
    Metadata m = new Metadata();
    m.put(Names.ascii("x-env"), "first");
    m.put(Names.ascii("x-env"), "second");
    assertThat(Names.first(m, "X-Env")).isEqualTo("first");
    assertThat(Names.first(m, "x-other")).isNull();
    Names.set(m, "X-ENV", "third");
    assertThat(m.getAll(Names.ascii("x-env"))).containsExactly("third");
  }

  @Test
  void binaryAndImpossibleNamesAreAbsent() {
    Metadata m = new Metadata();
    m.put(Metadata.Key.of("trace-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {1});
    assertThat(Names.first(m, "trace-bin")).isNull();
    assertThat(Names.first(m, "no such name")).isNull();
    assertThat(Names.first(m, "")).isNull();
    Names.set(m, "no such name", "x");
    Names.set(m, "other-bin", "x");
    assertThat(m.keys()).containsExactly("trace-bin");
  }

  @Test
  void aMethodIsAPathAndTheSameTextEachTime() {
    assertThat(Names.path("shop.Stock/Get")).isEqualTo("/shop.Stock/Get");
    assertThat(Names.path("shop.Stock/Get")).isSameAs(Names.path("shop.Stock/Get"));
  }
}
