package io.weir.engine.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CallTagsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"})
  void everyMethodOfTheStandardHasItsName(String method) {
    int kind = CallTags.ended(CallTags.begun(false, method), Outcome.http(200));
    assertThat(CallTags.method(kind)).isEqualTo(method);
    assertThat(CallTags.status(kind)).isEqualTo(200);
    assertThat(CallTags.grpc(kind)).isFalse();
    assertThat(CallTags.code(kind)).isNull();
    assertThat(CallTags.error(kind)).isNull();
    assertThat(CallTags.circuit(kind)).isNull();
    assertThat(CallTags.exceeded(kind)).isFalse();
  }

  @Test
  void aMethodACallerMadeUpIsAnother() {
    assertThat(CallTags.method(CallTags.ended(CallTags.begun(false, "get"), Outcome.http(200))))
        .isEqualTo("_OTHER");
    assertThat(CallTags.method(CallTags.ended(CallTags.begun(false, null), Outcome.http(200))))
        .isEqualTo("_OTHER");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "100, 100, -",
        "499, 499, -",
        "500, 500, 500",
        "599, 599, 599",
        "99, 0, -",
        "600, 0, -",
        "0, 0, -",
        "1023, 0, -"
      })
  void onlyStatusesThatExistAreKept(int status, int kept, String error) {
    int kind = CallTags.ended(CallTags.begun(false, "GET"), Outcome.http(status));
    assertThat(CallTags.status(kind)).isEqualTo(kept);
    assertThat(CallTags.error(kind)).isEqualTo(error);
    assertThat(CallTags.method(kind)).isEqualTo(kept == 0 ? null : "GET");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "0, OK, -",
        "1, CANCELLED, CANCELLED",
        "16, UNAUTHENTICATED, UNAUTHENTICATED",
        "17, -, -",
        "5000, -, -"
      })
  void grpcCodesHaveNames(int code, String name, String error) {
    int kind = CallTags.ended(CallTags.begun(true, null), Outcome.grpc(code));
    assertThat(CallTags.grpc(kind)).isTrue();
    assertThat(CallTags.code(kind)).isEqualTo(name);
    assertThat(CallTags.error(kind)).isEqualTo(error);
    assertThat(CallTags.status(kind)).isZero();
  }

  @ParameterizedTest
  @CsvSource({"CONNECT, connect", "TIMEOUT, timeout", "CANCELLED, cancelled", "EXCEPTION, error"})
  void aCallWithoutAnswerSaysWhy(Failure failure, String error) {
    for (boolean grpc : new boolean[] {false, true}) {
      int kind = CallTags.ended(CallTags.begun(grpc, "PUT"), Outcome.failed(failure));
      assertThat(CallTags.error(kind)).isEqualTo(error);
      assertThat(CallTags.status(kind)).isZero();
      assertThat(CallTags.code(kind)).isNull();
      assertThat(CallTags.grpc(kind)).isEqualTo(grpc);
      assertThat(CallTags.method(kind)).isEqualTo(grpc ? "_OTHER" : "PUT");
    }
    assertThat(CallTags.error(CallTags.ended(0, Outcome.failed(Failure.SHED)))).isEqualTo("error");
  }

  @Test
  void aMessageWasHandledOrEndedInAnError() {
    int handled = CallTags.ended(CallTags.begun(false, null), Outcome.message(true));
    assertThat(CallTags.error(handled)).isNull();
    assertThat(CallTags.failed(handled)).isFalse();
    assertThat(CallTags.status(handled)).isZero();
    int not = CallTags.ended(CallTags.begun(false, null), Outcome.message(false));
    assertThat(CallTags.error(not)).isEqualTo("error");
    assertThat(CallTags.failed(not)).isTrue();
  }

  @Test
  void circuitAndRefusalStandBesideTheOutcome() {
    int kind = CallTags.begun(false, "CONNECT");
    for (int circuit = CallTags.NO_CIRCUIT; circuit <= CallTags.HALF_OPEN; circuit++) {
      int k =
          CallTags.ended(
              CallTags.withExceeded(CallTags.withCircuit(kind, circuit)), Outcome.http(503));
      assertThat(CallTags.circuit(k))
          .isEqualTo(new String[] {null, "closed", "open", "half-open"}[circuit]);
      assertThat(CallTags.exceeded(k)).isTrue();
      assertThat(CallTags.method(k)).isEqualTo("CONNECT");
      assertThat(CallTags.status(k)).isEqualTo(503);
    }
  }
}
