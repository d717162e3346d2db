package io.weir.instrumentation.httpclient5.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.common.HostPort;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.apache.hc.client5.http.HttpRoute;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.net.NamedEndpoint;
import org.apache.hc.core5.net.URIAuthority;
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
      return a1 == null && a0 instanceof HttpHost ? Destination.address((HttpHost) a0) : null;
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

  /**
   * Sends a call to a chosen instance without touching its request.
   *
   * <p><b>What is done.</b> An exchange has a route: its target, and the proxies on the way. It is
   * the plan that the library follows, what cookies and credentials are looked up by, and the key
   * of pooled connections. While a retargeted call runs, its plan has no proxy, for the registry's
   * addresses are direct, and else stays as it is ({@link #plan}). Only where a connection is taken
   * does it stand for the chosen instance ({@link #connection}): with the target's own name, which
   * TLS goes by, and the instance's address and port. A host with an address is equal only to one
   * with the same, so the pool keeps instances apart and finds their connections again. A redirect
   * to another host or port is not retargeted.
   *
   * <p>It is found as the note of the call that the thread makes, and, since asynchronous exchanges
   * go on in other threads, in their context ({@link AsyncExchange}).
   */
  static final class Destination {
    private final HttpHost aimed;
    private final InetAddress address;
    private final int port;

    private Destination(HttpHost aimed, HostPort instance) throws UnknownHostException {
      this.aimed = aimed;
      address =
          InetAddress.getByAddress(
              aimed.getHostName(), InetAddress.getByName(instance.host()).getAddress());
      port = instance.port();
    }

    /**
     * Null of null.
     *
     * @param target as the library was told; null: it is the request's
     */
    static @Nullable Destination of(
        @Nullable HostPort instance, @Nullable HttpHost target, HttpRequest request)
        throws UnknownHostException {
      if (instance == null) {
        return null;
      }
      URIAuthority authority = request.getAuthority();
      return new Destination(
          target != null ? target : new HttpHost(request.getScheme(), authority), instance);
    }

    private boolean isAimed(HttpHost host) {
      return host.getHostName().equalsIgnoreCase(aimed.getHostName())
          && host.getSchemeName().equalsIgnoreCase(aimed.getSchemeName())
          && port(host) == port(aimed);
    }

    private static int port(HttpHost host) {
      return host.getPort() >= 0 ? host.getPort() : "https".equals(host.getSchemeName()) ? 443 : 80;
    }

    /** The route without a proxy; null: it may stay. */
    @Nullable HttpRoute plan(HttpRoute route) {
      return route.getProxyHost() == null || !isAimed(route.getTargetHost())
          ? null
          : to(route, route.getTargetHost());
    }

    /** The instance in the place of a route or a host; null: it is not the one aimed at. */
    @Nullable Object connection(Object routeOrHost) {
      if (routeOrHost instanceof HttpRoute) {
        HttpRoute route = (HttpRoute) routeOrHost;
        return isAimed(route.getTargetHost()) ? to(route, instance(route.getTargetHost())) : null;
      }
      HttpHost host = (HttpHost) routeOrHost;
      return isAimed(host) ? instance(host) : null;
    }

    /** The address of a host that is an instance; null: it is none, or its library's own affair. */
    static @Nullable InetSocketAddress address(HttpHost host) {
      InetAddress a = host.getAddress();
      return a != null && a.toString().startsWith(host.getHostName() + "/")
          ? new InetSocketAddress(a, host.getPort())
          : null;
    }

    private HttpHost instance(HttpHost host) {
      return new HttpHost(host.getSchemeName(), address, host.getHostName(), port);
    }

    private static HttpRoute to(HttpRoute route, HttpHost target) {
      HttpRoute direct = new HttpRoute(target, route.getLocalAddress(), route.isSecure());
      return TargetName.keep(route, direct);
    }
  }

  /** The name that TLS goes by where the request has another authority than its target: 5.4. */
  private static final class TargetName {
    private static final @Nullable Method GET;
    private static final @Nullable Constructor<HttpRoute> WITH;

    static {
      Method get = null;
      Constructor<HttpRoute> with = null;
      try {
        get = HttpRoute.class.getMethod("getTargetName");
        with =
            HttpRoute.class.getConstructor(
                HttpHost.class, NamedEndpoint.class, InetAddress.class, boolean.class);
      } catch (NoSuchMethodException older) {
        get = null;
      }
      GET = get;
      WITH = with;
    }

    static HttpRoute keep(HttpRoute route, HttpRoute direct) {
      try {
        if (GET == null || WITH == null) {
          return direct;
        }
        Object name = GET.invoke(route);
        return name == null
            ? direct
            : WITH.newInstance(
                direct.getTargetHost(), name, direct.getLocalAddress(), direct.isSecure());
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
