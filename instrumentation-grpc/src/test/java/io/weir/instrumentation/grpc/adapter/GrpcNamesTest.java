package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Metadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GrpcNamesTest {
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
    assertThat(GrpcNames.host(authority)).isEqualTo(host);
    assertThat(GrpcNames.port(authority)).isEqualTo(port);
  }

  @Test
  void aBrokenOrAbsentAuthorityIsNoError() {
    assertThat(GrpcNames.host(null)).isNull();
    assertThat(GrpcNames.port(null)).isEqualTo(-1);
    assertThat(GrpcNames.host("[::1")).isEqualTo("[::1");
    assertThat(GrpcNames.host("")).isEmpty();
    assertThat(GrpcNames.host("a@")).isEmpty();
  }

  @Test
  void metadataIsReadByNameInAnyCaseAndTheFirstValueCounts() {
    Metadata m = new Metadata();
    m.put(GrpcNames.ascii("x-env"), "first");
    m.put(GrpcNames.ascii("x-env"), "second");
    assertThat(GrpcNames.first(m, "X-Env")).isEqualTo("first");
    assertThat(GrpcNames.first(m, "x-other")).isNull();
    GrpcNames.set(m, "X-ENV", "third");
    assertThat(m.getAll(GrpcNames.ascii("x-env"))).containsExactly("third");
  }

  @Test
  void binaryAndImpossibleNamesAreAbsent() {
    Metadata m = new Metadata();
    m.put(Metadata.Key.of("trace-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {1});
    assertThat(GrpcNames.first(m, "trace-bin")).isNull();
    assertThat(GrpcNames.first(m, "no such name")).isNull();
    assertThat(GrpcNames.first(m, "")).isNull();
    GrpcNames.set(m, "no such name", "x");
    GrpcNames.set(m, "other-bin", "x");
    assertThat(m.keys()).containsExactly("trace-bin");
  }

  @Test
  void aMethodIsAPathAndTheSameTextEachTime() {
    assertThat(GrpcNames.path("shop.Stock/Get")).isEqualTo("/shop.Stock/Get");
    assertThat(GrpcNames.path("shop.Stock/Get")).isSameAs(GrpcNames.path("shop.Stock/Get"));
  }
}
