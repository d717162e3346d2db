package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.bootstrap.Bridge;
import io.weir.engine.gate.Engine;
import io.weir.engine.outcome.Failure;
import io.weir.instrumentation.api.common.StreamTypes;
import io.weir.instrumentation.api.server.ServerCall;
import javax.servlet.AsyncEvent;
import javax.servlet.AsyncListener;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;

/**
 * One governed request: its decision, its mark, and, when it goes asynchronous, the listener that
 * learns its outcome. It and its decision are all we allocate per governed request.
 *
 * <p>An asynchronous request ends at {@code onComplete}, on whatever thread that is; the decision
 * is one-shot, so an early and a late end do not count twice.
 */
final class Call extends ServerCall implements AsyncListener {

  private final HttpServletRequest request;
  private final HttpServletResponse response;

  Call(Engine engine, HttpServletRequest request, HttpServletResponse response) {
    super(engine, engine.propagation().colour(RequestSource.INSTANCE, request));
    this.request = request;
    this.response = response;
  }

  /** The container has its thread back: the call has ended, unless it went asynchronous. */
  void returned(@Nullable Throwable thrown) {
    if (thrown != null) {
      threw(thrown);
    } else if (!wentAsync()) {
      end(response.getStatus());
    }
  }

  private boolean wentAsync() {
    try {
      if (!request.isAsyncStarted()) {
        return false;
      }
      request.getAsyncContext().addListener(this);
      if (decision.outcome().isTimed() && (response.isCommitted() || isStream())) {
        // its answer has begun, and it may go on for hours
        decision.outcome().streams(response.getStatus() >= 500, engine.now());
      }
      return true;
    } catch (IllegalStateException completedMeanwhile) {
      return false;
    }
  }

  /** An exception is an error of ours, unless it says that the caller has gone away. */
  private void threw(@Nullable Throwable thrown) {
    if (thrown != null && isAbort(thrown.getClass().getName())) {
      decision.outcome().endFailure(Failure.CANCELLED, thrown, engine.now());
    } else {
      end(HttpServletResponse.SC_INTERNAL_SERVER_ERROR);
    }
  }

  /** Tomcat's and Jetty's; in Undertow it is a bare IOException, which says nothing. */
  private static boolean isAbort(String name) {
    return name.endsWith(".ClientAbortException")
        || name.equals("org.eclipse.jetty.io.EofException");
  }

  private void end(int status) {
    if (decision.outcome().isTimed() && isStream()) {
      decision.outcome().endHttpStream(status, engine.now());
    } else {
      decision.outcome().endHttp(status, engine.now());
    }
  }

  private boolean isStream() {
    return StreamTypes.isStream(response.getContentType());
  }

  @Override
  public void onComplete(AsyncEvent event) {
    try {
      end(response.getStatus());
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
  }

  @Override
  public void onError(AsyncEvent event) {
    try {
      threw(event.getThrowable());
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
  }

  /** The application or the container answers a time-out; the answer is seen at completion. */
  @Override
  public void onTimeout(AsyncEvent event) {}

  /** A new asynchronous cycle forgets the listeners of the one before. */
  @Override
  public void onStartAsync(AsyncEvent event) {
    try {
      event.getAsyncContext().addListener(this);
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
  }
}
