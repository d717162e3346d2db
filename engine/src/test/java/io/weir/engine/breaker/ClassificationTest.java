package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassificationTest {
  private static final int S = OutcomeClassifier.SUCCESS;
  private static final int F = OutcomeClassifier.FAILURE;
  private static final int I = OutcomeClassifier.IGNORED;
  private static final int O = OutcomeClassifier.FAILURE_NOT_SHARED;

  private static int http(CircuitBreakerRule rule, int status) {
    return new OutcomeClassifier(rule).classify(Outcome.http(status), null);
  }

  private static int grpc(CircuitBreakerRule rule, int code) {
    return new OutcomeClassifier(rule).classify(Outcome.grpc(code), null);
  }

  private static int thrown(CircuitBreakerRule rule, Failure failure, Throwable t) {
    return new OutcomeClassifier(rule)
        .classify(failure == null ? Outcome.NONE : Outcome.failed(failure), t);
  }

  @Test
  void byDefaultServerErrorsTimeoutsAndConnectFailuresCount() {
    CircuitBreakerRule d = Rig.rule().build();
    assertThat(List.of(http(d, 200), http(d, 404), http(d, 429), http(d, 499))).containsOnly(S);
    assertThat(List.of(http(d, 502), http(d, 503), http(d, 504))).containsOnly(F);
    assertThat(List.of(http(d, 500), http(d, 501), http(d, 505), http(d, 599))).containsOnly(O);
    assertThat(List.of(grpc(d, 14), grpc(d, 4))).containsOnly(F);
    assertThat(List.of(grpc(d, 13), grpc(d, 2), grpc(d, 99))).containsOnly(O);
    assertThat(List.of(grpc(d, 0), grpc(d, 5), grpc(d, 8))).containsOnly(S);
    assertThat(thrown(d, Failure.CONNECT, null)).isEqualTo(F);
    assertThat(thrown(d, Failure.TIMEOUT, new SocketTimeoutException())).isEqualTo(F);
    assertThat(thrown(d, Failure.EXCEPTION, new IOException())).isEqualTo(F);
  }

  @Test
  void theCallersOwnCancelSaysNothing() {
    CircuitBreakerRule d = Rig.rule().build();
    assertThat(thrown(d, Failure.CANCELLED, new IOException("Canceled"))).isEqualTo(I);
    assertThat(grpc(d, 1)).isEqualTo(I);
  }

  @Test
  void aMessageThatWasNotHandledIsAFailure() {
    OutcomeClassifier c = new OutcomeClassifier(Rig.rule().build());
    assertThat(c.classify(Outcome.message(true), null)).isEqualTo(S);
    assertThat(c.classify(Outcome.message(false), null)).isEqualTo(F);
  }

  @Test
  void ignoreGoesBeforeRecordAndRecordBeforeTheDefault() {
    CircuitBreakerRule r =
        Rig.rule()
            .record(List.of("500-599", "429"), List.of("java.io.IOException"), List.of("NOT_FOUND"))
            .named(true, true)
            .ignore(List.of("501"), List.of("java.net.SocketException"), List.of("UNAVAILABLE"))
            .build();
    assertThat(http(r, 501)).isEqualTo(I);
    assertThat(http(r, 429)).isEqualTo(F);
    assertThat(http(r, 302)).isEqualTo(S);
    assertThat(grpc(r, 14)).isEqualTo(I);
    assertThat(grpc(r, 5)).isEqualTo(F);
    assertThat(grpc(r, 13)).isEqualTo(S);
    assertThat(thrown(r, Failure.EXCEPTION, new java.io.EOFException()))
        .as("a subclass")
        .isEqualTo(F);
    assertThat(thrown(r, Failure.CONNECT, new java.net.ConnectException())).isEqualTo(I);
    assertThat(thrown(r, Failure.EXCEPTION, new IllegalStateException())).isEqualTo(S);
  }

  @Test
  void aPredicateThatThrowsRecordsAndLeaksNoPermit() {
    CircuitBreakerRule rule = Rig.rule().build();
    CircuitBreaker breaker = new CircuitBreaker("order", rule, () -> 0.5, 0);
    BreakerRuleVersion guard =
        new BreakerRuleVersion(
            rule,
            breaker,
            new OutcomeClassifier(rule) {
              @Override
              public int classify(int outcome, Throwable thrown) {
                throw new IllegalStateException("broken predicate");
              }
            });
    for (int i = 0; i < 20; i++) {
      CallLedger t = new CallLedger();
      t.begin(0, null);
      assertThat(guard.admit(0, t)).isTrue();
      t.endHttp(200, 0);
    }
    assertThat(breaker.state()).isEqualTo("open");
  }

  @Test
  void aRuleMayCallEven200OrOkAFailureOrNothingAtAll() {
    Rig rig = new Rig(Rig.rule().record(List.of("200"), List.of(), List.of("OK")).build());
    rig.good(10);
    for (int i = 0; i < 10; i++) {
      rig.call().endGrpc(0, null, rig.now);
    }
    assertThat(rig.breaker().failedCount()).isEqualTo(20);
    assertThat(rig.state()).isEqualTo("open");
    rig = new Rig(Rig.rule().ignore(List.of("200"), List.of(), List.of("OK")).build());
    rig.good(10);
    rig.call().endGrpc(0, null, rig.now);
    rig.call().endHttp(201, rig.now);
    assertThat(rig.breaker().ignoredCount()).isEqualTo(11);
  }

  @Test
  void aStatusOrCodeThatIsNoneIsRefusedByName() {
    assertThatThrownBy(
            () -> http(Rig.rule().record(List.of("5yy"), List.of(), List.of()).build(), 1))
        .hasMessageContaining("5yy");
    assertThatThrownBy(() -> http(Rig.rule().record(List.of("9"), List.of(), List.of()).build(), 1))
        .hasMessageContaining("'9'");
    assertThatThrownBy(
            () -> http(Rig.rule().ignore(List.of(), List.of(), List.of("NOPE")).build(), 1))
        .hasMessageContaining("NOPE");
  }

  @Test
  void rangesHoldBothTheirEnds() {
    CircuitBreakerRule r =
        Rig.rule()
            .record(List.of("4xx", "500 - 504", "999", "100"), List.of(), List.of())
            .named(true, true)
            .build();
    assertThat(List.of(http(r, 400), http(r, 499), http(r, 500), http(r, 504), http(r, 999)))
        .containsOnly(F);
    assertThat(http(r, 100)).isEqualTo(F);
    assertThat(List.of(http(r, 399), http(r, 505), http(r, 998), http(r, 101), http(r, 1000)))
        .containsOnly(S);
    assertThat(http(r, 0)).isEqualTo(S);
  }

  @Test
  void rangesThatAreNoneAreRefusedByName() {
    for (String bad :
        new String[] {"99", "1000", "500-499", "-5", "x5xx", "xx", "500-", "a-b", "0xx", "10xx"}) {
      assertThatThrownBy(
              () -> http(Rig.rule().record(List.of(bad), List.of(), List.of()).build(), 1))
          .as(bad)
          .hasMessage("status '" + bad + "': expected 5xx, 503 or 500-504 within 100-999");
    }
  }

  @Test
  void everyGrpcCodeCanBeNamed() {
    for (int code = 0; code < 17; code++) {
      CircuitBreakerRule r =
          Rig.rule()
              .record(List.of(), List.of(), List.of(io.weir.engine.grpc.GrpcCodes.NAMES.get(code)))
              .named(true, true)
              .build();
      for (int other = 0; other < 17; other++) {
        assertThat(grpc(r, other)).isEqualTo(other == code ? F : other == 1 ? I : S);
      }
      assertThat(grpc(r, 17)).as("codes nobody knows are UNKNOWN").isEqualTo(code == 2 ? F : S);
    }
  }

  @Test
  void whatWasThrownIsLookedAtOnlyWithoutAnAnswer() {
    CircuitBreakerRule none = Rig.rule().record(List.of("5xx"), List.of(), List.of()).build();
    assertThat(thrown(none, Failure.EXCEPTION, new IOException())).isEqualTo(S);
    assertThat(thrown(none, Failure.EXCEPTION, null)).isEqualTo(F);
    assertThat(thrown(none, Failure.TIMEOUT, null)).isEqualTo(F);
    assertThat(thrown(none, null, null)).isEqualTo(S);
    assertThat(new OutcomeClassifier(none).classify(Outcome.http(200), new IOException()))
        .isEqualTo(S);
  }
}
