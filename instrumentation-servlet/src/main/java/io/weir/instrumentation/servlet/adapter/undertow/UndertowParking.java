package io.weir.instrumentation.servlet.adapter.undertow;

import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.servlet.api.ServletDispatcher;
import io.undertow.servlet.handlers.ServletPathMatch;
import io.undertow.servlet.handlers.ServletRequestContext;
import io.undertow.servlet.spec.HttpServletRequestImpl;
import io.undertow.util.SameThreadExecutor;
import io.undertow.util.StatusCodes;
import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.server.RequestParking;
import io.weir.instrumentation.api.server.ServerCall;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Undertow's exchange may be dispatched at any time, and later as often as one likes: a paced one
 * enters its servlet deployment a second time, from where its first thread had left it.
 */
final class UndertowParking extends RequestParking {
  private static final Method TO_PATH = toPath();
  private static final Object REQUEST = request(TO_PATH.getParameterTypes()[2]);

  private final Pacer pacer;

  UndertowParking(Pacer pacer) {
    this.pacer = pacer;
  }

  private static Method toPath() {
    for (Method m : ServletDispatcher.class.getMethods()) {
      if (m.getName().equals("dispatchToPath")) {
        return m;
      }
    }
    throw new IllegalStateException("no dispatchToPath");
  }

  private static Object request(Class<?> dispatcherType) {
    for (Object c : dispatcherType.getEnumConstants()) {
      if (((Enum<?>) c).name().equals("REQUEST")) {
        return c;
      }
    }
    throw new IllegalStateException("no REQUEST");
  }

  @Override
  public boolean begin(Object request, final ServerCall call, final long nanos) {
    if (!(request instanceof HttpServletRequestImpl)) {
      return false;
    }
    final HttpServerExchange exchange = ((HttpServletRequestImpl) request).getExchange();
    ServletRequestContext context = exchange.getAttachment(ServletRequestContext.ATTACHMENT_KEY);
    final ServletPathMatch match = context.getOriginalServletPathMatch();
    Executor own = match.getServletChain().getExecutor();
    final Executor executor = own == null ? context.getDeployment().getExecutor() : own;
    // whoever sets it answers: an executor may have queued the request before it throws
    final AtomicBoolean claimed = new AtomicBoolean();
    final HttpHandler again =
        x -> {
          if (claimed.compareAndSet(false, true)) {
            again(x, match);
          }
        };
    // runs when the present thread has left the exchange
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          exchange.setDispatchExecutor(null);
          schedule(
              pacer,
              nanos,
              call,
              () -> {
                try {
                  exchange.dispatch(executor, again);
                } catch (Throwable noThread) { // full, stopping, or out of threads
                  if (claimed.compareAndSet(false, true)) {
                    call.refuse();
                    exchange.setStatusCode(StatusCodes.SERVICE_UNAVAILABLE);
                    exchange.endExchange();
                  }
                }
              });
        });
    return true;
  }

  /** {@code dispatchToPath(exchange, match, REQUEST)}, whose last type is javax or jakarta. */
  private static void again(HttpServerExchange exchange, ServletPathMatch match) throws Exception {
    Object dispatcher =
        exchange
            .getAttachment(ServletRequestContext.ATTACHMENT_KEY)
            .getDeployment()
            .getServletDispatcher();
    try {
      TO_PATH.invoke(dispatcher, exchange, match, REQUEST);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Exception) {
        throw (Exception) e.getCause();
      }
      throw e;
    }
  }
}
