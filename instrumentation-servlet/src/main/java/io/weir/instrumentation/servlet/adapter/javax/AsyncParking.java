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
 * Parks a request by the container's own asynchronous processing ({@code startAsync}), which takes
 * care of the connection and the access log. How the request comes back differs by container: see
 * the subclasses.
 *
 * <p>While the request waits, the container's time-out for asynchronous requests is off. Tomcat
 * measures it by the wall clock, so a step of that clock would end the request too early. The
 * {@link Pacer} brings the request back, by the monotonic clock.
 *
 * <p>When the request is due and the container's pool rejects it, it is offered again: Jetty's
 * after 50 ms doubling to a second, Tomcat's every second. After five seconds it is refused with
 * 503. This answer needs a thread, too, and the container has none, so it runs on one of Weir's,
 * {@code weir-refuse}. The container makes the answer on it; filters and servlets do not run.
 */
abstract class AsyncParking extends RequestParking {
  static final long FIRST_OFFER_INTERVAL_NANOS = 50_000_000L;
  static final long MAX_OFFER_INTERVAL_NANOS = 1_000_000_000L;
  private static final long GIVE_UP_NANOS = 5_000_000_000L;

  final Pacer pacer;

  /** Two threads at most, which end after a second without work: they run the container's code. */
  private final ThreadPoolExecutor refuseThreads;

  AsyncParking(Pacer pacer, final ClassLoader container) {
    this.pacer = pacer;
    refuseThreads =
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
    refuseThreads.allowCoreThreadTimeOut(true);
  }

  /** A request that its container had no thread for. */
  interface RejectedRequest {
    /**
     * Asks the container again to take the request up on one of its threads.
     *
     * @return true: it has a thread. False, or an exception: it has none, or that is not known
     */
    boolean offer() throws Exception;

    /**
     * Has the container process the request on this thread, until {@code ServletHook} refuses it.
     */
    void continueHere() throws Exception;
  }

  /**
   * Offers a request until the container takes it up, or refuses it after five seconds.
   *
   * @param waited nanos since it was due
   * @param nanos time until the next offer
   */
  final void offer(RejectedRequest request, ServerCall call, long waited, long nanos) {
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
            // as if the offer had failed
          }
          if (waited + nanos < GIVE_UP_NANOS) {
            offer(request, call, waited + nanos, Math.min(2 * nanos, MAX_OFFER_INTERVAL_NANOS));
          } else if (call.refuse()) {
            refuse(request);
          }
        });
  }

  private void refuse(RejectedRequest request) {
    try {
      refuseThreads.execute(
          () -> {
            try {
              request.continueHere();
            } catch (Throwable t) {
              Bridge.failedOpen(t);
            }
          });
    } catch (Throwable noThreadEither) {
      pacer.after(MAX_OFFER_INTERVAL_NANOS, () -> refuse(request));
    }
  }

  @Override
  public boolean begin(Object request, ServerCall call, long nanos) {
    HttpServletRequest r = (HttpServletRequest) request;
    if (!r.isAsyncSupported() || !belongsHere(r)) {
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
      context.addListener(new EndListener(call));
      park(context, timeout, call, nanos);
    } catch (Throwable t) {
      // too late to let the application serve it: the request is asynchronous already
      call.ended();
      Bridge.failedOpen(t);
      ((HttpServletResponse) context.getResponse())
          .setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
      context.complete();
    }
    return true;
  }

  /** Whether the request object is of the container for which this object was made. */
  abstract boolean belongsHere(HttpServletRequest request);

  /**
   * Schedules the return of a request.
   *
   * @param timeout the container's own time-out for asynchronous requests, in milliseconds
   * @param nanos how long the request is to wait
   */
  abstract void park(AsyncContext context, long timeout, ServerCall call, long nanos)
      throws Exception;

  /**
   * Learns that the container has ended the request, because the caller has disconnected. When the
   * request has been taken up before, {@code ended()} does nothing.
   */
  private static final class EndListener implements AsyncListener {
    private final ServerCall call;

    EndListener(ServerCall call) {
      this.call = call;
    }

    @Override
    public void onError(AsyncEvent event) {
      call.ended();
    }

    @Override
    public void onComplete(AsyncEvent event) {
      call.ended();
    }

    @Override
    public void onTimeout(AsyncEvent event) {
      call.ended();
    }

    @Override
    public void onStartAsync(AsyncEvent event) {}
  }
}
