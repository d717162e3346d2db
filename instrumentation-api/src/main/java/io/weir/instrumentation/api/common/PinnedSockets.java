package io.weir.instrumentation.api.common;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * Makes sockets that connect to a chosen instance when the library connects them to the port that
 * the application wrote. Immutable; any thread.
 */
public final class PinnedSockets extends SocketFactory {
  /** Finds the instance's address, on the thread that connects. */
  public interface Resolver {
    InetAddress resolve() throws UnknownHostException;
  }

  private final int port;
  private final int instancePort;
  private final @Nullable Resolver address;

  /**
   * @param port the port that the application wrote; a connection to another one is not changed
   * @param instancePort the port of the instance
   * @param address finds the address of the instance; null: the library has resolved it
   */
  public PinnedSockets(int port, int instancePort, @Nullable Resolver address) {
    this.port = port;
    this.instancePort = instancePort;
    this.address = address;
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
          // the library's own message will name the port that the application wrote
          ConnectException told = new ConnectException(e.getMessage() + " at " + instance);
          told.initCause(e);
          throw told;
        }
      }
    };
  }

  private SocketAddress pinned(SocketAddress to) throws UnknownHostException {
    InetSocketAddress a = (InetSocketAddress) to;
    if (a.getPort() != port) {
      return to;
    }
    if (address == null && a.isUnresolved()) {
      return InetSocketAddress.createUnresolved(a.getHostString(), instancePort);
    }
    return new InetSocketAddress(
        address == null ? a.getAddress() : address.resolve(), instancePort);
  }

  // never called by the libraries: they connect a socket after they have made it

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
