package org.example.parley;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;

/** Calls one server, a connection for each call. Any thread. */
public final class ParleyClient {
  private final String host;
  private final int port;

  public ParleyClient(String host, int port) {
    this.host = host;
    this.port = port;
  }

  public Reply call(Request request) throws IOException {
    return exchange(request.at(host, port));
  }

  private Reply exchange(Request request) throws IOException {
    try (Socket socket = new Socket(host, port)) {
      Wire.write(new DataOutputStream(socket.getOutputStream()), request);
      return Wire.reply(new DataInputStream(socket.getInputStream()));
    }
  }
}
