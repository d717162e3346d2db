package io.weir.instrumentation.urlconnection.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.WeakTable;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MalformedURLException;
import java.net.Socket;
import java.net.URL;
import java.net.UnknownHostException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Called where the JDK connects, and where it takes and keeps connections. Sends routed calls to
 * the chosen instance ({@link Destination}).
 */
public final class RouteHook extends Hook {
  /** Where the JDK's clients, each of which has a socket, are connected for routed calls. */
  private static final WeakTable<Object, Destination> CONNECTED =
      new WeakTable<Object, Destination>(Integer.MAX_VALUE, gone -> {});

  private static final Class<?> CLIENT = ConnectionState.type("sun.net.NetworkClient");
  private static final Method CREATE = ConnectionState.method(CLIENT, "createSocket");
  private static final Field CONNECT_TIMEOUT = ConnectionState.field(CLIENT, "connectTimeout");
  private static final Field READ_TIMEOUT = ConnectionState.field(CLIENT, "readTimeout");
  private static final Field CONNECT_DEFAULT =
      ConnectionState.field(CLIENT, "defaultConnectTimeout");
  private static final Field READ_DEFAULT = ConnectionState.field(CLIENT, "defaultSoTimeout");

  /** By reflection; every hook's constructor takes the engine. */
  public RouteHook(Engine engine) {}

  /**
   * @param self with {@code connect}: the JDK's client
   * @param a0 with {@code connect}: the server's name; else the URL
   * @param a1 with {@code connect}: its port; with {@code keep}: the JDK's client
   * @param a2 the place: {@code connect}, or {@code take} or {@code keep} a connection
   * @return with {@code connect} an {@link Instead} with the socket, else a URL to go by; null: no
   *     change
   */
  @Override
  @SuppressWarnings("NullAway") // the JDK calls the woven methods with these
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2)
      throws MalformedURLException {
    if ("keep".equals(a2)) {
      Destination d = CONNECTED.get(a1);
      return d == null ? null : d.kept((URL) a0);
    }
    ClientCall<?, ?> current = CurrentCall.of(UrlConnectionLibrary.class);
    UrlCall call = current == null ? null : (UrlCall) current.note();
    Destination d = call == null ? null : call.destination();
    if (call == null || d == null) {
      return null;
    }
    if ("take".equals(a2)) {
      URL url = (URL) a0;
      return d.isAimed(url.getHost(), UrlRequest.port(url)) ? d.kept(url) : null;
    }
    return d.isAimed((String) a0, (Integer) a1) ? connect(self, d, call) : null;
  }

  /** As {@code NetworkClient.doConnect} does. */
  private static Instead connect(Object client, Destination to, UrlCall call) {
    try {
      Socket s = (Socket) Objects.requireNonNull(ConnectionState.invoke(CREATE, client));
      call.connecting(s);
      s.connect(to.instance, millis(client, CONNECT_TIMEOUT, CONNECT_DEFAULT));
      int read = millis(client, READ_TIMEOUT, READ_DEFAULT);
      if (read > 0) {
        s.setSoTimeout(read);
      }
      CONNECTED.put(client, to);
      return new Instead(s);
    } catch (InvocationTargetException e) {
      Throwable cause = e.getCause();
      return Instead.throwing(cause == null ? e : cause);
    } catch (IOException e) {
      return Instead.throwing(e);
    } finally {
      call.connecting(null);
    }
  }

  /** 0: for ever. */
  private static int millis(Object client, Field field, Field otherwise) {
    int own = ConnectionState.number(field, client);
    return own >= 0 ? own : Math.max(0, ConnectionState.number(otherwise, client));
  }

  /**
   * The instance that a rule chose for a call. Sends the call there without touching its URL.
   *
   * <p><b>What is done.</b> The JDK's client connects to host and port of its URL; TLS, cookies,
   * credentials and the header {@code Host} go by the same URL. So the URL stays, and only the
   * socket is another: it is connected to the instance's address, under the name that the
   * application called. While it connects there the connection has no proxy ({@link
   * UrlCall#connects}). Idle connections are kept by the host and port of the URL. For the
   * connections of an instance, the cache is given a URL with another host, made of the name and
   * the instance's address; of such a URL the cache takes host and port, and nobody else sees it.
   */
  static final class Destination {
    private final String host;
    private final int port;
    private final String kept;
    final InetSocketAddress instance;

    private Destination(URL aimed, HostPort to) throws UnknownHostException {
      host = aimed.getHost();
      port = UrlRequest.port(aimed);
      instance =
          new InetSocketAddress(
              InetAddress.getByAddress(host, InetAddress.getByName(to.host()).getAddress()),
              to.port());
      kept = (host + "_weir_" + to).replaceAll("[^\\w.-]", "-");
    }

    /**
     * @param instance where the rule sends the call; null: it does not route it
     * @param aimed as the application wrote it
     * @return null if {@code instance} is null
     */
    static @Nullable Destination of(@Nullable HostPort instance, URL aimed)
        throws UnknownHostException {
      return instance == null ? null : new Destination(aimed, instance);
    }

    /** Whether this is where the application aimed the call: after a redirect it may not be. */
    boolean isAimed(String server, int port) {
      return port == this.port && server.equalsIgnoreCase(host);
    }

    /** What the cache of connections knows the instance by, instead of by the URL itself. */
    URL kept(URL url) throws MalformedURLException {
      return new URL(url.getProtocol(), kept, url.getPort(), "/");
    }
  }
}
