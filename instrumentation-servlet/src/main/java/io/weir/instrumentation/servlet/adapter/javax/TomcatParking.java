package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.server.ServerCall;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Objects;
import javax.servlet.AsyncContext;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;

/**
 * Tomcat 8.5 to 11.
 *
 * <p>Tomcat brings an asynchronous request back by running, behind all of its valves, a task that
 * {@code AsyncContext.dispatch} has left; that one would look for filters of type {@code ASYNC}. By
 * then Tomcat has made the chain for a {@code REQUEST} as for any request; ours calls that. Two
 * private fields make it possible, {@code request} and {@code dispatch} of {@code
 * AsyncContextImpl}; where one is missing requests are not let go.
 *
 * <p>When Tomcat's executor rejects a dispatch, Tomcat logs that and forgets the request, and
 * nobody is told. So one that has got no thread after a second is offered again every second, by
 * the event with which Tomcat ends asynchronous requests at a shut-down: for a request that is to
 * be dispatched it dispatches, for one that has gone on meanwhile it does nothing.
 */
final class TomcatParking extends AsyncParking {
  private final Class<?> facade;
  private final Field requestOf;
  private final Field task;
  private final Method coyote;
  private final Method chain;
  private final Method request;
  private final Method catalinaResponse;
  private final Method response;
  private final Method action;
  private final Object dispatch;
  private final Object dispatched;

  /** The processor of a request, and what has it look at the request again; null: not there. */
  private final @Nullable Field hook;

  private final @Nullable Method offer;

  /** Its socket, and the event that is offered. */
  private final @Nullable Method wrapper;

  private final @Nullable Object timeout;

  TomcatParking(Pacer pacer, ClassLoader tomcat) throws ReflectiveOperationException {
    super(pacer, tomcat);
    Class<?> context = tomcat.loadClass("org.apache.catalina.core.AsyncContextImpl");
    Class<?> catalina = tomcat.loadClass("org.apache.catalina.connector.Request");
    Class<?> codes = tomcat.loadClass("org.apache.coyote.ActionCode");
    facade = tomcat.loadClass("org.apache.catalina.connector.RequestFacade");
    requestOf = context.getDeclaredField("request");
    requestOf.setAccessible(true);
    task = context.getDeclaredField("dispatch");
    task.setAccessible(true);
    if (task.getType() != Runnable.class) {
      throw new NoSuchFieldException("dispatch");
    }
    coyote = catalina.getMethod("getCoyoteRequest");
    chain = catalina.getMethod("getFilterChain");
    request = catalina.getMethod("getRequest");
    catalinaResponse = catalina.getMethod("getResponse");
    response = catalinaResponse.getReturnType().getMethod("getResponse");
    action = coyote.getReturnType().getMethod("action", codes, Object.class);
    dispatch = codes.getField("ASYNC_DISPATCH").get(null);
    dispatched = codes.getField("ASYNC_DISPATCHED").get(null);
    Field ofRequest = null;
    Method offers = null;
    Method socket = null;
    Object event = null;
    try {
      ofRequest = coyote.getReturnType().getDeclaredField("hook");
      ofRequest.setAccessible(true);
      offers =
          tomcat.loadClass("org.apache.coyote.Processor").getMethod("timeoutAsync", long.class);
      socket =
          tomcat
              .loadClass("org.apache.coyote.AbstractProcessor")
              .getDeclaredMethod("getSocketWrapper");
      socket.setAccessible(true);
      event =
          tomcat.loadClass("org.apache.tomcat.util.net.SocketEvent").getField("TIMEOUT").get(null);
    } catch (ReflectiveOperationException other) {
      // a request that was rejected is not offered again
    }
    hook = ofRequest;
    offer = offers;
    wrapper = socket;
    timeout = event;
  }

  @Override
  boolean isAtHome(HttpServletRequest r) {
    return facade.isInstance(r);
  }

  @Override
  void away(AsyncContext context, long timeout, ServerCall call, long nanos) throws Exception {
    final Object catalina = requestOf.get(context);
    final Object connection = coyote.invoke(catalina);
    task.set(context, (Runnable) () -> again(catalina, connection));
    schedule(
        pacer,
        nanos,
        call,
        () -> {
          try {
            action.invoke(connection, dispatch, null);
          } catch (Throwable noThread) {
            // a stream of HTTP/2; offered again like one that was rejected in silence
          }
          offer(new Dispatched(connection), call, 0, LAST_OFFERS_NANOS);
        });
  }

  private final class Dispatched implements Rejected {
    private final Object connection;

    Dispatched(Object connection) {
      this.connection = connection;
    }

    private Object processor() throws ReflectiveOperationException {
      if (hook == null || offer == null || wrapper == null) {
        throw new NoSuchFieldException("this Tomcat keeps its processors elsewhere");
      }
      return hook.get(connection);
    }

    @Override
    public boolean offer() throws ReflectiveOperationException {
      Objects.requireNonNull(offer).invoke(processor(), -1L);
      return false; // Tomcat does not tell
    }

    @Override
    public void here() throws ReflectiveOperationException {
      Object processor = processor();
      for (Method m : processor.getClass().getDeclaredMethods()) {
        // StreamProcessor: a stream of HTTP/2 has a lock of its own
        if (m.getName().equals("process") && m.getParameterTypes().length == 1) {
          m.setAccessible(true);
          m.invoke(processor, timeout);
          return;
        }
      }
      Object socket = Objects.requireNonNull(wrapper).invoke(processor);
      socket
          .getClass()
          .getMethod("processSocket", Objects.requireNonNull(timeout).getClass(), boolean.class)
          .invoke(socket, timeout, false);
    }
  }

  /** Runs on a container's thread, where an asynchronous dispatch would. */
  private void again(Object catalina, Object connection) {
    try {
      action.invoke(connection, dispatched, null);
      ((FilterChain) chain.invoke(catalina))
          .doFilter(
              (ServletRequest) request.invoke(catalina),
              (ServletResponse) response.invoke(catalinaResponse.invoke(catalina)));
    } catch (ServletException | IOException applications) {
      throw new IllegalStateException(applications); // Tomcat throws the cause
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }
}
