package io.weir.engine.measure;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * The metric attributes of a call: protocol, method, breaker state, and how it ended. They are
 * packed into an {@code int}, so recording a call allocates nothing.
 *
 * <p>An int is made in steps: {@link #begun} when the call begins, {@link #withCircuit} or {@link
 * #withExceeded} once it is decided, {@link #ended} when it ends. Each attribute has few values.
 * What callers can invent (a method, a status) becomes "other", so they cannot create many time
 * series.
 */
public final class CallTags {
  /**
   * Bits 0 to 9: the HTTP status or gRPC code; with {@link #FAILED}, an index into {@link
   * #FAILURES}; all bits set: {@link #OTHER}.
   */
  private static final int CODE_MASK = 0x3ff;

  /** Bit 10: the call is gRPC. */
  private static final int GRPC = 1 << 10;

  /** Bit 11: there was no answer, or a message was not handled. */
  private static final int FAILED = 1 << 11;

  /** Bits 12 to 15: index into {@link #METHODS}. */
  private static final int METHOD_SHIFT = 12;

  /**
   * Bits 16 and 17: one of {@link #NO_CIRCUIT}, {@link #CLOSED}, {@link #OPEN}, {@link #HALF_OPEN}.
   */
  private static final int CIRCUIT_SHIFT = 16;

  /** Bit 18: a limit refused the call. */
  private static final int EXCEEDED = 1 << 18;

  /**
   * The code with all bits set: there is no code to report. It is used in three cases: for an HTTP
   * status outside 100 to 599, for a message that was handled (messages have no codes), and for the
   * calls that {@code LatencyRecorder} counts in one cell because their tags are too various.
   */
  static final int OTHER = CODE_MASK;

  private static final String[] METHODS = {
    "_OTHER", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"
  };
  private static final String[] CIRCUITS = {null, "closed", "open", "half-open"};

  /** The values of {@code error.type}, in the order of {@link Failure}. */
  private static final String[] FAILURES = {"connect", "timeout", "cancelled", "error", "local"};

  /** No circuit breaker governs the call. */
  public static final int NO_CIRCUIT = 0;

  public static final int CLOSED = 1;
  public static final int OPEN = 2;
  public static final int HALF_OPEN = 3;

  /** Index of "error" in {@link #FAILURES}. */
  private static final int ERROR = 3;

  private CallTags() {}

  /**
   * The tags of a call that begins.
   *
   * @param method HTTP method; null or one that is not in {@link #METHODS} is "other"
   */
  public static int begun(boolean grpc, @Nullable String method) {
    return grpc ? GRPC : index(method) << METHOD_SHIFT;
  }

  private static int index(@Nullable String method) {
    if (method != null) {
      for (int i = 1; i < METHODS.length; i++) {
        if (METHODS[i].equals(method)) {
          return i;
        }
      }
    }
    return 0;
  }

  /**
   * The tags of a call that a circuit breaker governs.
   *
   * @param circuit state of the breaker: {@link #CLOSED}, {@link #OPEN} or {@link #HALF_OPEN}
   */
  public static int withCircuit(int tags, int circuit) {
    return tags | circuit << CIRCUIT_SHIFT;
  }

  /** The tags of a call that a limit refused. */
  public static int withExceeded(int tags) {
    return tags | EXCEEDED;
  }

  /**
   * The tags of a call that ended.
   *
   * @param outcome an {@link Outcome}; its failure is used only when it has no code
   */
  public static int ended(int tags, int outcome) {
    int code = Outcome.code(outcome);
    switch (Outcome.protocol(outcome)) {
      case Outcome.GRPC:
        return tags | GRPC | Math.min(code, CODE_MASK);
      case Outcome.HTTP:
        return tags | (code < 100 || code > 599 ? CODE_MASK : code);
      case Outcome.MESSAGING:
        return tags | (code == 0 ? CODE_MASK : FAILED | ERROR);
      default:
        Failure failure = Outcome.failure(outcome);
        int index = failure == null ? ERROR : failure.ordinal();
        return tags | FAILED | (index < FAILURES.length ? index : ERROR);
    }
  }

  /** Whether the call was gRPC. */
  public static boolean grpc(int tags) {
    return (tags & GRPC) != 0;
  }

  /**
   * The HTTP method as the semantic conventions spell it, {@code _OTHER} for an unknown one; null
   * when the code is {@link #OTHER}.
   */
  public static @Nullable String method(int tags) {
    return other(tags) ? null : METHODS[tags >> METHOD_SHIFT & 0xf];
  }

  /** HTTP status; 0 when there is none. */
  public static int status(int tags) {
    return grpc(tags) || (tags & FAILED) != 0 || other(tags) ? 0 : tags & CODE_MASK;
  }

  /** Name of the gRPC code; null when there is none or it is unknown. */
  public static @Nullable String code(int tags) {
    int code = tags & CODE_MASK;
    return grpc(tags) && (tags & FAILED) == 0 && code < GrpcCodes.NAMES.size()
        ? GrpcCodes.NAMES.get(code)
        : null;
  }

  /**
   * Value of {@code error.type}: why there was no answer, or the failing status or code; null: the
   * call succeeded.
   */
  public static @Nullable String error(int tags) {
    if ((tags & FAILED) != 0) {
      return FAILURES[tags & CODE_MASK];
    }
    String code = code(tags);
    int status = status(tags);
    return code != null && !code.equals("OK") ? code : status >= 500 ? "" + status : null;
  }

  /** Whether {@link #error} is not null. */
  public static boolean failed(int tags) {
    int code = tags & CODE_MASK;
    return (tags & FAILED) != 0
        || (grpc(tags) ? code > 0 && code < GrpcCodes.NAMES.size() : status(tags) >= 500);
  }

  /**
   * State of the circuit breaker: {@code closed}, {@code open}, {@code half-open}; null: none
   * governed the call.
   */
  public static String circuit(int tags) {
    return CIRCUITS[tags >> CIRCUIT_SHIFT & 3];
  }

  /** Whether a limit refused the call. */
  public static boolean exceeded(int tags) {
    return (tags & EXCEEDED) != 0;
  }

  /** Whether the code is {@link #OTHER}, whatever it stands for. */
  private static boolean other(int tags) {
    return (tags & (CODE_MASK | FAILED)) == CODE_MASK;
  }
}
