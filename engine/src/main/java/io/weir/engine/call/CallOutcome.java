package io.weir.engine.call;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * Ends an admitted call: exactly once, whatever becomes of it.
 *
 * <p>Until it is ended the call is under way: it holds its permit of the circuit breaker, its
 * places among concurrent calls and its instance. The first of the {@code end} methods and {@link
 * #abandon} wins, by one compare-and-set; those after it do nothing, so answer, time-out and cancel
 * may race. Any thread. Times are readings of the engine's nano clock.
 */
public interface CallOutcome {
  /** The paced wait is over: what the call takes counts from here. */
  void started(long now);

  /**
   * Whether anybody goes by how long the call takes: then an adapter that waits for more than the
   * answer reads the clock when that is there. Asked after admission.
   */
  boolean isTimed();

  /**
   * Whether nobody but the counters waits for the outcome: no circuit breaker, no instance, no
   * limit on calls under way. Asked after admission.
   */
  boolean isOnlyCounted();

  /**
   * The answer has begun and may go on for as long as the caller listens: a stream. To rules the
   * call takes the time until now; it is still under way. Only the first time counts.
   *
   * @param failed whether the answer is an error already
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
   * The call ended with an HTTP status, and the time it took had ended before.
   *
   * @param answeredAt when it had
   */
  void endHttp(int status, long answeredAt, long now);

  /**
   * A stream ended with an HTTP status, and when its answer began nobody knows: to rules it takes
   * no time that tells anything, unless {@link #streams} was told.
   */
  void endHttpStream(int status, long now);

  /** The call ended with a gRPC status code. */
  default void endGrpc(int code, @Nullable Throwable thrown, long now) {
    end(Outcome.grpc(code), thrown, now);
  }

  /**
   * The call ended with a gRPC status code of which more is known.
   *
   * @param failure see {@link Outcome#grpc(int, Failure)}
   */
  default void endGrpc(int code, @Nullable Failure failure, @Nullable Throwable thrown, long now) {
    end(Outcome.grpc(code, failure), thrown, now);
  }

  /**
   * The target's own Weir refused the call: its place and tokens go as for any answer, but it is no
   * evidence against the target.
   *
   * @param answer the refusal, an {@link Outcome}
   */
  default void endShed(int answer, long now) {
    end(Outcome.shed(answer), null, now);
  }

  /** The call ended without an answer. */
  default void endFailure(Failure failure, @Nullable Throwable thrown, long now) {
    end(Outcome.failed(failure), thrown, now);
  }

  /** The call was admitted but never made: permits and tokens go back. */
  void abandon(long now);

  /** Whether the call's end has been told, or is just being told. */
  boolean hasEnded();
}
