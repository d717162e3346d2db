package org.example.parley;

import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.function.Function;

/** Serves calls, each on a thread of its own. */
public final class ParleyServer {
  private final ServerSocket socket;
  private final Function<Request, Reply> handler;

  public ParleyServer(int port, Function<Request, Reply> handler) throws IOException {
    socket = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
    this.handler = handler;
  }

  public int port() {
    return socket.getLocalPort();
  }

  public ParleyServer start() {
    daemon(
        () -> {
          while (true) {
            Socket connection = socket.accept();
            daemon(() -> answer(connection));
          }
        });
    return this;
  }

  private void answer(Socket connection) throws IOException {
    try (Socket c = connection) {
      Request request = Wire.request(new DataInputStream(c.getInputStream()));
      Reply reply = serve(request.at(c.getInetAddress().getHostAddress(), c.getPort()));
      Wire.write(new DataOutputStream(new BufferedOutputStream(c.getOutputStream())), reply);
    }
  }

  private Reply serve(Request request) {
    try {
      return handler.apply(request);
    } catch (RuntimeException e) {
      return new Reply(Reply.FAILED, String.valueOf(e.getMessage()));
    }
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void daemon(Work work) {
    Thread t =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException gone) {
                // the other side is
              }
            },
            "parley");
    t.setDaemon(true);
    t.start();
  }
}
