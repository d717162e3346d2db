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
 * Tells apart how calls fail, by what a library throws for it.
 *
 * <p>What the JDK throws is known. A library adds what it throws itself, by class and, where it has
 * no class of its own for it, by message. First match counts, in this order: a connection that was
 * not made and a time-out, by name; the whole call's time was up; cancelled; this side's own
 * failure, which is also whatever is no {@code IOException}, for it comes from the application (an
 * interceptor, a body); anything else is the target's.
 *
 * <p>Filled once, in a static initialiser; then immutable by convention and for any thread.
 */
public final class FailureTable {
  /** What the JDK says of a connect that timed out; there is no type for it. */
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

  /** The request was never sent: no connection. */
  public FailureTable connect(Class<?> type) {
    return add(Failure.CONNECT, type, null);
  }

  /** Connected, but no answer in time. */
  public FailureTable timeout(Class<?> type, @Nullable String message) {
    return add(Failure.TIMEOUT, type, message);
  }

  /** The caller gave up. */
  public FailureTable cancelled(Class<?> type, @Nullable String message) {
    return add(Failure.CANCELLED, type, message);
  }

  /** This side's own: no place in its pool, a body that cannot be read. */
  public FailureTable local(Class<?> type) {
    return add(Failure.LOCAL, type, null);
  }

  /** The target's, though it is no {@code IOException}. */
  public FailureTable target(Class<?> type) {
    return add(Failure.EXCEPTION, type, null);
  }

  private FailureTable add(Failure failure, Class<?> type, @Nullable String message) {
    rows.add(new Row(failure, type, message));
    return this;
  }

  /**
   * What a call failed by.
   *
   * @param cancelled the call was cancelled
   * @param overdue the whole call's time was up, for which some libraries cancel it
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
