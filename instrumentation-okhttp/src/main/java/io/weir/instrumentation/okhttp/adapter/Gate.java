package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import okhttp3.HttpUrl;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/** The engine as calls of OkHttp see it; whatever it throws, the call passes. Any thread. */
final class Gate {
  final Engine engine;
  final OpenBodies bodies;
  private final RequestSource source;

  Gate(Engine engine) {
    this.engine = engine;
    bodies = new OpenBodies(engine.now());
    source = new RequestSource(engine.service());
  }

  /** Null: not governed. */
  @Nullable ServicePlan plan(HttpUrl url) {
    try {
      return engine.plan(url.host(), url.port());
    } catch (Throwable t) {
      failedOpen(t);
      return null;
    }
  }

  /** Whether a call was answered by a registered instance of its target. */
  boolean isRegistered(ServicePlan plan, @Nullable Instance chosen, HttpUrl url) {
    return engine.isRegistered(plan, chosen, url.host(), url.port());
  }

  boolean admits(ServicePlan plan, Request request, CallDecision ticket) {
    Colour before = Calls.enter(request);
    try {
      bodies.sweep();
      boolean admitted = engine.outbound(plan, source, request, ticket);
      if (!admitted) {
        bodies.tidy(ticket.startNanos());
      }
      return admitted;
    } catch (Throwable t) {
      failedOpen(t);
      try {
        engine.failOpen(ticket);
      } catch (Throwable again) {
        failedOpen(again);
      }
      return true;
    } finally {
      Calls.leave(before);
    }
  }

  /**
   * The request with the headers of the traffic colour and of the routing rule, and with the
   * caller's name where the target asks for it.
   *
   * @param ticket null when the call is not governed
   */
  Request coloured(Request request, @Nullable CallDecision ticket) {
    Colour before = Calls.enter(request);
    try {
      String[] headers = engine.headers(source, request, ticket);
      String caller = engine.callerFor(request.url().host(), request.url().port());
      if (headers.length == 0 && caller == null) {
        return request;
      }
      Request.Builder b = request.newBuilder();
      if (caller != null && request.header(Engine.CALLER) == null) {
        b.header(Engine.CALLER, caller);
      }
      for (int i = 0; i < headers.length; i += 2) {
        b.header(headers[i], headers[i + 1]);
      }
      return b.build();
    } catch (Throwable t) {
      failedOpen(t);
      return request;
    } finally {
      Calls.leave(before);
    }
  }

  void abandon(CallDecision ticket) {
    try {
      ticket.outcome().abandon(engine.now());
    } catch (Throwable t) {
      failedOpen(t);
    }
  }

  static void failedOpen(Throwable cause) {
    Bridge.failedOpen(cause);
  }
}
