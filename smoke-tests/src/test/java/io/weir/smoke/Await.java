package io.weir.smoke;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Waits for what another process does. */
final class Await {
  private static final long LONGEST_MILLIS = 20;

  private Await() {}

  /** Until the condition holds; fails with {@code else_} when it does not within {@code limit}. */
  static void until(Duration limit, Callable<Boolean> condition, Supplier<String> otherwise) {
    long began = System.nanoTime();
    for (long pause = 1; ; pause = Math.min(2 * pause, LONGEST_MILLIS)) {
      try {
        if (condition.call()) {
          return;
        }
      } catch (Exception notYet) {
        // asked again below
      }
      if (System.nanoTime() - began > limit.toNanos()) {
        throw new AssertionError("not within " + limit + ": " + otherwise.get());
      }
      try {
        Thread.sleep(pause); // polling another process: there is nothing to be told by
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }
  }
}
