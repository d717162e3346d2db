package io.weir.engine.breaker;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an outcome means: ignore before record before the default (success). The agent's own
 * refusals never get here, for a refused call holds no permit. Immutable.
 */
public class OutcomeClassifier {
  public static final int SUCCESS = 0;
  public static final int FAILURE = 1;

  /** Says nothing about the target. */
  public static final int IGNORED = 2;

  /** A failure that counts for this instance only: it is no evidence for the fleet. */
  public static final int OWN = 3;

  /** By HTTP status. */
  private final byte[] statuses = new byte[1000];

  private final int recordGrpc;

  /** Those of them that are evidence for the fleet. */
  private final int fleetGrpc;

  private final int ignoreGrpc;
  private final String[] recordExceptions;
  private final String[] ignoreExceptions;

  /**
   * @throws IllegalArgumentException naming a status or gRPC code that is none
   */
  public OutcomeClassifier(CircuitBreakerRule rule) {
    statuses(rule.recordStatus, rule.statusNamed ? FAILURE : OWN);
    if (!rule.statusNamed) {
      for (int status = 502; status <= 504; status++) {
        if (statuses[status] == OWN) {
          statuses[status] = FAILURE;
        }
      }
    }
    statuses(rule.ignoreStatus, IGNORED);
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
   * @return {@link #SUCCESS}, {@link #FAILURE}, {@link #OWN} or {@link #IGNORED}
   */
  public int classify(int outcome, @Nullable Throwable thrown) {
    Failure failure = Outcome.failure(outcome);
    if (failure == Failure.CANCELLED || failure == Failure.SHED || is(thrown, ignoreExceptions)) {
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
    if (failure == null || thrown != null && !is(thrown, recordExceptions)) {
      return SUCCESS;
    }
    return failure == Failure.LOCAL ? OWN : FAILURE;
  }

  private int grpc(int code, @Nullable Failure failure) {
    int bit =
        code < GrpcCodes.NAMES.size()
            ? 1 << code
            : 1 << GrpcCodes.UNKNOWN; // codes nobody knows are UNKNOWN
    if ((ignoreGrpc & bit) != 0) {
      return IGNORED;
    }
    if ((recordGrpc & bit) != 0) {
      return failure == Failure.LOCAL || (fleetGrpc & bit) == 0 ? OWN : FAILURE;
    }
    return code == GrpcCodes.CANCELLED ? IGNORED : SUCCESS;
  }

  private static boolean is(@Nullable Throwable thrown, String[] names) {
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

  private void statuses(List<String> texts, int outcome) {
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
