package io.weir.engine.route;

import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Arm;
import java.util.List;

/**
 * Shares the places 0 to 999 999 out among the arms of a route, by weight. A call's place is the
 * hash of its unit (a user's id, say) or a random number.
 *
 * <p>The first arm listed is the stable one and owns what the others leave over. The others own
 * consecutive ranges from 0 in the order listed. So the canary of {@code [stable 95, canary 5]}
 * owns the range [0, 50 000), and raising its weight only adds places to it: no user who was on the
 * canary leaves it. An arm appended to the list takes places from the stable arm alone. (A hash
 * taken modulo the <i>sum of weights</i> would move nearly every user whenever a weight changed.)
 *
 * <p>A place belongs to an arm iff start <= place < end. So where all arms take part, an arm of
 * weight 0 gets no call, and an arm that alone has a weight gets every call.
 */
final class WeightedSplit {
  /** End of each arm's range. The ranges of arms 1, 2, ... follow each other from 0. */
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
   * The arm that owns a place when only some arms take part, those whose own match fits the call
   * ({@link RouteRow}). These share out all places in the same way; the first of them is the stable
   * one. If only one takes part, or the weights of all are 0, the first gets the call.
   *
   * @param among the arms that take part, bit i for arm i; not 0
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
