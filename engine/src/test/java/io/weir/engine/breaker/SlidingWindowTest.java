package io.weir.engine.breaker;

import static io.weir.engine.breaker.Rig.SECOND;
import static io.weir.engine.breaker.SlidingWindow.FAILED;
import static io.weir.engine.breaker.SlidingWindow.SLOW;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the windows hold, beside lists that hold the same. */
class SlidingWindowTest {
  private final List<String> judged = new ArrayList<>();
  private final SlidingWindow.Judge judge =
      (calls, failures, slow) -> {
        judged.add(calls + " " + failures + " " + slow);
        return failures == 3;
      };

  private static CircuitBreakerRule count(int size) {
    return Rig.rule().countWindow(size).build();
  }

  private static CircuitBreakerRule time(int seconds) {
    return Rig.rule().timeWindow(seconds).build();
  }

  private static String read(SlidingWindow w, long now) {
    return w.calls(now) + " " + w.failures(now) + " " + w.slow(now);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 31, 32, 33, 64, 100})
  void aCountWindowHoldsTheLastCallsAndJudgesEachWithItsOwn(int size) {
    Random random = new Random(size);
    SlidingWindow w = SlidingWindow.of(count(size), 0);
    Deque<int[]> last = new ArrayDeque<>();
    for (int i = 0; i < 3 * size + 10; i++) {
      boolean failed = random.nextBoolean();
      boolean slow = random.nextInt(3) == 0;
      last.add(new int[] {failed ? 1 : 0, slow ? 1 : 0});
      if (last.size() > size) {
        last.remove();
      }
      int failures = last.stream().mapToInt(o -> o[0]).sum();
      int slows = last.stream().mapToInt(o -> o[1]).sum();
      String expected = last.size() + " " + failures + " " + slows;
      assertThat(w.record((failed ? FAILED : 0) | (slow ? SLOW : 0), 0, judge))
          .isEqualTo(failures == 3);
      assertThat(judged.get(judged.size() - 1)).isEqualTo(expected);
      assertThat(read(w, 0)).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 10, 60})
  void aTimeWindowHoldsTheLastSecondsAndJudgesEachCallWithItsOwn(int seconds) {
    Random random = new Random(seconds);
    long origin = -3;
    long now = origin;
    SlidingWindow w = SlidingWindow.of(time(seconds), origin);
    List<long[]> all = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      now += random.nextInt(10) == 0 ? seconds * SECOND / 2 : random.nextInt(400_000_000);
      boolean failed = random.nextBoolean();
      boolean slow = random.nextInt(3) == 0;
      all.add(new long[] {(now - origin) / SECOND, failed ? 1 : 0, slow ? 1 : 0});
      long from = (now - origin) / SECOND - seconds;
      long calls = all.stream().filter(o -> o[0] > from).count();
      long failures = all.stream().filter(o -> o[0] > from).mapToLong(o -> o[1]).sum();
      long slows = all.stream().filter(o -> o[0] > from).mapToLong(o -> o[2]).sum();
      String expected = calls + " " + failures + " " + slows;
      assertThat(w.record((failed ? FAILED : 0) | (slow ? SLOW : 0), now, judge))
          .isEqualTo(failures == 3);
      assertThat(judged.get(judged.size() - 1)).isEqualTo(expected);
      assertThat(read(w, now)).isEqualTo(expected);
    }
    assertThat(read(w, now + seconds * SECOND)).as("all gone").isEqualTo("0 0 0");
  }

  @Test
  void aTimeWindowTakesCallsOfAClockThatSteppedBackIn() {
    SlidingWindow w = SlidingWindow.of(time(10), 0);
    w.record(FAILED | SLOW, 5 * SECOND, judge);
    w.record(FAILED, 2 * SECOND, judge);
    assertThat(judged).containsExactly("1 1 1", "2 2 1");
    assertThat(read(w, 2 * SECOND)).isEqualTo("2 2 1");
    assertThat(read(w, -5 * SECOND)).as("ten seconds before is another time").isEqualTo("1 1 0");
    assertThat(read(w, 14 * SECOND)).isEqualTo("1 1 1");
    w.record(0, -SECOND, judge);
    assertThat(read(w, -SECOND)).isEqualTo("3 2 1");
  }

  @Test
  void anotherLengthKeepsTheNewestCallsAndAnotherKindStartsOver() {
    SlidingWindow w = SlidingWindow.of(count(40), 0);
    for (int i = 0; i < 50; i++) {
      w.record((i % 2 == 0 ? FAILED : 0) | (i >= 40 ? SLOW : 0), 0, judge);
    }
    assertThat(w.reshaped(count(40), 0)).isSameAs(w);
    assertThat(read(w.reshaped(count(10), 0), 0)).isEqualTo("10 5 10");
    SlidingWindow longer = w.reshaped(count(100), 0);
    assertThat(read(longer, 0)).isEqualTo("40 20 10");
    longer.record(FAILED, 0, judge);
    assertThat(read(longer, 0)).isEqualTo("41 21 10");
    assertThat(read(w.reshaped(time(10), 0), 0)).isEqualTo("0 0 0");
    SlidingWindow young = SlidingWindow.of(count(40), 0);
    young.record(FAILED, 0, judge);
    assertThat(read(young.reshaped(count(20), 0), 0)).isEqualTo("1 1 0");
  }

  @Test
  void anotherNumberOfSecondsKeepsTheNewest() {
    SlidingWindow w = SlidingWindow.of(time(10), 7);
    for (int s = 0; s < 10; s++) {
      w.record(FAILED | (s >= 8 ? SLOW : 0), 7 + s * SECOND, judge);
    }
    long now = 7 + 9 * SECOND;
    assertThat(w.reshaped(time(10), now)).isSameAs(w);
    SlidingWindow shorter = w.reshaped(time(3), now);
    assertThat(read(shorter, now)).isEqualTo("3 3 2");
    shorter.record(FAILED, now, judge);
    assertThat(read(shorter, now)).isEqualTo("4 4 2");
    assertThat(read(shorter, now + SECOND)).isEqualTo("3 3 2");
    SlidingWindow longer = w.reshaped(time(30), now);
    assertThat(read(longer, now)).isEqualTo("10 10 2");
    assertThat(read(longer, now + 20 * SECOND)).isEqualTo("10 10 2");
    assertThat(read(longer, now + 21 * SECOND)).isEqualTo("9 9 2");
    assertThat(read(w.reshaped(count(5), now), now)).isEqualTo("0 0 0");
    assertThat(read(w.reshaped(time(30), now + 5 * SECOND), now + 5 * SECOND))
        .as("what had left the old window stays away")
        .isEqualTo("5 5 2");
  }
}
