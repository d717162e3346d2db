package io.weir.instrumentation.api.common;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.LocalFailures;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;

/**
 * Finds the kind of a call's failure ({@link Failure}) from the exception that the library threw.
 *
 * <p>Exceptions of the JDK are known. A library adds its own, by class and, where it has no class
 * for a failure, by message. The first that fits counts, in this order:
 *
 * <ol>
 *   <li>an exception in the table that says that no connection was made, or a time-out
 *   <li>the time that the application allows for the whole call was up
 *   <li>the call was cancelled
 *   <li>the caller's own failure: an exception in the table, and everything that is no {@code
 *       IOException}, because that comes from the application (an interceptor, a body)
 *   <li>everything else is a failure of the target
 * </ol>
 *
 * <p>It is filled in a static initialiser and not changed afterwards; then any thread may use it.
 */
public final class FailureTable {
  /** Message of the JDK's exception when a connect timed out, which has no class of its own. */
  private static final String CONNECT_TIMED_OUT = "connect timed out";

  private static final class Row {
    final Failure failure;
    final Class<?> type;
    final @Nullable String message;

    Row(Failure failure, Class<?> type, @Nullable String message) {
      this.failure = failure;
      this.type = type;
      this.message = message;
    }

    boolean is(Throwable t) {
      return type.isInstance(t) && (message == null || message.equals(t.getMessage()));
    }
  }

  private final List<Row> rows = new ArrayList<Row>();

  /** Adds: no connection was made, so the request was never sent. */
  public FailureTable connect(Class<?> type) {
    return add(Failure.CONNECT, type, null);
  }

  /** Adds: there was a connection, but no answer in time. */
  public FailureTable timeout(Class<?> type, @Nullable String message) {
    return add(Failure.TIMEOUT, type, message);
  }

  /** Adds: the caller cancelled. */
  public FailureTable cancelled(Class<?> type, @Nullable String message) {
    return add(Failure.CANCELLED, type, message);
  }

  /** Adds: the caller's side failed. Its pool was full, or its body could not be read. */
  public FailureTable local(Class<?> type) {
    return add(Failure.LOCAL, type, null);
  }

  /** Adds: the target failed, although the exception is no {@code IOException}. */
  public FailureTable target(Class<?> type) {
    return add(Failure.EXCEPTION, type, null);
  }

  private FailureTable add(Failure failure, Class<?> type, @Nullable String message) {
    rows.add(new Row(failure, type, message));
    return this;
  }

  /**
   * The kind of failure.
   *
   * @param cancelled whether the call was cancelled
   * @param overdue whether the time for the whole call was up; some libraries cancel the call then
   */
  public Failure of(Throwable t, boolean cancelled, boolean overdue) {
    Failure own = own(t);
    if (own == Failure.CONNECT || own == Failure.TIMEOUT) {
      return own;
    }
    if (t instanceof SocketTimeoutException) {
      return CONNECT_TIMED_OUT.equalsIgnoreCase(t.getMessage()) ? Failure.CONNECT : Failure.TIMEOUT;
    }
    if (overdue) {
      return Failure.TIMEOUT;
    }
    if (cancelled || own == Failure.CANCELLED || own == null && isInterrupt(t)) {
      return Failure.CANCELLED;
    }
    if (own == Failure.LOCAL
        || own == null && !(t instanceof IOException)
        || LocalFailures.isLocal(t)) {
      return Failure.LOCAL;
    }
    return t instanceof ConnectException
            || t instanceof NoRouteToHostException
            || t instanceof SSLHandshakeException
        ? Failure.CONNECT
        : Failure.EXCEPTION;
  }

  private static boolean isInterrupt(Throwable t) {
    return t instanceof InterruptedIOException;
  }

  private @Nullable Failure own(Throwable t) {
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i).is(t)) {
        return rows.get(i).failure;
      }
    }
    return null;
  }
}
