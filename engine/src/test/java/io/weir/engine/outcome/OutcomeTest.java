package io.weir.engine.outcome;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class OutcomeTest {
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 200, 503, 999, 1023, 1024, 65535})
  void anAnswerKeepsItsProtocolAndItsCodeWhateverTheCode(int code) {
    int http = Outcome.http(code);
    assertThat(Outcome.protocol(http)).isEqualTo(Outcome.HTTP);
    assertThat(Outcome.code(http)).isEqualTo(code);
    assertThat(Outcome.status(http)).isEqualTo(code);
    assertThat(Outcome.grpcCode(http)).isEqualTo(-1);
    assertThat(Outcome.failure(http)).isNull();
    assertThat(Outcome.hasFailure(http)).isFalse();

    int grpc = Outcome.grpc(code);
    assertThat(Outcome.protocol(grpc)).isEqualTo(Outcome.GRPC);
    assertThat(Outcome.code(grpc)).isEqualTo(code);
    assertThat(Outcome.grpcCode(grpc)).isEqualTo(code);
    assertThat(Outcome.status(grpc)).isEqualTo(-1);
    assertThat(Outcome.failure(grpc)).isNull();
    assertThat(Outcome.grpc(code, null)).isEqualTo(grpc);
  }

  @ParameterizedTest
  @EnumSource(Failure.class)
  void aFailureStandsAloneOrBesideACode(Failure failure) {
    int alone = Outcome.failed(failure);
    assertThat(Outcome.failure(alone)).isEqualTo(failure);
    assertThat(Outcome.hasFailure(alone)).isTrue();
    assertThat(Outcome.protocol(alone)).isEqualTo(Outcome.NO_ANSWER);
    assertThat(Outcome.status(alone)).isEqualTo(-1);
    assertThat(Outcome.grpcCode(alone)).isEqualTo(-1);
    assertThat(Outcome.describe(alone)).isEqualTo(failure.name());

    int beside = Outcome.grpc(14, failure);
    assertThat(Outcome.failure(beside)).isEqualTo(failure);
    assertThat(Outcome.grpcCode(beside)).isEqualTo(14);
    assertThat(Outcome.describe(beside)).isEqualTo("gRPC UNAVAILABLE, " + failure);
  }

  @Test
  void aShedCallKeepsTheRefusalsCode() {
    int http = Outcome.shed(Outcome.http(503));
    assertThat(Outcome.failure(http)).isEqualTo(Failure.SHED);
    assertThat(Outcome.status(http)).isEqualTo(503);
    int grpc = Outcome.shed(Outcome.grpc(8, Failure.LOCAL));
    assertThat(Outcome.failure(grpc)).as("one failure, not two mixed").isEqualTo(Failure.SHED);
    assertThat(Outcome.grpcCode(grpc)).isEqualTo(8);
  }

  @Test
  void codesThatDoNotFitBecomeTheNearestThatDo() {
    assertThat(Outcome.http(-1)).isEqualTo(Outcome.http(0));
    assertThat(Outcome.grpc(Integer.MAX_VALUE)).isEqualTo(Outcome.grpc(65535));
  }

  @Test
  void noTwoOutcomesAreTheSame() {
    Set<Integer> all = new HashSet<>();
    int made = 0;
    for (int code = 0; code < 600; code++) {
      all.add(Outcome.http(code));
      all.add(Outcome.grpc(code));
      made += 2;
      for (Failure f : Failure.values()) {
        all.add(Outcome.grpc(code, f));
        made++;
      }
    }
    for (Failure f : Failure.values()) {
      all.add(Outcome.failed(f));
      made++;
    }
    all.add(Outcome.message(true));
    all.add(Outcome.message(false));
    all.add(Outcome.NONE);
    assertThat(all).hasSize(made + 3);
  }

  @Test
  void anOutcomeCanBeRead() {
    assertThat(Outcome.describe(Outcome.http(404))).isEqualTo("HTTP 404");
    assertThat(Outcome.describe(Outcome.grpc(0))).isEqualTo("gRPC OK");
    assertThat(Outcome.describe(Outcome.grpc(17))).isEqualTo("gRPC code 17");
    assertThat(Outcome.describe(Outcome.message(true))).isEqualTo("message handled");
    assertThat(Outcome.describe(Outcome.message(false))).isEqualTo("message not handled");
    assertThat(Outcome.describe(Outcome.NONE)).isEqualTo("unknown");
    assertThat(Outcome.protocol(Outcome.message(true))).isEqualTo(Outcome.MESSAGING);
  }
}
