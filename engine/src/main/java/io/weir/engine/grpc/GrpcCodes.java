package io.weir.engine.grpc;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** The status codes of gRPC; numbers and names are those of its specification. */
public final class GrpcCodes {
  /** Names by number. Unmodifiable. */
  public static final List<String> NAMES =
      Collections.unmodifiableList(
          Arrays.asList(
              "OK",
              "CANCELLED",
              "UNKNOWN",
              "INVALID_ARGUMENT",
              "DEADLINE_EXCEEDED",
              "NOT_FOUND",
              "ALREADY_EXISTS",
              "PERMISSION_DENIED",
              "RESOURCE_EXHAUSTED",
              "FAILED_PRECONDITION",
              "ABORTED",
              "OUT_OF_RANGE",
              "UNIMPLEMENTED",
              "INTERNAL",
              "UNAVAILABLE",
              "DATA_LOSS",
              "UNAUTHENTICATED"));

  public static final int OK = 0;
  public static final int CANCELLED = 1;
  public static final int UNKNOWN = 2;
  public static final int DEADLINE_EXCEEDED = 4;
  public static final int RESOURCE_EXHAUSTED = 8;
  public static final int INTERNAL = 13;
  public static final int UNAVAILABLE = 14;

  private GrpcCodes() {}
}
