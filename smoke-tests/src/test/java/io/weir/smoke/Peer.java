package io.weir.smoke;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** A server of plain sockets on 127.0.0.1: a thread for each connection, closed at its end. */
final class Peer implements AutoCloseable {
  /** What it does with a connection. */
  interface Behaviour {
    void on(Socket socket) throws IOException;
  }

  private final ServerSocket server;

  Peer(Behaviour behaviour) {
    try {
      server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    daemon(
        () -> {
          while (!server.isClosed()) {
            try {
              Socket s = server.accept();
              daemon(
                  () -> {
                    try (s) {
                      behaviour.on(s);
                    } catch (IOException gone) {
                      // the other side is
                    }
                  });
            } catch (IOException closed) {
              return;
            }
          }
        });
  }

  static void daemon(Runnable task) {
    Thread t = new Thread(task, "peer");
    t.setDaemon(true);
    t.start();
  }

  int port() {
    return server.getLocalPort();
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException gone) {
      // as intended
    }
  }
}
