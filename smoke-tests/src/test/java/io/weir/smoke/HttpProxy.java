package io.weir.smoke;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/** An HTTP proxy: tunnels what asks for it, and answers all else itself. */
final class HttpProxy implements AutoCloseable {
  private final AtomicInteger served = new AtomicInteger();
  private final Peer peer = new Peer(this::serve);

  private void serve(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    OutputStream out = socket.getOutputStream();
    while (true) {
      String head = head(in);
      if (head.isEmpty()) {
        return;
      }
      served.incrementAndGet();
      String[] line = head.split("\r\n", 2)[0].split(" ");
      if (line[0].equals("CONNECT")) {
        String[] to = line[1].split(":");
        try (Socket target = new Socket(to[0], Integer.parseInt(to[1]))) {
          out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          Peer.daemon(
              () -> {
                try {
                  target.getInputStream().transferTo(out);
                  socket.close();
                } catch (IOException gone) {
                  // one of both
                }
              });
          in.transferTo(target.getOutputStream());
        }
        return;
      }
      byte[] body = ("proxy " + line[0] + " " + line[1]).getBytes(StandardCharsets.UTF_8);
      out.write(
          ("HTTP/1.1 200 OK\r\nContent-Length: " + body.length + "\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      out.write(body);
      out.flush();
    }
  }

  /** Up to the empty line; empty at the end of the stream. */
  static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    for (int c; (c = in.read()) >= 0; ) {
      head.append((char) c);
      if (c == '\n' && head.length() >= 4 && head.indexOf("\r\n\r\n", head.length() - 4) >= 0) {
        return head.toString();
      }
    }
    return "";
  }

  int port() {
    return peer.port();
  }

  int served() {
    return served.get();
  }

  @Override
  public void close() {
    peer.close();
  }
}
