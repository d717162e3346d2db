package io.weir.engine.outcome;

import io.weir.engine.grpc.GrpcCodes;
import org.jspecify.annotations.Nullable;

/**
 * How a call ended, whatever its protocol, packed into an {@code int}, so that telling everybody
 * who counts it allocates nothing.
 *
 * <p>An outcome has up to three parts:
 *
 * <ul>
 *   <li>the <b>protocol</b> of the answer: {@link #HTTP}, {@link #GRPC}, {@link #MESSAGING}, or
 *       {@link #NO_ANSWER};
 *   <li>the answer's <b>code</b>: an HTTP status, a gRPC status code, or of a message whether it
 *       was handled (0) or not (1);
 *   <li>the <b>{@link Failure}</b>: why there was no answer, or what is known of one beyond its
 *       code. A gRPC library has a code for every failure ({@code UNAVAILABLE} where nobody could
 *       be reached), so an outcome may have both.
 * </ul>
 *
 * <p>Make one with {@link #http}, {@link #grpc(int)}, {@link #message} or {@link #failed}, and read
 * it with the methods here; its bits are nobody's business. {@link #NONE} says nothing at all. A
 * bare status is not an outcome: {@code 200} has no protocol.
 *
 * <p>Who judges an outcome (circuit breaker, outlier ejection, concurrency limit, metrics) does so
 * where it is used; there is no good or bad here.
 */
public final class Outcome {
  /** Nothing is known: the call was never made, or how it ended tells nothing. */
  public static final int NONE = 0;

  /** Protocols. */
  public static final int NO_ANSWER = 0;

  public static final int HTTP = 1;
  public static final int GRPC = 2;
  public static final int MESSAGING = 3;

  // bits 0 to 15: code; 16 to 18: failure, 0 for none; 20 and 21: protocol
  private static final int CODE = 0xffff;
  private static final int FAILURE = 16;
  private static final int FAILURES = 7;
  private static final int PROTOCOL = 20;

  private static final @Nullable Failure[] BY_PLACE = byPlace();

  private Outcome() {}

  private static @Nullable Failure[] byPlace() {
    @Nullable Failure[] all = new Failure[FAILURES + 1];
    System.arraycopy(Failure.values(), 0, all, 1, Failure.values().length);
    return all;
  }

  /**
   * An HTTP answer.
   *
   * @param status as it was received or sent, also one nobody knows; 0 to 65535, others become the
   *     nearest of these
   */
  public static int http(int status) {
    return HTTP << PROTOCOL | coded(status);
  }

  /**
   * A gRPC status.
   *
   * @param code its number, also one nobody knows; 0 to 65535, others become the nearest of these
   */
  public static int grpc(int code) {
    return GRPC << PROTOCOL | coded(code);
  }

  /**
   * A gRPC status of which more is known.
   *
   * @param failure {@link Failure#CANCELLED}: by the caller itself; {@link Failure#CONNECT}: never
   *     sent; {@link Failure#TIMEOUT}: by its deadline; {@link Failure#LOCAL}; null otherwise
   */
  public static int grpc(int code, @Nullable Failure failure) {
    return failure == null ? grpc(code) : grpc(code) | failed(failure);
  }

  /** A message was handed over: to a broker, or to who consumes it. */
  public static int message(boolean handled) {
    return MESSAGING << PROTOCOL | (handled ? 0 : 1);
  }

  /** There was no answer. */
  public static int failed(Failure failure) {
    return failure.ordinal() + 1 << FAILURE;
  }

  /**
   * The target's own Weir refused the call: shed load, which is no evidence against the target.
   *
   * @param answer the refusal as it was received
   */
  public static int shed(int answer) {
    return answer & ~(FAILURES << FAILURE) | failed(Failure.SHED);
  }

  private static int coded(int code) {
    return code < 0 ? 0 : Math.min(code, CODE);
  }

  /** {@link #HTTP}, {@link #GRPC}, {@link #MESSAGING} or {@link #NO_ANSWER}. */
  public static int protocol(int outcome) {
    return outcome >>> PROTOCOL;
  }

  /** What the answer said, in its protocol's own numbers; 0 without one. */
  public static int code(int outcome) {
    return outcome & CODE;
  }

  /** HTTP status, or -1: it is no HTTP answer. */
  public static int status(int outcome) {
    return protocol(outcome) == HTTP ? code(outcome) : -1;
  }

  /** gRPC status code, or -1: it is none. */
  public static int grpcCode(int outcome) {
    return protocol(outcome) == GRPC ? code(outcome) : -1;
  }

  /** How it failed, or null: there is an answer, and all that is known of it is its code. */
  public static @Nullable Failure failure(int outcome) {
    return BY_PLACE[outcome >>> FAILURE & FAILURES];
  }

  /** Whether the outcome has a {@link #failure}. */
  public static boolean hasFailure(int outcome) {
    return (outcome & FAILURES << FAILURE) != 0;
  }

  /** For people: {@code HTTP 503}, {@code gRPC UNAVAILABLE, CONNECT}, {@code TIMEOUT}. */
  public static String describe(int outcome) {
    Failure failure = failure(outcome);
    String answer;
    switch (protocol(outcome)) {
      case HTTP:
        answer = "HTTP " + code(outcome);
        break;
      case GRPC:
        int code = code(outcome);
        answer =
            "gRPC " + (code < GrpcCodes.NAMES.size() ? GrpcCodes.NAMES.get(code) : "code " + code);
        break;
      case MESSAGING:
        answer = code(outcome) == 0 ? "message handled" : "message not handled";
        break;
      default:
        return failure == null ? "unknown" : failure.name();
    }
    return failure == null ? answer : answer + ", " + failure.name();
  }
}
