package io.weir.instrumentation.httpclient4.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Skip;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.common.HostPort;
import org.apache.http.HttpClientConnection;
import org.apache.http.HttpHost;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.protocol.HttpClientContext;
import org.apache.http.conn.routing.HttpRoute;
import org.apache.http.conn.routing.RouteInfo.LayerType;
import org.apache.http.conn.routing.RouteInfo.TunnelType;
import org.jspecify.annotations.Nullable;

/**
 * Called when HttpClient is about to use an {@code HttpRoute}. If a rule routes the call to an
 * instance, replaces the route so that the call goes there ({@link Destination}).
 */
public final class RouteHook extends Hook {
  /** By reflection; every hook's constructor takes the engine. */
  public RouteHook(Engine engine) {}

  /**
   * @param a0 the route
   * @param a1 the context, where HttpClient is about to ask a proxy for a tunnel; null: where it
   *     got a route to follow
   * @param a2 with a context: since 4.3 the connection, before that null
   * @return with a context a {@link Skip} if the proxy is an instance. Otherwise the route to
   *     follow instead. Null: no change
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    ClientCall<?, ?> call = CurrentCall.of(HttpClient4Library.class);
    Destination to = call == null ? null : (Destination) call.note();
    if (to == null || a0 == null) {
      return null;
    }
    HttpRoute route = (HttpRoute) a0;
    if (a1 == null) {
      return to.route(route);
    }
    if (!to.isEndOf(route)) {
      return null;
    }
    if (a2 != null && route.isSecure()) {
      limitHandshake((HttpClientConnection) a2, ((HttpClientContext) a1).getRequestConfig());
    }
    return Skip.SKIP;
  }

  /**
   * TLS with a target has to begin within the connect timeout; within a tunnel, since 4.3, it may
   * take any time. HttpClient sets the socket timeout of the call after the handshake, if it has
   * one.
   */
  private static void limitHandshake(HttpClientConnection connection, RequestConfig config) {
    try {
      if (config.getConnectTimeout() > 0
          && config.getSocketTimeout() >= 0
          && connection.getSocketTimeout() == 0) {
        connection.setSocketTimeout(config.getConnectTimeout());
      }
    } catch (IllegalStateException aborted) {
      // HttpClient will find out: no CONNECT may be sent to an instance for that
    }
  }

  /**
   * The instance that a rule chose for a call. Sends the call there without touching its request.
   *
   * <p><b>What is done.</b> For HttpClient an {@code HttpRoute} is the plan of a call and the key
   * of pooled connections; cookies, credentials, TLS and {@code Host} go by its target. A routed
   * call follows a route with the same target, on which the instance stands as a proxy that has
   * opened a tunnel already: HttpClient connects to the instance, is kept from asking it for the
   * tunnel, and begins TLS with the target's name. So the pool keeps the connections of instances
   * apart, and a connection of a routed call never serves another one. A proxy of the application's
   * is left out, because the registry's addresses are for direct connections. A redirect to another
   * host or port is not routed.
   */
  static final class Destination {
    /** The host that the application called. */
    private final HttpHost aimed;

    private final HttpHost instance;

    private Destination(HttpHost aimed, HttpHost instance) {
      this.aimed = aimed;
      this.instance = instance;
    }

    /**
     * @param instance where the rule sends the call; null: it does not route it
     * @return null if {@code instance} is null
     */
    static @Nullable Destination of(@Nullable HostPort instance, HttpHost aimed) {
      return instance == null
          ? null
          : new Destination(aimed, new HttpHost(instance.host(), instance.port()));
    }

    /** The route to the instance; null: no change. */
    @Nullable HttpRoute route(HttpRoute route) {
      HttpHost target = route.getTargetHost();
      boolean secure = route.isSecure();
      // without a secure route nobody begins TLS in the tunnel: that is so for a minimal client
      if (isEndOf(route)
          || !isAimed(target)
          || secure != "https".equalsIgnoreCase(target.getSchemeName())) {
        return null;
      }
      LayerType layer = secure ? LayerType.LAYERED : LayerType.PLAIN;
      return new HttpRoute(
          target, route.getLocalAddress(), instance, secure, TunnelType.TUNNELLED, layer);
    }

    /** Whether this is the host that the application called: after a redirect it may be another. */
    private boolean isAimed(HttpHost host) {
      return host.getHostName().equalsIgnoreCase(aimed.getHostName())
          && host.getSchemeName().equalsIgnoreCase(aimed.getSchemeName())
          && HostPort.port(host.getPort(), host.getSchemeName())
              == HostPort.port(aimed.getPort(), aimed.getSchemeName());
    }

    /** Whether a route leads to the instance. */
    boolean isEndOf(HttpRoute route) {
      return instance.equals(route.getProxyHost());
    }
  }
}
