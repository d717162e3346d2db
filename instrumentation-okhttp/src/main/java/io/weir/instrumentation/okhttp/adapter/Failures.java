package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.LocalFailures;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import javax.net.ssl.SSLHandshakeException;

/** Tells apart how calls fail, by what OkHttp throws for it. */
final class Failures {
  /** What the JDK says of a connect that timed out; there is no type for it. */
  private static final String CONNECT_TIMED_OUT = "connect timed out";

  /** What the JDK says when this side closed the socket: all that OkHttp before 3.9 tells. */
  private static final String CLOSED_HERE = "Socket closed";

  private Failures() {}

  /**
   * @param canceled the call was cancelled
   * @param overdue the whole call's time was up, for which OkHttp cancels it
   */
  static Failure of(Throwable t, boolean canceled, boolean overdue) {
    if (t instanceof SocketTimeoutException) {
      return CONNECT_TIMED_OUT.equalsIgnoreCase(t.getMessage()) ? Failure.CONNECT : Failure.TIMEOUT;
    }
    if (overdue) {
      return Failure.TIMEOUT;
    }
    if (canceled
        || t instanceof IOException
            && ("Canceled".equals(t.getMessage()) || CLOSED_HERE.equals(t.getMessage()))) {
      return Failure.CANCELLED;
    }
    if (t instanceof InterruptedIOException) {
      return "timeout".equals(t.getMessage()) ? Failure.TIMEOUT : Failure.CANCELLED;
    }
    // what is no IOException comes from the application: an interceptor, a body
    if (!(t instanceof IOException) || LocalFailures.isLocal(t)) {
      return Failure.LOCAL;
    }
    if (t instanceof ConnectException
        || t instanceof NoRouteToHostException
        || t instanceof SSLHandshakeException) {
      return Failure.CONNECT;
    }
    return Failure.EXCEPTION;
  }
}
