package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Brings a client's answers to the loop: exactly one for each call, in bounded time, whatever the
 * client does. One that comes after its time is dropped.
 */
final class BoundedAnswers {
  /** Above the client's own deadlines: for answers that never come. */
  private static final long GUARD_NANOS = TimeUnit.SECONDS.toNanos(6);

  private final Loop loop;

  BoundedAnswers(Loop loop) {
    this.loop = loop;
  }

  /**
   * @param answer told on the loop
   */
  <T> EtcdClient.Answer<T> once(EtcdClient.Answer<T> answer) {
    boolean[] over = {false};
    Loop.Timer guard =
        loop.schedule(
            () -> {
              if (!over[0]) {
                over[0] = true;
                answer.failed(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "no answer"));
              }
            },
            GUARD_NANOS);
    return onLoop(
        new EtcdClient.Answer<T>() {
          @Override
          public void ok(T value) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              try {
                answer.ok(value);
              } catch (Throwable t) {
                // what was cut off half-way counts as not answered
                answer.failed(
                    new EtcdCallException(EtcdCallException.Kind.OTHER, "not taken: " + t));
                throw t;
              }
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              answer.failed(e);
            }
          }
        });
  }

  /**
   * Sends a question whose answer is told on the loop, exactly once; also when sending throws.
   *
   * @param send puts the question, with the answer it is handed
   */
  <T> void ask(EtcdClient.Answer<T> answer, Consumer<EtcdClient.Answer<T>> send) {
    EtcdClient.Answer<T> once = once(answer);
    try {
      send.accept(once);
    } catch (RuntimeException | Error e) {
      // handed over to the loop: whoever asks is not ready for an answer yet
      once.failed(new EtcdCallException(EtcdCallException.Kind.OTHER, "not sent: " + e));
    }
  }

  /**
   * At most once: dropped when by then nobody waits for it any more.
   *
   * @param awaited asked on the loop
   */
  <T> EtcdClient.Answer<T> onceWhile(BooleanSupplier awaited, EtcdClient.Answer<T> answer) {
    return once(
        new EtcdClient.Answer<T>() {
          @Override
          public void ok(T value) {
            if (awaited.getAsBoolean()) {
              answer.ok(value);
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            if (awaited.getAsBoolean()) {
              answer.failed(e);
            }
          }
        });
  }

  private <T> EtcdClient.Answer<T> onLoop(EtcdClient.Answer<T> answer) {
    return new EtcdClient.Answer<T>() {
      @Override
      public void ok(T value) {
        loop.execute(() -> answer.ok(value));
      }

      @Override
      public void failed(EtcdCallException e) {
        loop.execute(() -> answer.failed(e));
      }
    };
  }
}
