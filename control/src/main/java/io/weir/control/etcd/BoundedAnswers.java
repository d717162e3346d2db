package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Brings a client's answers to the loop: exactly one for each call and in bounded time, whatever
 * the client does. A late answer is dropped.
 */
final class BoundedAnswers {
  /** Longer than the client's own deadlines: for answers that never come. */
  private static final long GUARD_NANOS = TimeUnit.SECONDS.toNanos(6);

  private final Loop loop;

  BoundedAnswers(Loop loop) {
    this.loop = loop;
  }

  /**
   * Wraps a callback so that it is called exactly once, on the loop.
   *
   * @return to be handed to the client
   */
  <T> EtcdClient.Answer<T> once(EtcdClient.Answer<T> answer) {
    boolean[] answered = {false};
    Loop.Timer guard =
        loop.schedule(
            () -> {
              if (!answered[0]) {
                answered[0] = true;
                answer.failed(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "no answer"));
              }
            },
            GUARD_NANOS);
    return onLoop(
        new EtcdClient.Answer<T>() {
          @Override
          public void ok(T value) {
            if (!answered[0]) {
              answered[0] = true;
              guard.cancel();
              try {
                answer.ok(value);
              } catch (Throwable t) {
                // a callback that threw half-way counts as a failed call
                answer.failed(
                    new EtcdCallException(EtcdCallException.Kind.OTHER, "not taken: " + t));
                throw t;
              }
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            if (!answered[0]) {
              answered[0] = true;
              guard.cancel();
              answer.failed(e);
            }
          }
        });
  }

  /**
   * Sends a request. The callback is called exactly once, on the loop, even if sending throws.
   *
   * @param send sends the request, with the callback that it is given
   */
  <T> void request(EtcdClient.Answer<T> answer, Consumer<EtcdClient.Answer<T>> send) {
    EtcdClient.Answer<T> once = once(answer);
    try {
      send.accept(once);
    } catch (RuntimeException | Error e) {
      // this is called later, on the loop: the caller is not ready for an answer yet
      once.failed(new EtcdCallException(EtcdCallException.Kind.OTHER, "not sent: " + e));
    }
  }

  /**
   * As {@link #once}, but an answer that is not wanted any more is dropped.
   *
   * @param stillWanted whether the answer is still wanted; called on the loop
   */
  <T> EtcdClient.Answer<T> onceWhile(BooleanSupplier stillWanted, EtcdClient.Answer<T> answer) {
    return once(
        new EtcdClient.Answer<T>() {
          @Override
          public void ok(T value) {
            if (stillWanted.getAsBoolean()) {
              answer.ok(value);
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            if (stillWanted.getAsBoolean()) {
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
