package io.weir.instrumentation.api.server;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Pacer;

/**
 * Parks a paced request: the server takes its thread back before any code of the application has
 * run, and later processes the request as if it had just arrived, with the same filters, the same
 * servlet and dispatcher type {@code REQUEST}. So the request waits without a thread, even if its
 * servlet does not support asynchronous processing, and the application cannot notice.
 *
 * <p>Threads: any. One object for each server and class loader of an application.
 */
public abstract class RequestParking {
  /**
   * Parks a request and schedules its return. After true the calling thread must not use the
   * request any more, and must return to the server.
   *
   * @param request the server's own request object
   * @param nanos how long the request is to wait
   * @return false: this request cannot be parked, and nothing has been changed
   */
  public abstract boolean begin(Object request, ServerCall call, long nanos);

  /** The request has a thread again: removes what parking has set on it. */
  public void end(Object request) {}

  /**
   * Runs {@code back} on the pacer's thread after this time, unless the call has ended before,
   * because its caller disconnected.
   */
  protected static void schedule(Pacer pacer, long nanos, ServerCall call, Return back) {
    pacer.after(
        nanos,
        () -> {
          if (call.comeDue()) {
            try {
              back.run();
            } catch (Throwable t) {
              // the server has ended the request meanwhile, or is stopping
              call.abandon();
              Bridge.failedOpen(t);
            }
          }
        });
  }

  /** Has the server process the request on one of its threads; must not do it on this thread. */
  protected interface Return {
    void run() throws Exception;
  }
}
