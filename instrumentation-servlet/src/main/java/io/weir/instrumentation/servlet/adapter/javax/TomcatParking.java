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
 * Parks requests of Tomcat 8.5 to 11.
 *
 * <p>{@code AsyncContext.dispatch} leaves a task that Tomcat runs behind all of its valves when the
 * asynchronous request comes back. Tomcat's own task would call filters of type {@code ASYNC}. By
 * then Tomcat has also made the filter chain of a {@code REQUEST}, as for any request. So this
 * class leaves a task that calls that chain. It needs two private fields of {@code
 * AsyncContextImpl}, {@code request} and {@code dispatch}. Where one is missing the constructor
 * throws, and paced requests wait on their threads.
 *
 * <p>When Tomcat's executor rejects a dispatch, Tomcat logs it and forgets the request; no listener
 * learns of it. So a request that has no thread after a second is offered again every second. The
 * offer uses the event with which Tomcat ends asynchronous requests at shut-down: it dispatches a
 * request that is waiting for a dispatch, and does nothing with one that has gone on meanwhile.
 */
final class TomcatParking extends AsyncParking {
  private final Class<?> facade;
  private final Field requestField;
  private final Field dispatchField;
  private final Method getCoyoteRequest;
  private final Method getFilterChain;
  private final Method getRequest;
  private final Method getCatalinaResponse;
  private final Method getResponse;
  private final Method action;
  private final Object asyncDispatch;
  private final Object asyncDispatched;

  // To offer a request again; all null where this Tomcat lacks one of them.

  /** The field of a Coyote request that holds its processor. */
  private final @Nullable Field hookField;

  /** The method of a processor that makes it look at the request again. */
  private final @Nullable Method timeoutAsync;

  /** The method of a processor that returns its socket. */
  private final @Nullable Method getSocketWrapper;

  private final @Nullable Object timeoutEvent;

  TomcatParking(Pacer pacer, ClassLoader tomcat) throws ReflectiveOperationException {
    super(pacer, tomcat);
    Class<?> context = tomcat.loadClass("org.apache.catalina.core.AsyncContextImpl");
    Class<?> catalina = tomcat.loadClass("org.apache.catalina.connector.Request");
    Class<?> codes = tomcat.loadClass("org.apache.coyote.ActionCode");
    facade = tomcat.loadClass("org.apache.catalina.connector.RequestFacade");
    requestField = context.getDeclaredField("request");
    requestField.setAccessible(true);
    dispatchField = context.getDeclaredField("dispatch");
    dispatchField.setAccessible(true);
    if (dispatchField.getType() != Runnable.class) {
      throw new NoSuchFieldException("dispatch");
    }
    getCoyoteRequest = catalina.getMethod("getCoyoteRequest");
    getFilterChain = catalina.getMethod("getFilterChain");
    getRequest = catalina.getMethod("getRequest");
    getCatalinaResponse = catalina.getMethod("getResponse");
    getResponse = getCatalinaResponse.getReturnType().getMethod("getResponse");
    action = getCoyoteRequest.getReturnType().getMethod("action", codes, Object.class);
    asyncDispatch = codes.getField("ASYNC_DISPATCH").get(null);
    asyncDispatched = codes.getField("ASYNC_DISPATCHED").get(null);
    Field hookOfRequest = null;
    Method timeoutAsyncMethod = null;
    Method socket = null;
    Object event = null;
    try {
      hookOfRequest = getCoyoteRequest.getReturnType().getDeclaredField("hook");
      hookOfRequest.setAccessible(true);
      timeoutAsyncMethod =
          tomcat.loadClass("org.apache.coyote.Processor").getMethod("timeoutAsync", long.class);
      socket =
          tomcat
              .loadClass("org.apache.coyote.AbstractProcessor")
              .getDeclaredMethod("getSocketWrapper");
      socket.setAccessible(true);
      event =
          tomcat.loadClass("org.apache.tomcat.util.net.SocketEvent").getField("TIMEOUT").get(null);
    } catch (ReflectiveOperationException other) {
      // Then a request that was rejected cannot be offered again.
    }
    hookField = hookOfRequest;
    timeoutAsync = timeoutAsyncMethod;
    getSocketWrapper = socket;
    timeoutEvent = event;
  }

  @Override
  boolean belongsHere(HttpServletRequest r) {
    return facade.isInstance(r);
  }

  @Override
  void park(AsyncContext context, long timeout, ServerCall call, long nanos) throws Exception {
    final Object catalinaRequest = requestField.get(context);
    final Object coyoteRequest = getCoyoteRequest.invoke(catalinaRequest);
    dispatchField.set(context, (Runnable) () -> callFilters(catalinaRequest, coyoteRequest));
    schedule(
        pacer,
        nanos,
        call,
        () -> {
          try {
            action.invoke(coyoteRequest, asyncDispatch, null);
          } catch (Throwable noThread) {
            // thrown for a stream of HTTP/2; it is offered again like any other request
          }
          offer(new DispatchedRequest(coyoteRequest), call, 0, MAX_OFFER_INTERVAL_NANOS);
        });
  }

  private final class DispatchedRequest implements RejectedRequest {
    private final Object coyoteRequest;

    DispatchedRequest(Object coyoteRequest) {
      this.coyoteRequest = coyoteRequest;
    }

    private Object processor() throws ReflectiveOperationException {
      if (hookField == null || timeoutAsync == null || getSocketWrapper == null) {
        throw new NoSuchFieldException("this Tomcat keeps its processors elsewhere");
      }
      return hookField.get(coyoteRequest);
    }

    @Override
    public boolean offer() throws ReflectiveOperationException {
      Objects.requireNonNull(timeoutAsync).invoke(processor(), -1L);
      return false; // whether it has a thread now Tomcat does not say
    }

    @Override
    public void continueHere() throws ReflectiveOperationException {
      Object processor = processor();
      for (Method m : processor.getClass().getDeclaredMethods()) {
        // StreamProcessor.process takes the lock that a stream of HTTP/2 needs
        if (m.getName().equals("process") && m.getParameterTypes().length == 1) {
          m.setAccessible(true);
          m.invoke(processor, timeoutEvent);
          return;
        }
      }
      Object socket = Objects.requireNonNull(getSocketWrapper).invoke(processor);
      socket
          .getClass()
          .getMethod(
              "processSocket", Objects.requireNonNull(timeoutEvent).getClass(), boolean.class)
          .invoke(socket, timeoutEvent, false);
    }
  }

  /** The task that Tomcat runs on one of its threads in place of an asynchronous dispatch. */
  private void callFilters(Object catalinaRequest, Object coyoteRequest) {
    try {
      action.invoke(coyoteRequest, asyncDispatched, null);
      ((FilterChain) getFilterChain.invoke(catalinaRequest))
          .doFilter(
              (ServletRequest) getRequest.invoke(catalinaRequest),
              (ServletResponse) getResponse.invoke(getCatalinaResponse.invoke(catalinaRequest)));
    } catch (ServletException | IOException applications) {
      throw new IllegalStateException(applications); // Tomcat throws the cause
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }
}
