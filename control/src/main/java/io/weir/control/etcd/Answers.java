package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Brings a client's answers to the loop: exactly one for each call, in bounded time, whatever the
 * client does. One that comes after its time is dropped.
 */
final class Answers {
  /** Above the client's own deadlines: for answers that never come. */
  private static final long GUARD_NANOS = TimeUnit.SECONDS.toNanos(6);

  private final Loop loop;

  Answers(Loop loop) {
    this.loop = loop;
  }

  /**
   * @param answer told on the loop
   */
  <T> Wire.Answer<T> once(Wire.Answer<T> answer) {
    boolean[] over = {false};
    Loop.Timer guard =
        loop.schedule(
            () -> {
              if (!over[0]) {
                over[0] = true;
                answer.failed(new WireException(WireException.Kind.DEADLINE, "no answer"));
              }
            },
            GUARD_NANOS);
    return onLoop(
        new Wire.Answer<T>() {
          @Override
          public void ok(T value) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              answer.ok(value);
            }
          }

          @Override
          public void failed(WireException e) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              answer.failed(e);
            }
          }
        });
  }

  /**
   * At most once: dropped when by then nobody waits for it any more.
   *
   * @param awaited asked on the loop
   */
  <T> Wire.Answer<T> onceWhile(BooleanSupplier awaited, Wire.Answer<T> answer) {
    return once(
        new Wire.Answer<T>() {
          @Override
          public void ok(T value) {
            if (awaited.getAsBoolean()) {
              answer.ok(value);
            }
          }

          @Override
          public void failed(WireException e) {
            if (awaited.getAsBoolean()) {
              answer.failed(e);
            }
          }
        });
  }

  private <T> Wire.Answer<T> onLoop(Wire.Answer<T> answer) {
    return new Wire.Answer<T>() {
      @Override
      public void ok(T value) {
        loop.execute(() -> answer.ok(value));
      }

      @Override
      public void failed(WireException e) {
        loop.execute(() -> answer.failed(e));
      }
    };
  }
}
