package io.weir.engine.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HalfOpenPermitsTest {
  private final HalfOpenPermits probes = new HalfOpenPermits(3, -10);

  @Test
  void thereAreAsManyPlacesAsSuccessesAreWanted() {
    assertThat(probes.outstanding()).isZero();
    assertThat(probes.take(-10, 5)).isEqualTo(0);
    assertThat(probes.take(-10, 5)).isEqualTo(1);
    assertThat(probes.take(-10, 5)).isEqualTo(2);
    assertThat(probes.take(-10, 5)).isEqualTo(-1);
    assertThat(probes.outstanding()).isEqualTo(3);
    probes.giveBack(1);
    assertThat(probes.outstanding()).isEqualTo(2);
    assertThat(probes.take(-10, 5)).isEqualTo(1);
  }

  @Test
  void theLastGoodOneSaysThatAllAre() {
    for (int i = 0; i < 3; i++) {
      probes.take(-10, 5);
    }
    assertThat(probes.markSucceeded(2)).isFalse();
    assertThat(probes.markSucceeded(0)).isFalse();
    assertThat(probes.outstanding()).isEqualTo(1);
    assertThat(probes.take(-10, 5)).as("a probe that succeeded stays taken").isEqualTo(-1);
    assertThat(probes.markSucceeded(1)).isTrue();
    assertThat(probes.outstanding()).isZero();
  }

  @Test
  void aProbeIsOverdueAfterItsTimeAndNotAtIt() {
    int first = probes.take(-10, 5);
    int second = probes.take(-8, 5);
    assertThat(probes.isOverdue(first, -5)).isFalse();
    assertThat(probes.isOverdue(first, -4)).isTrue();
    assertThat(probes.isOverdue(second, -3)).isFalse();
    assertThat(probes.isOverdue(second, -2)).isTrue();
    assertThat(probes.anyOverdue(-5)).isFalse();
    assertThat(probes.anyOverdue(-4)).isTrue();
    probes.markSucceeded(first);
    assertThat(probes.isOverdue(first, 100)).as("it has answered").isFalse();
    assertThat(probes.anyOverdue(-3)).isFalse();
    assertThat(probes.anyOverdue(-2)).isTrue();
    probes.giveBack(second);
    assertThat(probes.anyOverdue(100)).as("nobody is out").isFalse();
  }

  @Test
  void withoutTimeAProbeIsOverdueAtOnceOnceTheClockMoves() {
    int place = probes.take(-10, 0);
    assertThat(probes.outstanding()).isEqualTo(1);
    assertThat(probes.isOverdue(place, -10)).isFalse();
    assertThat(probes.isOverdue(place, -9)).isTrue();
    // a clock that stepped back counts from where the probing began
    int early = probes.take(-50, 5);
    assertThat(probes.isOverdue(early, -5)).isFalse();
    assertThat(probes.isOverdue(early, -4)).isTrue();
  }
}
