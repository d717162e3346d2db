package io.weir.control.etcd;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;

/**
 * Sockets that give up: on connecting, and when nothing was heard for longer than a live connection
 * is ever silent. Without that a TLS handshake with a peer that is frozen would keep its thread for
 * ever. Whatever proxy the application has set for itself is not asked. Any thread.
 */
final class TimeoutSockets extends SocketFactory {
  private final int connectMillis;
  private final int silenceMillis;

  /** Those not closed when last looked at. */
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  TimeoutSockets(int connectMillis, int silenceMillis) {
    this.connectMillis = connectMillis;
    this.silenceMillis = silenceMillis;
  }

  @Override
  public Socket createSocket() {
    return new Socket(Proxy.NO_PROXY);
  }

  @Override
  public Socket createSocket(InetAddress host, int port) throws IOException {
    open.removeIf(Socket::isClosed);
    Socket s = createSocket();
    open.add(s);
    try {
      s.setSoTimeout(silenceMillis);
      s.connect(new InetSocketAddress(host, port), connectMillis);
      if (closed) {
        throw new IOException("closed");
      }
      return s;
    } catch (IOException | RuntimeException e) {
      shut(s);
      throw e;
    }
  }

  @Override
  public Socket createSocket(String host, int port) throws IOException {
    return createSocket(InetAddress.getByName(host), port);
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
    throw new UnsupportedOperationException();
  }

  /** Closes all there are; whoever reads, writes or connects is told at once. */
  void close() {
    closed = true;
    open.forEach(TimeoutSockets::shut);
    open.clear();
  }

  private static void shut(Socket s) {
    try {
      s.close();
    } catch (IOException e) {
      // then it is
    }
  }
}
