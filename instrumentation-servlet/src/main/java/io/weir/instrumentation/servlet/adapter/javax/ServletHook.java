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
 * Governs each request once, at the first woven method it meets.
 *
 * <p>Once: only a dispatch of type {@code REQUEST} is governed, so a forward, an include, an error
 * page and an async dispatch are no new calls. A request attribute marks a request that has been
 * governed. So of nested woven methods (each filter of a chain, then the servlet) only the
 * outermost governs. Without rules for this service a request costs two volatile reads.
 *
 * <p>The request's traffic colour is bound to the thread before the rules decide, because they may
 * read its tags, and while the woven method runs; again for each async dispatch. Afterwards the
 * colour that was bound before is restored.
 *
 * <p>A paced request is parked ({@link RequestParking}). It comes back later to the same woven
 * method, where its mark says that it has been decided. In a container that cannot do this, the
 * thread waits.
 *
 * <p>A refused request is answered here, and the woven method is skipped, and with it every filter
 * and the servlet. The request's body is not read. The container drains it or closes the
 * connection, as for any servlet that does not read it, so keep-alive goes on working.
 */
public final class ServletHook extends Hook {
  private static final String MARK = "io.weir.call";

  private final Engine engine;

  /** How this container parks requests; null: it cannot, and threads wait. */
  private volatile @Nullable RequestParking parking;

  /** False until the first paced request finds out about {@link #parking}. */
  private volatile boolean parkingKnown;

  /** Called by reflection. */
  public ServletHook(Engine engine) {
    this.engine = engine;
  }

  /**
   * @param parking how this container parks requests; null: it cannot
   */
  public ServletHook(Engine engine, @Nullable RequestParking parking) {
    this.engine = engine;
    this.parking = parking;
    parkingKnown = true;
  }

  /**
   * @param a0 the request
   * @param a1 the response
   * @return a {@link ServletCall} to end in {@link #exit}, a {@link Colour} to restore there,
   *     {@link Skip} to skip the woven method, or null for a request that is none of this hook's
   *     business
   */
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
      if (mark instanceof ServletCall && ((ServletCall) mark).takeUp()) {
        return takeUp((ServletCall) mark, request, (HttpServletResponse) a1);
      }
      if (mark instanceof ServletCall
          && ((ServletCall) mark).isOver()
          && request.getDispatcherType() != DispatcherType.ERROR) {
        // a paced request that got no thread in time, or has ended: its tokens were given back
        ((HttpServletResponse) a1).setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
        return Skip.SKIP;
      }
      return mark instanceof ServletCall && request.getDispatcherType() == DispatcherType.ASYNC
          ? ((ServletCall) mark).bindColourAgain()
          : null;
    }
    return request.getDispatcherType() == DispatcherType.REQUEST
        ? enter(self, request, (HttpServletResponse) a1)
        : null;
  }

  /** Lets a paced request that has come back go on to the application. */
  private Object takeUp(
      ServletCall call, HttpServletRequest request, HttpServletResponse response) {
    RequestParking p = parking;
    if (p != null) {
      p.end(request);
    }
    if (request.getDispatcherType() != DispatcherType.REQUEST) {
      // Filters for requests, security among them, may have been skipped: never let it in.
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
    ServletCall call = new ServletCall(engine, request, response);
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
        if (p != null && call.park(p, request)) {
          return Skip.SKIP;
        }
        if (!call.waitOnThread()) {
          // interrupted: the container wants its thread back, so no body is written
          response.setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
          return Skip.SKIP;
        }
      }
      goesOn = true;
      return call;
    } catch (Throwable t) {
      // the call passes ungoverned, and exit() will not end it
      call.abandon();
      throw t;
    } finally {
      if (!goesOn) {
        call.unbindColour();
      }
    }
  }

  /** How the container of this woven object parks requests. A hook serves one class loader only. */
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
        // a modified Tomcat: its threads wait
        Bridge.failedOpen(other);
      }
    }
    return null;
  }

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    if (state instanceof ServletCall) {
      ServletCall call = (ServletCall) state;
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
        // the caller has disconnected, and the request is refused anyway
      }
    }
  }
}
