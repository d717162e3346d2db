package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Pacer;
import io.weir.instrumentation.servlet.adapter.Pause;
import io.weir.instrumentation.servlet.adapter.Waiting;
import javax.servlet.AsyncContext;
import javax.servlet.AsyncEvent;
import javax.servlet.AsyncListener;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/**
 * Lets a request go by the container's own asynchronous processing, which keeps connection and
 * access log in order; only how it comes back is each container's own.
 *
 * <p>The container's time-out for asynchronous requests is switched off while the request waits:
 * Tomcat measures it by the wall clock, so a step of that clock would end a request that is in
 * time. {@link Pacer} brings the request back, by the monotonic clock.
 */
abstract class AsyncPause extends Pause {
  final Pacer pacer;

  AsyncPause(Pacer pacer) {
    this.pacer = pacer;
  }

  @Override
  public boolean begin(Object request, Waiting waiting, long nanos) {
    HttpServletRequest r = (HttpServletRequest) request;
    if (!r.isAsyncSupported() || !isAtHome(r)) {
      return false;
    }
    AsyncContext context;
    try {
      context = r.startAsync();
    } catch (IllegalStateException unsupported) {
      return false;
    }
    try {
      long timeout = context.getTimeout();
      context.setTimeout(0);
      context.addListener(new Farewell(waiting));
      away(context, timeout, waiting, nanos);
    } catch (Throwable t) {
      // too late to let the application have it
      waiting.gone();
      Bridge.failedOpen(t);
      ((HttpServletResponse) context.getResponse())
          .setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
      context.complete();
    }
    return true;
  }

  /** Whether the request is of the container this was made for. */
  abstract boolean isAtHome(HttpServletRequest request);

  /** Sees to it that the request comes back. */
  abstract void away(AsyncContext context, long timeout, Waiting waiting, long nanos)
      throws Exception;

  /** The container noticed that the caller is gone. */
  private static final class Farewell implements AsyncListener {
    private final Waiting waiting;

    Farewell(Waiting waiting) {
      this.waiting = waiting;
    }

    @Override
    public void onError(AsyncEvent event) {
      waiting.gone();
    }

    @Override
    public void onComplete(AsyncEvent event) {
      waiting.gone();
    }

    @Override
    public void onTimeout(AsyncEvent event) {
      waiting.gone();
    }

    @Override
    public void onStartAsync(AsyncEvent event) {}
  }
}
