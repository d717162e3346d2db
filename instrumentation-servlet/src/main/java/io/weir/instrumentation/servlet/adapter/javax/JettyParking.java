package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.server.ServerCall;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import javax.servlet.AsyncContext;
import javax.servlet.http.HttpServletRequest;

/**
 * Parks requests of Jetty 9.4 to 12.1. A request comes back by an ordinary asynchronous dispatch,
 * which {@code JettyReturnHook} changes to one of type {@code REQUEST}.
 */
final class JettyParking extends AsyncParking {
  /** Request attributes that Jetty sets for an asynchronous dispatch. */
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

  /** Requests of the loader whose classes are woven: only there {@code JettyReturnHook} runs. */
  @Override
  boolean belongsHere(HttpServletRequest r) {
    return r.getClass().getClassLoader() == jetty;
  }

  /**
   * Removes the attributes of the asynchronous dispatch, which the application did not ask for.
   * Jetty's versions keep them in different fields. Where these are not found the attributes stay,
   * and do no harm.
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
      // the attributes stay
    }
  }

  /** Sets a field to null if the object's class has a superclass of this name; else false. */
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
  void park(final AsyncContext context, final long timeout, ServerCall call, long nanos) {
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
            // Jetty has recorded the dispatch but does not ask its pool again
            offer(new DispatchedRequest(context), call, 0, FIRST_OFFER_INTERVAL_NANOS);
          }
        });
  }

  /** A request that was dispatched and got no thread. Rare, so reflection is fast enough. */
  private static final class DispatchedRequest implements RejectedRequest {
    private final AsyncContext context;

    DispatchedRequest(AsyncContext context) {
      this.context = context;
    }

    /** An HttpChannelState, or from ee10 on a ServletChannelState. */
    private Object state() throws ReflectiveOperationException {
      return call(context, "state");
    }

    @Override
    public boolean offer() throws ReflectiveOperationException {
      call(state(), "scheduleDispatch");
      return true;
    }

    @Override
    public void continueHere() throws ReflectiveOperationException {
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
