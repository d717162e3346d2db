package io.weir.instrumentation.api.server;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Pacer;

/**
 * How a container lets a request go before anything of the application has run, and takes it up
 * again later as if it had just come: same filters, same servlet, dispatcher type {@code REQUEST}.
 * So a paced request waits without a thread, also one whose servlet knows nothing of asynchronous
 * processing, and the application cannot tell.
 *
 * <p>Any thread; one per container and application loader.
 */
public abstract class RequestParking {
  /**
   * Lets a request go; its thread must go back to the container and touch it no more.
   *
   * @param request the container's own
   * @return false: it cannot be let go, nothing has happened
   */
  public abstract boolean begin(Object request, ServerCall call, long nanos);

  /** The request has a thread again; takes away what waiting has left on it. */
  public void end(Object request) {}

  /** Hands it back when its time has come, unless its caller went away. */
  protected static void schedule(Pacer pacer, long nanos, ServerCall call, Return back) {
    pacer.after(
        nanos,
        () -> {
          if (call.due()) {
            try {
              back.run();
            } catch (Throwable t) {
              // the container has ended it meanwhile, or is stopping
              call.abandon();
              Bridge.failedOpen(t);
            }
          }
        });
  }

  /** Gets the container to call the application; must not do so itself. */
  protected interface Return {
    void run() throws Exception;
  }
}
