package io.weir.instrumentation.httpclient5.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import java.net.InetSocketAddress;
import org.apache.hc.client5.http.HttpRoute;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.jspecify.annotations.Nullable;

/** A route or a host is about to be used: for a retargeted call, by way of its destination. */
public final class RouteHook extends Hook {
  public RouteHook(Engine engine) {}

  /**
   * @param a0 the route or the host
   * @param a1 the exchange's context, or null; the address to connect to, or null
   * @param a2 {@code plan}, {@code connect}, or null where a connection is taken
   * @return what to use instead, or null
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    if ("connect".equals(a2)) {
      return a1 == null && a0 instanceof HttpHost && ((HttpHost) a0).getAddress() != null
          ? new InetSocketAddress(((HttpHost) a0).getAddress(), ((HttpHost) a0).getPort())
          : null;
    }
    Destination to = destination((HttpContext) a1, a2 == null ? self : null);
    return to == null || a0 == null
        ? null
        : a2 == null ? to.connection(a0) : to.plan((HttpRoute) a0);
  }

  private static @Nullable Destination destination(
      @Nullable HttpContext context, @Nullable Object by) {
    Object found = context == null ? null : context.getAttribute(AsyncExchange.KEY);
    if (found == null) {
      ClientCall<?, ?> call = CurrentCall.of(HttpClient5Library.class);
      found = call == null ? null : call.note();
    }
    return found instanceof AsyncExchange
        ? ((AsyncExchange<?>) found).connects(by)
        : (Destination) found;
  }
}
