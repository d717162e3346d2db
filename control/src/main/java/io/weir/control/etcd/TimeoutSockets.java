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
 * Makes connected sockets with time-outs: for connecting, and for reading, longer than a live
 * connection is ever silent. Without them a TLS handshake with a frozen peer would block its thread
 * for ever. The sockets ignore the JVM's proxy settings, which belong to the application. Any
 * thread.
 */
final class TimeoutSockets extends SocketFactory {
  private final int connectMillis;
  private final int silenceMillis;

  /** Sockets that may still be open. */
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  TimeoutSockets(int connectMillis, int silenceMillis) {
    this.connectMillis = connectMillis;
    this.silenceMillis = silenceMillis;
  }

  /** An unconnected socket, which has no time-out and which {@link #close} does not know. */
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
      closeQuietly(s);
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

  /** Closes all sockets; reads, writes and connects under way fail at once. */
  void close() {
    closed = true;
    open.forEach(TimeoutSockets::closeQuietly);
    open.clear();
  }

  private static void closeQuietly(Socket s) {
    try {
      s.close();
    } catch (IOException e) {
      // nothing more can be done
    }
  }
}
