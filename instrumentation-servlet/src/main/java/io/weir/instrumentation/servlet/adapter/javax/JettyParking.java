package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.server.ServerCall;
import io.weir.instrumentation.servlet.adapter.JettyReturnHook;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import javax.servlet.AsyncContext;
import javax.servlet.http.HttpServletRequest;

/**
 * Jetty 9.4 to 12.1: an ordinary asynchronous dispatch, which {@link JettyReturnHook} turns into
 * one of a new request.
 */
final class JettyParking extends AsyncParking {
  private static final String[] ASYNC = {
    AsyncContext.ASYNC_REQUEST_URI,
    AsyncContext.ASYNC_CONTEXT_PATH,
    AsyncContext.ASYNC_PATH_INFO,
    AsyncContext.ASYNC_SERVLET_PATH,
    AsyncContext.ASYNC_QUERY_STRING,
    "javax.servlet.async.mapping", // Servlet 4
  };

  private final ClassLoader jetty;

  JettyParking(Pacer pacer, ClassLoader jetty) {
    super(pacer, jetty);
    this.jetty = jetty;
  }

  /** In one loader with the places that are woven, so that the way back is woven as well. */
  @Override
  boolean isAtHome(HttpServletRequest r) {
    return r.getClass().getClassLoader() == jetty;
  }

  /**
   * Takes away what Jetty notes for asynchronous dispatches: the application asked for none. Each
   * generation keeps it elsewhere; where it cannot be found it stays, and hurts nobody.
   */
  @Override
  public void end(Object request) {
    HttpServletRequest r = (HttpServletRequest) request;
    for (String name : ASYNC) {
      r.setAttribute(name, null); // 9.4, ee8
    }
    try {
      if (!clear(r, ".ServletApiRequest", "_async")) { // ee10 and later
        Object attributes = r.getClass().getMethod("getAttributes").invoke(r);
        clear(attributes, ".ServletAttributes", "_asyncAttributes"); // 10, 11
      }
    } catch (ReflectiveOperationException other) {
      // they stay
    }
  }

  private static boolean clear(Object o, String type, String name)
      throws ReflectiveOperationException {
    for (Class<?> c = o.getClass(); c != null; c = c.getSuperclass()) {
      if (c.getName().endsWith(type)) {
        Field f = c.getDeclaredField(name);
        f.setAccessible(true);
        f.set(o, null);
        return true;
      }
    }
    return false;
  }

  @Override
  void away(final AsyncContext context, final long timeout, ServerCall call, long nanos) {
    schedule(
        pacer,
        nanos,
        call,
        () -> {
          // the application's own asynchronous processing, if any, starts from Jetty's default
          context.setTimeout(timeout);
          try {
            context.dispatch();
          } catch (IllegalStateException ended) {
            throw ended;
          } catch (Throwable noThread) {
            // Jetty has noted the dispatch, and forgets to ask its pool again
            offer(new Dispatched(context), call, 0, FIRST_OFFER_NANOS);
          }
        });
  }

  /** Of a request that is dispatched and has no thread. Reflection: such requests only. */
  private static final class Dispatched implements Rejected {
    private final AsyncContext context;

    Dispatched(AsyncContext context) {
      this.context = context;
    }

    /** HttpChannelState; ServletChannelState from ee10 on. */
    private Object state() throws ReflectiveOperationException {
      return call(context, "state");
    }

    @Override
    public boolean offer() throws ReflectiveOperationException {
      call(state(), "scheduleDispatch");
      return true;
    }

    @Override
    public void here() throws ReflectiveOperationException {
      Object state = state();
      boolean nested = state.getClass().getSimpleName().equals("HttpChannelState");
      Object channel = call(state, nested ? "getHttpChannel" : "getServletChannel");
      call(channel, "handle");
    }

    private static Object call(Object o, String name) throws ReflectiveOperationException {
      for (Class<?> c = o.getClass(); c != null; c = c.getSuperclass()) {
        for (Method m : c.getDeclaredMethods()) {
          if (m.getName().equals(name) && m.getParameterTypes().length == 0) {
            m.setAccessible(true);
            return m.invoke(o);
          }
        }
      }
      throw new NoSuchMethodException(o.getClass() + "." + name);
    }
  }
}
