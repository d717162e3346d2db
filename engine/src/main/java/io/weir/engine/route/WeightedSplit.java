package io.weir.engine.route;

import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Arm;
import java.util.List;

/**
 * Shares a million places out among arms, by weight.
 *
 * <p>The first arm listed is the stable one and owns what the others leave over; the others own
 * consecutive ranges from 0 in the order listed. So the canary of {@code [stable 95, canary 5]}
 * owns the prefix [0, 50 000), and raising its weight only adds places to it: nobody who was on the
 * canary leaves. An arm appended to the list takes from the stable one alone. (A hash taken modulo
 * the <i>sum of weights</i> would move everybody whenever a weight changed.)
 *
 * <p>A place belongs to an arm iff start <= place < end, so weight 0 is never and a weight alone is
 * always.
 */
final class WeightedSplit {
  /**
   * End of each arm's range; the ranges of arms 1, 2, ... follow each other, arm 0 has the rest.
   */
  private final int[] ends;

  private final int[] weights;

  /**
   * @throws IllegalArgumentException unless all weights are at least 0 and some is more
   */
  WeightedSplit(List<Arm> arms) {
    long sum = 0;
    for (Arm a : arms) {
      if (a.weight < 0) {
        throw new IllegalArgumentException("weight: " + a.weight + " is below 0");
      }
      sum += a.weight;
    }
    if (sum == 0) {
      throw new IllegalArgumentException("weights sum to 0");
    }
    ends = new int[arms.size()];
    weights = new int[arms.size()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = arms.get(i).weight;
    }
    long upTo = 0;
    for (int i = 1; i < ends.length; i++) {
      upTo += arms.get(i).weight;
      ends[i] = (int) share(upTo, sum);
    }
  }

  private static long share(long part, long whole) {
    return part == whole ? XxHash.WHOLE : (long) ((double) part / whole * XxHash.WHOLE + 0.5);
  }

  /** The arm that owns a place in [0, {@link XxHash#WHOLE}). */
  int arm(int place) {
    for (int i = 1; i < ends.length; i++) {
      if (place < ends[i]) {
        return i;
      }
    }
    return 0;
  }

  /**
   * The arm that owns a place when only some arms take part, which share it out in the same way.
   *
   * @param among bit i stands for arm i; not 0
   */
  int arm(int place, long among) {
    int first = Long.numberOfTrailingZeros(among);
    if ((among & among - 1) == 0) {
      return first;
    }
    long sum = 0;
    for (int i = first; i < weights.length; i++) {
      sum += (among >>> i & 1) * weights[i];
    }
    long upTo = 0;
    for (int i = first + 1; i < weights.length && sum > 0; i++) {
      if ((among >>> i & 1) != 0) {
        upTo += weights[i];
        if (place < share(upTo, sum)) {
          return i;
        }
      }
    }
    return first;
  }
}
