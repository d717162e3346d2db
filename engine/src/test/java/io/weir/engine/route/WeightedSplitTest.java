package io.weir.engine.route;

import static io.weir.engine.route.Service.arm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Arm;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WeightedSplitTest {
  private static WeightedSplit split(int... weights) {
    List<Arm> arms = new ArrayList<>();
    for (int w : weights) {
      arms.add(arm("v" + arms.size(), w));
    }
    return new WeightedSplit(arms);
  }

  @Test
  void weightsBelowZeroAndNoneAtAllAreRefused() {
    assertThatThrownBy(() -> split(5, -1)).hasMessage("weight: -1 is below 0");
    assertThatThrownBy(() -> split(0, 0)).hasMessage("weights sum to 0");
    assertThat(split(0, 1).arm(0)).isEqualTo(1);
    assertThat(split(0, 1).arm(XxHash.WHOLE - 1)).isEqualTo(1);
  }

  @Test
  void someOfTheArmsShareEverythingOutInTheSameWay() {
    WeightedSplit s = split(1, 1, 2);
    assertThat(s.arm(0, 0b110)).isEqualTo(2);
    assertThat(s.arm(666_666, 0b110)).isEqualTo(2);
    assertThat(s.arm(666_667, 0b110)).isEqualTo(1);
    assertThat(s.arm(333_332, 0b011)).isEqualTo(1);
    assertThat(s.arm(499_999, 0b011)).isEqualTo(1);
    assertThat(s.arm(500_000, 0b011)).isEqualTo(0);
    assertThat(s.arm(666_666, 0b101)).isEqualTo(2);
    assertThat(s.arm(666_667, 0b101)).isEqualTo(0);
    for (int p = 0; p < XxHash.WHOLE; p += 4999) {
      assertThat(s.arm(p, 0b111)).as("all of them").isEqualTo(s.arm(p));
    }
  }

  @Test
  void anArmAloneHasEverything() {
    WeightedSplit s = split(5, 0, 1);
    for (int i = 0; i < 3; i++) {
      assertThat(s.arm(0, 1L << i)).isEqualTo(i);
      assertThat(s.arm(XxHash.WHOLE - 1, 1L << i)).isEqualTo(i);
    }
  }

  @Test
  void amongArmsWithoutWeightTheFirstHasEverything() {
    WeightedSplit s = split(5, 0, 0);
    assertThat(s.arm(0, 0b110)).isEqualTo(1);
    assertThat(s.arm(XxHash.WHOLE - 1, 0b110)).isEqualTo(1);
    assertThat(s.arm(0, 0b011)).as("no weight is never").isEqualTo(0);
  }

  @Test
  void sixtyFourArmsShareEvenly() {
    int[] weights = new int[64];
    java.util.Arrays.fill(weights, 1);
    WeightedSplit s = split(weights);
    int[] count = new int[64];
    for (int p = 0; p < XxHash.WHOLE; p += 100) {
      count[s.arm(p, -1L)]++;
    }
    for (int c : count) {
      assertThat(c).isBetween(156, 157);
    }
  }
}
