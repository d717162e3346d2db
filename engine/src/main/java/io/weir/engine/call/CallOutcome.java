package io.weir.engine.call;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * Ends an admitted call, exactly once.
 *
 * <p>Until it is ended, the call is in flight: it holds its permit of the circuit breaker, its
 * slots of concurrency limits, and it counts as load of its instance. The first call of an {@code
 * end} method or {@link #abandon} wins, by one compare-and-set; later ones do nothing. So answer,
 * time-out and cancel may race.
 *
 * <p>Any thread. Times are readings of the engine's nano clock.
 */
public interface CallOutcome {
  /** The wait for pacing is over: the duration of the call counts from {@code now}. */
  void started(long now);

  /**
   * Whether the duration of the call matters to a rule or a metric. If so, an adapter that waits
   * for more than the answer reads the clock when the answer is there. Valid after admission.
   */
  boolean isTimed();

  /**
   * Whether the outcome only goes to counters: no circuit breaker, instance or concurrency limit
   * needs it. Valid after admission.
   */
  boolean isOnlyCounted();

  /**
   * The answer has begun and is a stream: it may last as long as the caller listens. For rules the
   * duration of the call ends now; the latency metric has the whole duration. The call stays in
   * flight. Calling this method again has no effect.
   *
   * @param failed whether the answer is an error
   */
  void streams(boolean failed, long now);

  /**
   * The call ended.
   *
   * @param outcome an {@link Outcome}
   * @param thrown what was thrown, or null
   */
  void end(int outcome, @Nullable Throwable thrown, long now);

  /** The call ended with an HTTP status. */
  default void endHttp(int status, long now) {
    end(Outcome.http(status), null, now);
  }

  /**
   * The call ended with an HTTP status, and its duration ended earlier. Not for a call for which
   * {@link #streams} was called.
   *
   * @param answeredAt end of its duration
   */
  void endHttp(int status, long answeredAt, long now);

  /**
   * A stream ended with an HTTP status. Unless {@link #streams} was called, nobody knows when its
   * answer began, so its duration tells adaptive limits nothing.
   */
  void endHttpStream(int status, long now);

  /** The call ended with a gRPC status code. */
  default void endGrpc(int code, @Nullable Throwable thrown, long now) {
    end(Outcome.grpc(code), thrown, now);
  }

  /**
   * The call ended with a gRPC status code; {@code failure} says more about it.
   *
   * @param failure see {@link Outcome#grpc(int, Failure)}; null when nothing more is known
   */
  default void endGrpc(int code, @Nullable Failure failure, @Nullable Throwable thrown, long now) {
    end(Outcome.grpc(code, failure), thrown, now);
  }

  /**
   * The Weir agent of the target refused the call. Slots and tokens are treated as for any answer,
   * but the refusal is not evidence against the target.
   *
   * @param answer the refusal as it was received, an {@link Outcome}
   */
  default void endShed(int answer, long now) {
    end(Outcome.shed(answer), null, now);
  }

  /** The call ended without an answer. */
  default void endFailure(Failure failure, @Nullable Throwable thrown, long now) {
    end(Outcome.failed(failure), thrown, now);
  }

  /** The call was admitted but never made: permits, slots and tokens go back. */
  void abandon(long now);

  /** Whether the call has been ended or abandoned, or this is happening now on another thread. */
  boolean hasEnded();
}
