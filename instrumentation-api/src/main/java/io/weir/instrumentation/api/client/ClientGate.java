package io.weir.instrumentation.api.client;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.Pacer;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.Propagation;
import io.weir.engine.gate.ServicePlan;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Decides about the calls of one library. There is one gate for each library and class loader of an
 * application. Any thread; no lock.
 *
 * <p>When the engine or the library throws here, it is counted as fail-open and the call passes. No
 * method throws.
 *
 * @param <Q> the library's request
 * @param <R> its answer
 */
public final class ClientGate<Q, R> {
  private static final String[] NO_HEADERS = new String[0];

  final Engine engine;
  final ClientLibrary<Q, R> library;
  final OpenBodies bodies;

  public ClientGate(Engine engine, ClientLibrary<Q, R> library) {
    this.engine = engine;
    this.library = library;
    bodies = new OpenBodies(engine.now());
  }

  /**
   * Decides about a call.
   *
   * @param handle the library's own object for the call, see {@link ClientCall#handle(Object)};
   *     null: it has none yet
   * @return null: no rule is about the call. The caller sends {@link #propagate} instead of the
   *     request
   */
  public @Nullable ClientCall<Q, R> decide(Q request, @Nullable Object handle) {
    ServicePlan plan = plan(request);
    return plan == null ? null : decide(plan, request, handle);
  }

  /**
   * Decides about a call that could wait without a thread, if some rule may make it wait.
   *
   * @return null: nothing is decided yet; the caller decides by {@link #decide} when the library
   *     makes the call
   */
  public @Nullable ClientCall<Q, R> decideIfPaced(Q request, @Nullable Object handle) {
    ServicePlan plan = plan(request);
    return plan == null || !plan.paces() || pacer() == null ? null : decide(plan, request, handle);
  }

  private ClientCall<Q, R> decide(ServicePlan plan, Q request, @Nullable Object handle) {
    ClientCall<Q, R> call = new ClientCall<Q, R>(this, plan, request, handle);
    Colour before = null;
    try {
      before = enter(request);
      bodies.sweep();
      call.admitted = engine.outbound(plan, library, request, call.decision);
      if (!call.admitted) {
        bodies.tidy(call.decision.startNanos());
      }
    } catch (Throwable t) {
      failedOpen(t);
      forget(call);
      call.admitted = true;
    } finally {
      leave(before);
    }
    call.decided();
    return call;
  }

  private void forget(ClientCall<Q, R> call) {
    try {
      engine.failOpen(call.decision);
    } catch (Throwable t) {
      failedOpen(t);
    }
  }

  private @Nullable ServicePlan plan(Q request) {
    try {
      String host = library.host(request);
      return host == null ? null : engine.plan(host, library.port(request));
    } catch (Throwable t) {
      failedOpen(t);
      return null;
    }
  }

  /** The request of a call that is not governed, with the traffic colour and the caller's name. */
  public Q propagate(Q request) {
    return withHeaders(request, null);
  }

  /**
   * The request with the headers of the traffic colour and of the routing rule, and with the
   * caller's name where a rule of the target uses it.
   *
   * @param call null when it is not governed
   */
  Q withHeaders(Q request, @Nullable ClientCall<Q, R> call) {
    Colour before = null;
    try {
      before = enter(request);
      String[] headers = headers(request, call);
      return headers.length == 0 ? request : library.with(request, headers);
    } catch (Throwable t) {
      failedOpen(t);
      return request;
    } finally {
      leave(before);
    }
  }

  /** Headers to set: name, value, name, value ... The call's colour is bound to this thread. */
  private String[] headers(Q request, @Nullable ClientCall<Q, R> call) {
    String[] headers =
        engine.propagation().headers(library, request, call == null ? null : call.decision);
    String host = library.host(request);
    String caller =
        host == null ? null : engine.propagation().callerFor(host, library.port(request));
    if (caller == null || library.header(request, Propagation.CALLER) != null) {
      return headers;
    }
    String[] all = headers.length == 0 ? NO_HEADERS : headers;
    all = Arrays.copyOf(all, all.length + 2);
    System.arraycopy(headers, 0, all, 2, headers.length);
    all[0] = Propagation.CALLER;
    all[1] = caller;
    return all;
  }

  /** The timer by which paced calls wait without a thread; null: they wait on their threads. */
  public @Nullable Pacer pacer() {
    return engine.pacer();
  }

  private @Nullable Colour enter(Q request) {
    Colour carried = library.colour(request);
    return carried == null ? null : Colour.swap(carried);
  }

  private static void leave(@Nullable Colour before) {
    if (before != null) {
      Colour.swap(before);
    }
  }

  /** Counts and logs a throwable of the agent; never throws. For code that runs outside a hook. */
  public static void failedOpen(Throwable cause) {
    Bridge.failedOpen(cause);
  }
}
