package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A paced call whose handler throws ends with the words of the library's own version. */
class CallbackThrewTest {
  @ParameterizedTest
  @CsvSource({
    "1.30.2, ",
    "1.59.1, ",
    "1.60.0, Application error processing RPC",
    "1.85.1, Application error processing RPC",
    "2.0.0-SNAPSHOT, Application error processing RPC",
    "'', ",
    "unknown, ",
  })
  void itIsDescribedAsInThatVersion(String version, String description) {
    assertThat(PacedServerListener.callbackThrew(version).getDescription()).isEqualTo(description);
  }
}
