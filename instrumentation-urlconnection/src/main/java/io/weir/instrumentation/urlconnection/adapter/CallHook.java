package io.weir.instrumentation.urlconnection.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.bootstrap.Skip;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.urlconnection.adapter.ConnectionState.NoOutput;
import io.weir.instrumentation.urlconnection.adapter.ConnectionState.Unsent;
import java.io.IOException;
import java.net.HttpURLConnection;
import org.jspecify.annotations.Nullable;

/**
 * Called before the methods of a connection by which a call begins, and before {@code disconnect}.
 * The first of them decides. Redirects, authentication and the JDK's own retries happen below, so
 * all of that is one call.
 */
public final class CallHook extends Hook {
  private final ClientGate<UrlRequest, UrlRequest> gate;

  public CallHook(Engine engine) {
    ConnectionState.check();
    gate =
        new ClientGate<UrlRequest, UrlRequest>(engine, new UrlConnectionLibrary(engine.service()));
  }

  /**
   * @param self the connection; of https the object that it delegates to
   * @param a0 which method: {@code connect}, {@code output}, {@code input} or {@code disconnect}
   * @return what the method does instead; null: the woven method runs
   */
  @Override
  @SuppressWarnings("NullAway") // advice names the method
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    HttpURLConnection c = (HttpURLConnection) self;
    String method = (String) a0;
    UrlCall call = UrlCall.of(c);
    if (method.equals("disconnect")) {
      if (call != null) {
        call.disconnected(c);
      }
      return null;
    }
    if (call != null && call.isBusy()) {
      if (method.equals("connect")) {
        call.connects(c);
      }
      return null;
    }
    if (call == null && ConnectionState.hasBegun(c)) {
      return unsent(c, method); // or decided before, or not governed
    }
    if (method.equals("output") && !c.getDoOutput() || method.equals("input") && !c.getDoInput()) {
      return null; // the JDK throws
    }
    if (call == null) {
      UrlRequest request = new UrlRequest(c, method.equals("output"));
      UrlCall.sweep();
      ClientCall<UrlRequest, UrlRequest> decided = gate.decide(request, null);
      if (decided == null) {
        gate.propagate(request);
        return null;
      }
      try {
        if (!decided.admitted()) {
          decided.refusal();
          return unsent(c, method);
        }
        call = UrlCall.begin(c, decided, request);
      } catch (IOException e) {
        ConnectionState.fail(c, e);
        return Instead.throwing(e);
      }
    }
    return call == null ? null : call.step(c, method);
  }

  /** For a connection whose request is never sent: what the method does instead. */
  private static @Nullable Object unsent(HttpURLConnection c, String method) {
    Unsent u = method.equals("input") ? null : ConnectionState.unsent(c);
    if (u == null) {
      return null;
    }
    return u.failure != null
        ? Instead.throwing(u.failure)
        : method.equals("connect") ? Skip.SKIP : new Instead(new NoOutput());
  }
}
