package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.server.RequestParking;
import io.weir.instrumentation.api.server.ServerCall;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
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
 *
 * <p>A container whose pool rejects the request when its time has come is offered it again, after
 * 50 ms doubling to a second. After five seconds the request is refused with 503. That answer needs
 * a thread, too, and the container has none: it is one of ours, {@code weir-refuse}. The container
 * makes the answer on it; servlet filters and servlets do not run.
 */
abstract class AsyncParking extends RequestParking {
  static final long FIRST_OFFER_NANOS = 50_000_000L;
  static final long LAST_OFFERS_NANOS = 1_000_000_000L;
  private static final long PATIENCE_NANOS = 5_000_000_000L;

  final Pacer pacer;

  /** Few, and gone after a second without work: what they run is the application's container. */
  private final ThreadPoolExecutor refusing;

  AsyncParking(Pacer pacer, final ClassLoader container) {
    this.pacer = pacer;
    refusing =
        new ThreadPoolExecutor(
            2,
            2,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            task -> {
              Thread t = new Thread(task, "weir-refuse");
              t.setDaemon(true);
              t.setContextClassLoader(container);
              return t;
            });
    refusing.allowCoreThreadTimeOut(true);
  }

  /** A request that its container had no thread for. */
  interface Rejected {
    /**
     * Asks the container for a thread again.
     *
     * @return true: it has one. False, or an exception: it has none, or nobody knows
     */
    boolean offer() throws Exception;

    /** Has the container go on with it on this thread, up to where it is refused. */
    void here() throws Exception;
  }

  /**
   * Offers it until it has a thread, or is refused.
   *
   * @param waited since its time had come
   * @param nanos until the next offer
   */
  final void offer(Rejected request, ServerCall call, long waited, long nanos) {
    pacer.after(
        nanos,
        () -> {
          if (!call.isDue()) {
            return;
          }
          try {
            if (request.offer()) {
              return;
            }
          } catch (Throwable noThread) {
            // below
          }
          if (waited + nanos < PATIENCE_NANOS) {
            offer(request, call, waited + nanos, Math.min(2 * nanos, LAST_OFFERS_NANOS));
          } else if (call.refuse()) {
            refuse(request);
          }
        });
  }

  private void refuse(Rejected request) {
    try {
      refusing.execute(
          () -> {
            try {
              request.here();
            } catch (Throwable t) {
              Bridge.failedOpen(t);
            }
          });
    } catch (Throwable noThreadEither) {
      pacer.after(LAST_OFFERS_NANOS, () -> refuse(request));
    }
  }

  @Override
  public boolean begin(Object request, ServerCall call, long nanos) {
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
      context.addListener(new Farewell(call));
      away(context, timeout, call, nanos);
    } catch (Throwable t) {
      // too late to let the application have it
      call.gone();
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
  abstract void away(AsyncContext context, long timeout, ServerCall call, long nanos)
      throws Exception;

  /** The container noticed that the caller is gone. */
  private static final class Farewell implements AsyncListener {
    private final ServerCall call;

    Farewell(ServerCall call) {
      this.call = call;
    }

    @Override
    public void onError(AsyncEvent event) {
      call.gone();
    }

    @Override
    public void onComplete(AsyncEvent event) {
      call.gone();
    }

    @Override
    public void onTimeout(AsyncEvent event) {
      call.gone();
    }

    @Override
    public void onStartAsync(AsyncEvent event) {}
  }
}
