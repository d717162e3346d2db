package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Pacer;
import io.weir.instrumentation.servlet.adapter.Waiting;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
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
 * <p>When Tomcat's executor rejects a dispatch, Tomcat logs that and forgets the request. So one
 * that has got no thread is offered again every second, by the event with which Tomcat ends
 * asynchronous requests at a shut-down: for a request that is to be dispatched it dispatches, for
 * one that has gone on meanwhile it does nothing. After 30 s its tokens go back.
 */
final class TomcatPause extends AsyncPause {
  private static final long AGAIN_NANOS = 1_000_000_000L;
  private static final int MOST_OFFERS = 30;

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

  TomcatPause(Pacer pacer, ClassLoader tomcat) throws ReflectiveOperationException {
    super(pacer);
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
    Method timeout = null;
    try {
      ofRequest = coyote.getReturnType().getDeclaredField("hook");
      ofRequest.setAccessible(true);
      timeout =
          tomcat.loadClass("org.apache.coyote.Processor").getMethod("timeoutAsync", long.class);
    } catch (ReflectiveOperationException other) {
      // a request that was rejected is not offered again
    }
    hook = ofRequest;
    offer = timeout;
  }

  @Override
  boolean isAtHome(HttpServletRequest r) {
    return facade.isInstance(r);
  }

  @Override
  void away(AsyncContext context, long timeout, Waiting waiting, long nanos) throws Exception {
    final Object catalina = requestOf.get(context);
    final Object connection = coyote.invoke(catalina);
    task.set(context, (Runnable) () -> again(catalina, connection));
    schedule(
        pacer,
        nanos,
        waiting,
        () -> {
          action.invoke(connection, dispatch, null);
          offerLater(connection, waiting, MOST_OFFERS);
        });
  }

  private void offerLater(Object connection, Waiting waiting, int more) {
    pacer.after(
        AGAIN_NANOS,
        () -> {
          if (!waiting.isDue()) {
            return;
          }
          if (more == 0 || hook == null || offer == null) {
            waiting.giveUp();
            return;
          }
          try {
            offer.invoke(hook.get(connection), -1L);
          } catch (Throwable t) {
            Bridge.failedOpen(t);
          }
          offerLater(connection, waiting, more - 1);
        });
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
