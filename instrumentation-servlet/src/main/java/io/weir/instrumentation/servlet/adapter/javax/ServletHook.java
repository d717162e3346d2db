package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Skip;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Pacer;
import io.weir.engine.call.Refusal;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.server.RequestParking;
import java.io.IOException;
import javax.servlet.DispatcherType;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;

/**
 * Governs a request once, at the first woven place it meets.
 *
 * <p>How once is kept: only a dispatch of type {@code REQUEST} counts, so a forward, an include, an
 * error page and an async dispatch are no new calls; and a request attribute marks what was asked
 * already, so of nested places (each filter of a chain, the servlet behind it) only the outermost
 * asks. Without a rule for this service a request costs two volatile reads and is not touched.
 *
 * <p>The request's traffic colour is bound to the thread before rules are asked (they may look at
 * its tags) and while the place's body runs, again for each async dispatch, and what was bound
 * before is put back.
 *
 * <p>A paced request is let go here and comes back later ({@link RequestParking}), to this very
 * place, with its mark telling that it has been decided; where the container cannot do that, its
 * thread waits.
 *
 * <p>A refused request is answered here, status and headers before the body, and the place's body,
 * with it every filter and the servlet, does not run. The request's own body is not read: the
 * container drains or closes as it does for any servlet that does not read it, so that keep-alive
 * goes on working.
 */
public final class ServletHook extends Hook {
  private static final String MARK = "io.weir.call";

  private final Engine engine;

  /** Null: threads wait. Found at the first paced request unless given. */
  private volatile @Nullable RequestParking parking;

  private volatile boolean parkingKnown;

  public ServletHook(Engine engine) {
    this.engine = engine;
  }

  /**
   * @param parking how this container lets requests go, null for not at all
   */
  public ServletHook(Engine engine, @Nullable RequestParking parking) {
    this.engine = engine;
    this.parking = parking;
    parkingKnown = true;
  }

  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    if (!engine.governsInbound() && !engine.propagation().isActive()
        || !(a0 instanceof HttpServletRequest)
        || !(a1 instanceof HttpServletResponse)) {
      return null;
    }
    HttpServletRequest request = (HttpServletRequest) a0;
    Object mark = request.getAttribute(MARK);
    if (mark != null) {
      if (mark instanceof Call && ((Call) mark).takeUp()) {
        return takeUp((Call) mark, request, (HttpServletResponse) a1);
      }
      if (mark instanceof Call
          && ((Call) mark).isOver()
          && request.getDispatcherType() != DispatcherType.ERROR) {
        // its container had no thread for it: its tokens are gone
        ((HttpServletResponse) a1).setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
        return Skip.SKIP;
      }
      return mark instanceof Call && request.getDispatcherType() == DispatcherType.ASYNC
          ? ((Call) mark).servedAgain()
          : null;
    }
    return request.getDispatcherType() == DispatcherType.REQUEST
        ? enter(self, request, (HttpServletResponse) a1)
        : null;
  }

  /** A paced request is back. */
  private Object takeUp(Call call, HttpServletRequest request, HttpServletResponse response) {
    RequestParking p = parking;
    if (p != null) {
      p.end(request);
    }
    if (request.getDispatcherType() != DispatcherType.REQUEST) {
      // its filters may not be those of a request, security among them: never let it in
      call.abandon();
      Bridge.failedOpen(new IllegalStateException("a paced request came back as no such"));
      response.setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
      return Skip.SKIP;
    }
    call.started(true);
    call.bindColour();
    return call;
  }

  private Object enter(Object self, HttpServletRequest request, HttpServletResponse response) {
    Call call = new Call(engine, request, response);
    request.setAttribute(MARK, call);
    call.bindColour();
    boolean goesOn = false;
    try {
      if (!engine.inbound(RequestSource.INSTANCE, request, call.decision)) {
        answer(request, response, call.decision);
        return Skip.SKIP;
      }
      if (call.decision.waitNanos() > 0) {
        RequestParking p = parking(self);
        if (p != null && call.parked(p, request)) {
          return Skip.SKIP;
        }
        if (!call.waited()) {
          // the container wants its thread back: there is no time for a body
          response.setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
          return Skip.SKIP;
        }
      }
      goesOn = true;
      return call;
    } catch (Throwable t) {
      // the call passes ungoverned: nobody will end it
      call.abandon();
      throw t;
    } finally {
      if (!goesOn) {
        call.unbindColour();
      }
    }
  }

  /** By the container whose class {@code self} is; all of a hook's are of one loader. */
  private @Nullable RequestParking parking(Object self) {
    if (!parkingKnown) {
      parking = find(self.getClass());
      parkingKnown = true;
    }
    return parking;
  }

  private @Nullable RequestParking find(Class<?> place) {
    Pacer pacer = engine.pacer();
    if (pacer == null) {
      return null;
    }
    if (place.getName().startsWith("org.eclipse.jetty.")) {
      return new JettyParking(pacer, place.getClassLoader());
    }
    if (place.getName().startsWith("org.apache.catalina.")) {
      try {
        return new TomcatParking(pacer, place.getClassLoader());
      } catch (Throwable other) {
        // a Tomcat made into something else: its threads wait
        Bridge.failedOpen(other);
      }
    }
    return null;
  }

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    if (state instanceof Call) {
      Call call = (Call) state;
      call.unbindColour();
      try {
        call.returned(thrown);
      } catch (Throwable t) {
        call.abandon();
        throw t;
      }
    } else if (state instanceof Colour) {
      Colour.swap((Colour) state);
    }
    return result;
  }

  private static void answer(
      HttpServletRequest request, HttpServletResponse response, CallDecision decision) {
    Refusal refusal = decision.refused();
    response.setStatus(refusal.status());
    refusal.headers(decision, response::setHeader);
    response.setContentType(refusal.contentType());
    byte[] body = refusal.bodyBytes();
    response.setContentLength(body.length);
    if (!"HEAD".equals(request.getMethod())) {
      try {
        response.getOutputStream().write(body);
      } catch (IOException callerIsGone) {
        // refused all the same
      }
    }
  }
}
