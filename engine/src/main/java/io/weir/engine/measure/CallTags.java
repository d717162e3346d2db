package io.weir.engine.measure;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * What a measured call was and how it ended, packed into an {@code int}, so that counting one
 * allocates nothing. Everything in it is one of a few values: what a caller makes up (a method, a
 * status) becomes "other".
 */
public final class CallTags {
  /** Bits 0 to 9: HTTP status, gRPC code, or one of {@link #FAILURES}. */
  private static final int CODE = 0x3ff;

  private static final int GRPC = 1 << 10;
  private static final int FAILED = 1 << 11;
  private static final int METHOD = 12;
  private static final int CIRCUIT = 16;
  private static final int EXCEEDED = 1 << 18;

  /** What has no room of its own any more. */
  static final int OTHER = CODE;

  private static final String[] METHODS = {
    "_OTHER", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"
  };
  private static final String[] CIRCUITS = {null, "closed", "open", "half-open"};
  private static final String[] FAILURES = {"connect", "timeout", "cancelled", "error", "local"};

  /** No breaker looks after the call. */
  public static final int NO_CIRCUIT = 0;

  public static final int CLOSED = 1;
  public static final int OPEN = 2;
  public static final int HALF_OPEN = 3;

  /** Place of "error". */
  private static final int ERROR = 3;

  private CallTags() {}

  /** A call that begins. */
  public static int begun(boolean grpc, @Nullable String method) {
    return grpc ? GRPC : place(method) << METHOD;
  }

  private static int place(@Nullable String method) {
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
   * @param circuit one of the states above
   */
  public static int withCircuit(int kind, int circuit) {
    return kind | circuit << CIRCUIT;
  }

  /** A limit refused it. */
  public static int withExceeded(int kind) {
    return kind | EXCEEDED;
  }

  /**
   * @param outcome an {@link Outcome}; a failure counts only where there is no code
   */
  public static int ended(int kind, int outcome) {
    int code = Outcome.code(outcome);
    switch (Outcome.protocol(outcome)) {
      case Outcome.GRPC:
        return kind | GRPC | Math.min(code, CODE);
      case Outcome.HTTP:
        return kind | (code < 100 || code > 599 ? CODE : code);
      case Outcome.MESSAGING:
        return kind | (code == 0 ? CODE : FAILED | ERROR);
      default:
        Failure failure = Outcome.failure(outcome);
        int place = failure == null ? ERROR : failure.ordinal();
        return kind | FAILED | (place < FAILURES.length ? place : ERROR);
    }
  }

  /** Whether the call was gRPC. */
  public static boolean grpc(int kind) {
    return (kind & GRPC) != 0;
  }

  /** As semantic conventions spell it, or null where the calls are of several methods. */
  public static @Nullable String method(int kind) {
    return other(kind) ? null : METHODS[kind >> METHOD & 0xf];
  }

  /** HTTP status, or 0 without one. */
  public static int status(int kind) {
    return grpc(kind) || (kind & FAILED) != 0 || other(kind) ? 0 : kind & CODE;
  }

  /** Name of the gRPC code, or null. */
  public static @Nullable String code(int kind) {
    int code = kind & CODE;
    return grpc(kind) && (kind & FAILED) == 0 && code < GrpcCodes.NAMES.size()
        ? GrpcCodes.NAMES.get(code)
        : null;
  }

  /** {@code error.type}: why there was no answer, a failing status or code; null: it went well. */
  public static @Nullable String error(int kind) {
    if ((kind & FAILED) != 0) {
      return FAILURES[kind & CODE];
    }
    String code = code(kind);
    int status = status(kind);
    return code != null && !code.equals("OK") ? code : status >= 500 ? "" + status : null;
  }

  /** Whether {@link #error} names one. */
  public static boolean failed(int kind) {
    int code = kind & CODE;
    return (kind & FAILED) != 0
        || (grpc(kind) ? code > 0 && code < GrpcCodes.NAMES.size() : status(kind) >= 500);
  }

  /** {@code closed}, {@code open}, {@code half-open}, or null: no breaker. */
  public static String circuit(int kind) {
    return CIRCUITS[kind >> CIRCUIT & 3];
  }

  /** Whether a limit refused it. */
  public static boolean exceeded(int kind) {
    return (kind & EXCEEDED) != 0;
  }

  private static boolean other(int kind) {
    return (kind & (CODE | FAILED)) == CODE;
  }
}
