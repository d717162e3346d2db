package io.weir.engine.breaker;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Says what an outcome means to a circuit breaker rule. What the rule's {@code ignore} names goes
 * first, then what its {@code record} names. Connections that could not be made, time-outs,
 * messages that were not handled, and calls that ended with neither an answer nor an exception are
 * failures. What the caller cancelled, or the target's own Weir refused, is ignored. The rest is
 * success.
 *
 * <p>A refusal by this agent is never judged: a refused call holds no permit. Immutable.
 */
public class OutcomeClassifier {
  public static final int SUCCESS = 0;
  public static final int FAILURE = 1;

  /** The outcome says nothing about the target. */
  public static final int IGNORED = 2;

  /** A failure on this instance only: it is not evidence for the fleet. */
  public static final int FAILURE_NOT_SHARED = 3;

  /** The verdict for each HTTP status. */
  private final byte[] statuses = new byte[1000];

  /** A set of gRPC codes: bit n is code n. The same for the two below. */
  private final int recordGrpc;

  /** The bits of {@link #recordGrpc} that are evidence for the fleet. */
  private final int fleetGrpc;

  private final int ignoreGrpc;
  private final String[] recordExceptions;
  private final String[] ignoreExceptions;

  /**
   * @throws IllegalArgumentException when the rule has a status or gRPC code that does not exist;
   *     the message names it
   */
  public OutcomeClassifier(CircuitBreakerRule rule) {
    setStatuses(rule.recordStatus, rule.statusNamed ? FAILURE : FAILURE_NOT_SHARED);
    // a status that the rule names is evidence for the fleet; of the default ones, only 502 to 504
    if (!rule.statusNamed) {
      for (int status = 502; status <= 504; status++) {
        if (statuses[status] == FAILURE_NOT_SHARED) {
          statuses[status] = FAILURE;
        }
      }
    }
    setStatuses(rule.ignoreStatus, IGNORED);
    recordGrpc = codes(rule.recordGrpc);
    fleetGrpc =
        rule.grpcNamed
            ? recordGrpc
            : recordGrpc & (1 << GrpcCodes.UNAVAILABLE | 1 << GrpcCodes.DEADLINE_EXCEEDED);
    ignoreGrpc = codes(rule.ignoreGrpc);
    recordExceptions = rule.recordExceptions.toArray(new String[0]);
    ignoreExceptions = rule.ignoreExceptions.toArray(new String[0]);
  }

  /**
   * @param outcome an {@link Outcome}
   * @param thrown what was thrown, or null
   * @return {@link #SUCCESS}, {@link #FAILURE}, {@link #FAILURE_NOT_SHARED} or {@link #IGNORED}
   */
  public int classify(int outcome, @Nullable Throwable thrown) {
    Failure failure = Outcome.failure(outcome);
    if (failure == Failure.CANCELLED
        || failure == Failure.SHED
        || isAny(thrown, ignoreExceptions)) {
      return IGNORED;
    }
    int code = Outcome.code(outcome);
    switch (Outcome.protocol(outcome)) {
      case Outcome.HTTP:
        return code < statuses.length ? statuses[code] : SUCCESS;
      case Outcome.GRPC:
        return grpc(code, failure);
      case Outcome.MESSAGING:
        return code == 0 ? SUCCESS : FAILURE;
      default:
        break;
    }
    if (failure == Failure.CONNECT || failure == Failure.TIMEOUT) {
      return FAILURE;
    }
    if (failure == null || thrown != null && !isAny(thrown, recordExceptions)) {
      return SUCCESS;
    }
    return failure == Failure.LOCAL ? FAILURE_NOT_SHARED : FAILURE;
  }

  private int grpc(int code, @Nullable Failure failure) {
    int bit =
        code < GrpcCodes.NAMES.size()
            ? 1 << code
            : 1 << GrpcCodes.UNKNOWN; // the gRPC libraries read an unknown code as UNKNOWN
    if ((ignoreGrpc & bit) != 0) {
      return IGNORED;
    }
    if ((recordGrpc & bit) != 0) {
      return failure == Failure.LOCAL || (fleetGrpc & bit) == 0 ? FAILURE_NOT_SHARED : FAILURE;
    }
    return code == GrpcCodes.CANCELLED ? IGNORED : SUCCESS;
  }

  /** Whether the class of {@code thrown}, or a superclass, has one of these names. */
  private static boolean isAny(@Nullable Throwable thrown, String[] names) {
    if (thrown == null || names.length == 0) {
      return false;
    }
    for (Class<?> c = thrown.getClass(); c != null; c = c.getSuperclass()) {
      for (String name : names) {
        if (name.equals(c.getName())) {
          return true;
        }
      }
    }
    return false;
  }

  private void setStatuses(List<String> texts, int outcome) {
    for (String text : texts) {
      int from;
      int to;
      try {
        int dash = text.indexOf('-');
        if (text.endsWith("xx") && text.length() == 3) {
          from = Integer.parseInt(text.substring(0, 1)) * 100;
          to = from + 99;
        } else if (dash > 0) {
          from = Integer.parseInt(text.substring(0, dash).trim());
          to = Integer.parseInt(text.substring(dash + 1).trim());
        } else {
          from = to = Integer.parseInt(text);
        }
      } catch (NumberFormatException e) {
        throw badStatus(text);
      }
      if (from < 100 || to > 999 || to < from) {
        throw badStatus(text);
      }
      Arrays.fill(statuses, from, to + 1, (byte) outcome);
    }
  }

  private static IllegalArgumentException badStatus(String text) {
    return new IllegalArgumentException(
        "status '" + text + "': expected 5xx, 503 or 500-504 within 100-999");
  }

  private static int codes(List<String> names) {
    int set = 0;
    for (String name : names) {
      int code = GrpcCodes.NAMES.indexOf(name);
      if (code < 0) {
        throw new IllegalArgumentException(
            "gRPC status '" + name + "': expected one of " + GrpcCodes.NAMES);
      }
      set |= 1 << code;
    }
    return set;
  }
}
