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
 * Sends a call to a chosen instance without touching its URL.
 *
 * <p><b>Why not rewrite the URL?</b> With another host in it https fails (certificate and SNI
 * follow the URL), and even another port shows: to interceptors, cookies, the cache (an entry per
 * instance), the {@code Host} header and redirects, which OkHttp resolves against it. And it would
 * not do: OkHttp shares pooled connections among calls whose {@code Address} is equal, and that
 * holds the URL's host and port, never the IP address; two instances on the same port would be
 * mixed up.
 *
 * <p><b>What is done.</b> An {@code Address} also holds the name service it resolves with and the
 * factory of its sockets. While a routed call runs, the addresses made for its host and port get a
 * name service that knows the one instance, {@link PinnedDns}, which is equal only to those of the
 * same instance, so that the pool keeps instances apart and finds their connections again; a
 * factory of sockets which connect to the instance's port, and to its address where the URL's host
 * is an address itself (from 4.10 on OkHttp asks no name service about that), {@link
 * PinnedSockets}; and no proxy: the registry's addresses are direct. Everything above the
 * connection sees the application's URL: TLS, HTTP/2, cookies, cache, listeners. A redirect to
 * another host or port is not routed.
 *
 * <p>The thread carries it, as its call's note, from the {@link Governor} to the {@link
 * AddressHook}: OkHttp makes addresses on the thread that runs the call. If some interceptor goes
 * on in another thread, the call goes where the application aimed it, and that is counted.
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

  /** Null of null. */
  static @Nullable Destination of(@Nullable HostPort instance, HttpUrl url, Dns dns) {
    return instance == null ? null : new Destination(instance, url, dns);
  }

  /** Name service, socket factory and proxy for an address of this URL; null: not the aimed one. */
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

  /** Resolves the aimed name to the instance, any other as the application does. */
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
