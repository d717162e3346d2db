package io.weir.engine.route;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Random integers for a call's routing. One draw of 64 bits serves two choices, one from each half.
 * No allocation, no contention.
 */
final class RandomDraw {
  private RandomDraw() {}

  static long bits() {
    return ThreadLocalRandom.current().nextLong();
  }

  /** Maps the upper half of {@code bits} onto [0, n) (Lemire's multiplication). */
  static int fromUpperHalf(long bits, int n) {
    return (int) ((bits >>> 32) * n >>> 32);
  }

  /** Maps the lower half of {@code bits} onto [0, n). */
  static int fromLowerHalf(long bits, int n) {
    return (int) ((bits & 0xFFFFFFFFL) * n >>> 32);
  }
}
