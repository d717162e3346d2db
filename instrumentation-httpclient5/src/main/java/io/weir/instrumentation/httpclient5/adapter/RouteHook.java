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

/**
 * Called when HttpClient is about to use an {@code HttpRoute} or {@code HttpHost}. If a rule routes
 * the call to an instance, replaces it so that the call goes there ({@link Destination}).
 */
public final class RouteHook extends Hook {
  /** By reflection; every hook's constructor takes the engine. */
  public RouteHook(Engine engine) {}

  /**
   * @param a0 the route or the host
   * @param a1 with {@code connect}: the address to connect to; null: the library will resolve the
   *     name. Otherwise: the exchange's context, or null
   * @param a2 the place: {@code plan} in the execution chain, {@code connect} in the HTTP/2 client;
   *     null: where a connection is taken
   * @return a route or host to use instead, with {@code connect} an address; null: no change
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

  /**
   * Where the call at hand is routed to; null: it is not. An asynchronous exchange is found in its
   * context, a call of this thread in {@link CurrentCall}.
   *
   * @param by what takes a connection; null: nothing does
   */
  private static @Nullable Destination destination(
      @Nullable HttpContext context, @Nullable Object by) {
    Object found = context == null ? null : context.getAttribute(AsyncExchange.KEY);
    if (found == null) {
      ClientCall<?, ?> call = CurrentCall.of(HttpClient5Library.class);
      found = call == null ? null : call.note();
    }
    return found instanceof AsyncExchange
        ? ((AsyncExchange<?>) found).destinationFor(by)
        : (Destination) found;
  }

  /**
   * The instance that a rule chose for a call. Sends the call there without touching its request.
   *
   * <p><b>What is done.</b> For HttpClient an {@code HttpRoute} is three things: the plan that the
   * exchange follows, with the target and the proxies on the way; what cookies and credentials are
   * looked up by; and the key of pooled connections. While a routed call runs, its plan has no
   * proxy, because the registry's addresses are for direct connections. Otherwise the plan stays as
   * it is ({@link #plan}). Only where a connection is taken is the target replaced ({@link
   * #connection}): it keeps its name, which TLS uses, and gets the instance's address and port. Two
   * hosts are equal only if their addresses are, so the pool keeps the connections of instances
   * apart. A redirect to another host or port is not routed.
   *
   * <p>The hook finds a destination as the note of the call that the thread makes. Asynchronous
   * exchanges go on in other threads, so their destination is found by their context ({@link
   * AsyncExchange}).
   */
  static final class Destination {
    /** The host that the application called. */
    private final HttpHost aimed;

    /** The instance's address, under the name of {@link #aimed}. */
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
     * @param instance where the rule sends the call; null: it does not route it
     * @param target as the application gave it to the client; null: the request has it
     * @return null if {@code instance} is null
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

    /** Whether this is the host that the application called: after a redirect it may be another. */
    private boolean isAimed(HttpHost host) {
      return host.getHostName().equalsIgnoreCase(aimed.getHostName())
          && host.getSchemeName().equalsIgnoreCase(aimed.getSchemeName())
          && HostPort.port(host.getPort(), host.getSchemeName())
              == HostPort.port(aimed.getPort(), aimed.getSchemeName());
    }

    /** The route without its proxies; null: the route may stay as it is. */
    @Nullable HttpRoute plan(HttpRoute route) {
      return route.getProxyHost() == null || !isAimed(route.getTargetHost())
          ? null
          : to(route, route.getTargetHost());
    }

    /** The route or host with the instance's address; null: it is not the host that was called. */
    @Nullable Object connection(Object routeOrHost) {
      if (routeOrHost instanceof HttpRoute) {
        HttpRoute route = (HttpRoute) routeOrHost;
        return isAimed(route.getTargetHost()) ? to(route, instance(route.getTargetHost())) : null;
      }
      HttpHost host = (HttpHost) routeOrHost;
      return isAimed(host) ? instance(host) : null;
    }

    /**
     * The address of a host that {@link #connection} made; null: it did not make it, and the
     * library resolves the name.
     */
    static @Nullable InetSocketAddress address(HttpHost host) {
      // an address with a name prints as "name/address"
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

  /**
   * Copies a route's target name to a new route. Since 5.4 a route may have such a name, for TLS,
   * if the request has another authority than its target. Older versions have none.
   */
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
