package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.instances.Instance;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import javax.net.SocketFactory;
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
 * factory of its sockets. While a retargeted call runs, the addresses made for its host and port
 * get a name service that knows the one instance, {@link PinnedDns}, which is equal only to those
 * of the same instance, so that the pool keeps instances apart and finds their connections again; a
 * factory of sockets which connect to the instance's port, and to its address where the URL's host
 * is an address itself (from 4.10 on OkHttp asks no name service about that), {@link
 * PinnedSockets}; and no proxy: the registry's addresses are direct. Everything above the
 * connection sees the application's URL: TLS, HTTP/2, cookies, cache, listeners. A redirect to
 * another host or port is not retargeted.
 *
 * <p>The thread carries the aim, in the call's {@link Outcome}, from the {@link Governor} to the
 * {@link AddressHook}: OkHttp makes addresses on the thread that runs the call. If some interceptor
 * goes on in another thread, the call goes where the application aimed it, and that is counted.
 */
final class Aim {
  private final String host;
  private final int port;
  private final Instance instance;
  private final Object[] substitutes;
  private boolean taken;

  private Aim(Instance instance, HttpUrl url, Dns dns) {
    this.instance = instance;
    host = url.host();
    port = url.port();
    PinnedDns pinned = new PinnedDns(instance.host(), instance.port(), host, dns);
    substitutes =
        new Object[] {
          pinned,
          new PinnedSockets(port, instance.port(), isLiteral(host) ? pinned : null),
          Proxy.NO_PROXY
        };
  }

  /** Good enough to keep addresses from a name service that only knows names. */
  private static boolean isLiteral(String host) {
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (c == ':') {
        return true;
      }
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }

  /** Null when the call goes there anyway. */
  static @Nullable Aim at(@Nullable Instance instance, HttpUrl url, Dns dns) {
    return instance == null || instance.port() == url.port() && instance.host().equals(url.host())
        ? null
        : new Aim(instance, url, dns);
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
    private final String instanceHost;
    private final int instancePort;
    private final String name;
    private final Dns application;

    PinnedDns(String instanceHost, int instancePort, String name, Dns application) {
      this.instanceHost = instanceHost;
      this.instancePort = instancePort;
      this.name = name;
      this.application = application;
    }

    @Override
    public List<InetAddress> lookup(String hostname) throws UnknownHostException {
      return hostname.equals(name) ? instance() : application.lookup(hostname);
    }

    List<InetAddress> instance() throws UnknownHostException {
      return isLiteral(instanceHost)
          ? Arrays.asList(InetAddress.getAllByName(instanceHost))
          : application.lookup(instanceHost);
    }

    @Override
    public boolean equals(Object o) {
      return o instanceof PinnedDns
          && ((PinnedDns) o).instancePort == instancePort
          && ((PinnedDns) o).instanceHost.equals(instanceHost)
          && ((PinnedDns) o).application.equals(application);
    }

    @Override
    public int hashCode() {
      return instanceHost.hashCode() * 31 + instancePort;
    }
  }

  /** Sockets that connect to the instance's port where OkHttp says the URL's. */
  private static final class PinnedSockets extends SocketFactory {
    private final int urlPort;
    private final int instancePort;

    /** Not null: the URL's host is an address, and OkHttp did not ask this for the instance's. */
    private final @Nullable PinnedDns unasked;

    PinnedSockets(int urlPort, int instancePort, @Nullable PinnedDns unasked) {
      this.urlPort = urlPort;
      this.instancePort = instancePort;
      this.unasked = unasked;
    }

    @Override
    public Socket createSocket() {
      return new Socket() {
        @Override
        public void connect(SocketAddress to, int timeout) throws IOException {
          SocketAddress instance = pinned(to);
          try {
            super.connect(instance, timeout);
          } catch (ConnectException e) {
            // OkHttp's own message will name the port of the URL
            ConnectException told = new ConnectException(e.getMessage() + " at " + instance);
            told.initCause(e);
            throw told;
          }
        }
      };
    }

    private SocketAddress pinned(SocketAddress to) throws UnknownHostException {
      InetSocketAddress a = (InetSocketAddress) to;
      if (a.getPort() != urlPort) {
        return to;
      }
      InetAddress address = unasked == null ? a.getAddress() : unasked.instance().get(0);
      return new InetSocketAddress(address, instancePort);
    }

    // OkHttp makes unconnected sockets only

    @Override
    public Socket createSocket(String host, int port) throws IOException {
      return new Socket(host, port);
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress local, int localPort)
        throws IOException {
      return new Socket(host, port, local, localPort);
    }

    @Override
    public Socket createSocket(InetAddress host, int port) throws IOException {
      return new Socket(host, port);
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort)
        throws IOException {
      return new Socket(host, port, local, localPort);
    }
  }
}
