package io.weir.engine.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KindTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"})
  void everyMethodOfTheStandardHasItsName(String method) {
    int kind = Kind.ended(Kind.begun(false, method), Outcome.http(200));
    assertThat(Kind.method(kind)).isEqualTo(method);
    assertThat(Kind.status(kind)).isEqualTo(200);
    assertThat(Kind.grpc(kind)).isFalse();
    assertThat(Kind.code(kind)).isNull();
    assertThat(Kind.error(kind)).isNull();
    assertThat(Kind.circuit(kind)).isNull();
    assertThat(Kind.exceeded(kind)).isFalse();
  }

  @Test
  void aMethodACallerMadeUpIsAnother() {
    assertThat(Kind.method(Kind.ended(Kind.begun(false, "get"), Outcome.http(200))))
        .isEqualTo("_OTHER");
    assertThat(Kind.method(Kind.ended(Kind.begun(false, null), Outcome.http(200))))
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
    int kind = Kind.ended(Kind.begun(false, "GET"), Outcome.http(status));
    assertThat(Kind.status(kind)).isEqualTo(kept);
    assertThat(Kind.error(kind)).isEqualTo(error);
    assertThat(Kind.method(kind)).isEqualTo(kept == 0 ? null : "GET");
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
    int kind = Kind.ended(Kind.begun(true, null), Outcome.grpc(code));
    assertThat(Kind.grpc(kind)).isTrue();
    assertThat(Kind.code(kind)).isEqualTo(name);
    assertThat(Kind.error(kind)).isEqualTo(error);
    assertThat(Kind.status(kind)).isZero();
  }

  @ParameterizedTest
  @CsvSource({"CONNECT, connect", "TIMEOUT, timeout", "CANCELLED, cancelled", "EXCEPTION, error"})
  void aCallWithoutAnswerSaysWhy(Failure failure, String error) {
    for (boolean grpc : new boolean[] {false, true}) {
      int kind = Kind.ended(Kind.begun(grpc, "PUT"), Outcome.failed(failure));
      assertThat(Kind.error(kind)).isEqualTo(error);
      assertThat(Kind.status(kind)).isZero();
      assertThat(Kind.code(kind)).isNull();
      assertThat(Kind.grpc(kind)).isEqualTo(grpc);
      assertThat(Kind.method(kind)).isEqualTo(grpc ? "_OTHER" : "PUT");
    }
    assertThat(Kind.error(Kind.ended(0, Outcome.failed(Failure.SHED)))).isEqualTo("error");
  }

  @Test
  void aMessageWasHandledOrEndedInAnError() {
    int handled = Kind.ended(Kind.begun(false, null), Outcome.message(true));
    assertThat(Kind.error(handled)).isNull();
    assertThat(Kind.failed(handled)).isFalse();
    assertThat(Kind.status(handled)).isZero();
    int not = Kind.ended(Kind.begun(false, null), Outcome.message(false));
    assertThat(Kind.error(not)).isEqualTo("error");
    assertThat(Kind.failed(not)).isTrue();
  }

  @Test
  void circuitAndRefusalStandBesideTheOutcome() {
    int kind = Kind.begun(false, "CONNECT");
    for (int circuit = Kind.NO_CIRCUIT; circuit <= Kind.HALF_OPEN; circuit++) {
      int k = Kind.ended(Kind.withExceeded(Kind.withCircuit(kind, circuit)), Outcome.http(503));
      assertThat(Kind.circuit(k))
          .isEqualTo(new String[] {null, "closed", "open", "half-open"}[circuit]);
      assertThat(Kind.exceeded(k)).isTrue();
      assertThat(Kind.method(k)).isEqualTo("CONNECT");
      assertThat(Kind.status(k)).isEqualTo(503);
    }
  }
}
