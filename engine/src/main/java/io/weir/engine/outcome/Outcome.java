package io.weir.engine.outcome;

import io.weir.engine.grpc.GrpcCodes;
import org.jspecify.annotations.Nullable;

/**
 * How a call ended, whatever its protocol. It is packed into an {@code int}, so passing it to
 * everybody who counts it allocates nothing.
 *
 * <p>An outcome has up to three parts:
 *
 * <ul>
 *   <li>the <b>protocol</b> of the answer: {@link #HTTP}, {@link #GRPC}, {@link #MESSAGING}, or
 *       {@link #NO_ANSWER};
 *   <li>the <b>code</b> of the answer: an HTTP status; a gRPC status code; or for a message 0 when
 *       it was handled, 1 when not;
 *   <li>the <b>{@link Failure}</b>: why there was no answer, or more about an answer than its code.
 *       gRPC libraries have a code for every failure ({@code UNAVAILABLE} when the server cannot be
 *       reached), so an outcome may have both.
 * </ul>
 *
 * <p>Make an outcome by {@link #http}, {@link #grpc(int)}, {@link #message} or {@link #failed}, and
 * read it by the methods here; do not use its bits. {@link #NONE} says nothing. A bare status is
 * not an outcome: {@code 200} has no protocol.
 *
 * <p>An outcome is neither good nor bad. Circuit breaker, outlier detection, concurrency limit and
 * metrics each judge it for themselves.
 */
public final class Outcome {
  /** The call was never made, or how it ended is unknown. */
  public static final int NONE = 0;

  /** Protocol: there was no answer; of {@link #NONE}, nothing is known. */
  public static final int NO_ANSWER = 0;

  public static final int HTTP = 1;
  public static final int GRPC = 2;

  /** For extensions: no module of Weir governs messaging. */
  public static final int MESSAGING = 3;

  // bits 0 to 15: code; 16 to 18: failure, as its ordinal plus 1, or 0 for none; 20 and 21:
  // protocol
  private static final int CODE_MASK = 0xffff;
  private static final int FAILURE_SHIFT = 16;
  private static final int FAILURE_MASK = 7;
  private static final int PROTOCOL_SHIFT = 20;

  /** The failure by the value of its bits; null for 0. */
  private static final @Nullable Failure[] FAILURES = failures();

  private Outcome() {}

  private static @Nullable Failure[] failures() {
    @Nullable Failure[] all = new Failure[FAILURE_MASK + 1];
    System.arraycopy(Failure.values(), 0, all, 1, Failure.values().length);
    return all;
  }

  /**
   * An HTTP answer.
   *
   * @param status as received or sent, even if unknown. Below 0 becomes 0, above 65535 becomes
   *     65535
   */
  public static int http(int status) {
    return HTTP << PROTOCOL_SHIFT | toCode(status);
  }

  /**
   * A gRPC status.
   *
   * @param code as received or sent, even if unknown. Below 0 becomes 0, above 65535 becomes 65535
   */
  public static int grpc(int code) {
    return GRPC << PROTOCOL_SHIFT | toCode(code);
  }

  /**
   * A gRPC status, and what is known beyond its code.
   *
   * @param failure {@link Failure#CANCELLED}: the caller itself cancelled; {@link Failure#CONNECT}:
   *     the call was never sent; {@link Failure#TIMEOUT}: its deadline passed; {@link
   *     Failure#LOCAL}: the caller's side failed; null: nothing more is known
   */
  public static int grpc(int code, @Nullable Failure failure) {
    return failure == null ? grpc(code) : grpc(code) | failed(failure);
  }

  /**
   * A message was sent to a broker, or received by a consumer.
   *
   * @param handled whether the broker took it, or the consumer processed it
   */
  public static int message(boolean handled) {
    return MESSAGING << PROTOCOL_SHIFT | (handled ? 0 : 1);
  }

  /** There was no answer. */
  public static int failed(Failure failure) {
    return failure.ordinal() + 1 << FAILURE_SHIFT;
  }

  /**
   * The Weir agent of the target refused the call: it sheds load, which is not evidence against the
   * target.
   *
   * @param answer the refusal as it was received, an outcome
   */
  public static int shed(int answer) {
    return answer & ~(FAILURE_MASK << FAILURE_SHIFT) | failed(Failure.SHED);
  }

  private static int toCode(int code) {
    return code < 0 ? 0 : Math.min(code, CODE_MASK);
  }

  /** {@link #HTTP}, {@link #GRPC}, {@link #MESSAGING} or {@link #NO_ANSWER}. */
  public static int protocol(int outcome) {
    return outcome >>> PROTOCOL_SHIFT;
  }

  /** The code of the answer, in the numbers of its protocol; 0 when there is no answer. */
  public static int code(int outcome) {
    return outcome & CODE_MASK;
  }

  /** HTTP status, or -1 when it is no HTTP answer. */
  public static int status(int outcome) {
    return protocol(outcome) == HTTP ? code(outcome) : -1;
  }

  /** gRPC status code, or -1 when it is no gRPC answer. */
  public static int grpcCode(int outcome) {
    return protocol(outcome) == GRPC ? code(outcome) : -1;
  }

  /** The failure; null for {@link #NONE}, and for an answer of which only the code is known. */
  public static @Nullable Failure failure(int outcome) {
    return FAILURES[outcome >>> FAILURE_SHIFT & FAILURE_MASK];
  }

  /** Whether the outcome has a {@link #failure}. */
  public static boolean hasFailure(int outcome) {
    return (outcome & FAILURE_MASK << FAILURE_SHIFT) != 0;
  }

  /** A text for people: {@code HTTP 503}, {@code gRPC UNAVAILABLE, CONNECT}, {@code TIMEOUT}. */
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
