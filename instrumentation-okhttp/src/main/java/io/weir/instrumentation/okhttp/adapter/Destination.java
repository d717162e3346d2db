package io.weir.instrumentation.okhttp.adapter;

import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.PinnedSockets;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Sends a call to a chosen instance without changing its URL.
 *
 * <p><b>Why the URL is not changed.</b> With another host in the URL https fails, because
 * certificate and SNI follow the URL. Another port is seen by interceptors, cookies, the cache, the
 * {@code Host} header and redirects. And it would not be enough: OkHttp shares a pooled connection
 * among calls with equal {@code Address}. That has the host and port of the URL, but no IP address,
 * so two instances on the same port would be mixed up.
 *
 * <p><b>What is done.</b> An {@code Address} also has a name service, a socket factory and a proxy.
 * While a routed call runs, the addresses that OkHttp makes for the call's host and port get
 * others:
 *
 * <ul>
 *   <li>a name service that knows the one instance ({@link PinnedDns}). It is equal only to those
 *       of the same instance, so the pool keeps instances apart and finds their connections again
 *   <li>sockets that connect to the instance's port ({@link PinnedSockets}). Where the URL's host
 *       is an IP address they connect to the instance's address, too: OkHttp from 4.10 on asks no
 *       name service about an IP address. OkHttp does not compare socket factories, so these need
 *       no {@code equals}
 *   <li>no proxy: the addresses in the registry are direct
 * </ul>
 *
 * <p>Everything above the connection sees the application's URL: TLS, HTTP/2, cookies, cache,
 * listeners. A redirect to another host or port is not routed.
 *
 * <p>{@link Governor} keeps it in the call ({@code ClientCall.note}), where {@link AddressHook}
 * finds it: OkHttp makes addresses on the thread that runs the call. If an interceptor continues on
 * another thread, the call goes where the application sent it, and that is counted as fail-open.
 */
final class Destination {
  private final String host;
  private final int port;
  private final HostPort instance;
  private final Object[] substitutes;
  private boolean taken;

  private Destination(HostPort instance, HttpUrl url, Dns dns) {
    this.instance = instance;
    host = url.host();
    port = url.port();
    PinnedDns pinned = new PinnedDns(instance, host, dns);
    substitutes =
        new Object[] {
          pinned,
          new PinnedSockets(
              port,
              instance.port(),
              HostPort.isAddress(host) ? () -> pinned.instance().get(0) : null),
          Proxy.NO_PROXY
        };
  }

  /** Null for null. */
  static @Nullable Destination of(@Nullable HostPort instance, HttpUrl url, Dns dns) {
    return instance == null ? null : new Destination(instance, url, dns);
  }

  /**
   * Name service, socket factory and proxy for an address with this host and port; null: they are
   * not those of the call.
   */
  Object @Nullable [] substitutes(String urlHost, int urlPort) {
    if (urlPort != port || !urlHost.equals(host)) {
      return null;
    }
    taken = true;
    return substitutes;
  }

  boolean taken() {
    return taken;
  }

  @Override
  public String toString() {
    return instance.toString();
  }

  /** Resolves the call's host to the instance, and any other name as the application does. */
  private static final class PinnedDns implements Dns {
    private final HostPort instance;
    private final String name;
    private final Dns application;

    PinnedDns(HostPort instance, String name, Dns application) {
      this.instance = instance;
      this.name = name;
      this.application = application;
    }

    @Override
    public List<InetAddress> lookup(String hostname) throws UnknownHostException {
      return hostname.equals(name) ? instance() : application.lookup(hostname);
    }

    List<InetAddress> instance() throws UnknownHostException {
      return HostPort.isAddress(instance.host())
          ? Arrays.asList(InetAddress.getAllByName(instance.host()))
          : application.lookup(instance.host());
    }

    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof PinnedDns
          && ((PinnedDns) o).instance.equals(instance)
          && ((PinnedDns) o).application.equals(application);
    }

    @Override
    public int hashCode() {
      return instance.hashCode();
    }
  }
}
