package io.weir.smoke;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** HTTP/1.1 on one plain socket: what a client library would hide is seen here. */
final class Raw implements AutoCloseable {
  private final Socket socket;
  private final InputStream in;
  private String host = "shop";

  /** An answer; header names are case-insensitive. */
  record Answer(int status, Map<String, String> headers, String body) {
    String header(String name) {
      return headers.get(name);
    }
  }

  Raw(int port) throws IOException {
    this("127.0.0.1", port);
  }

  /** From an address of this machine. */
  Raw(String from, int port) throws IOException {
    socket = new Socket("127.0.0.1", port, InetAddress.getByName(from), 0);
    socket.setSoTimeout(10_000);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** The name by which it asks from now on. */
  Raw host(String name) {
    host = name;
    return this;
  }

  Answer get(String path, String... headers) throws IOException {
    return ask("GET", path, null, headers);
  }

  /** Sends a request on this connection and reads its answer, body and all. */
  Answer ask(String method, String path, byte[] body, String... headers) throws IOException {
    send(method, path, body, headers);
    return answer(method);
  }

  /** Sends a request and leaves its answer for {@link #answer}. */
  void send(String method, String path, byte[] body, String... headers) throws IOException {
    StringBuilder head =
        new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n");
    for (String h : headers) {
      head.append(h).append("\r\n");
    }
    if (body != null) {
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    if (body != null) {
      all.write(body);
    }
    socket.getOutputStream().write(all.toByteArray());
    socket.getOutputStream().flush();
  }

  /** Sends these very bytes and reads the answer. */
  Answer send(byte[] request) throws IOException {
    socket.getOutputStream().write(request);
    socket.getOutputStream().flush();
    return answer(request[0] == 'H' && request[1] == 'E' ? "HEAD" : "GET");
  }

  /** Reads the answer to a request that was sent. */
  Answer answer(String method) throws IOException {
    boolean head = method.equals("HEAD");
    String status = line();
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String l; !(l = line()).isEmpty(); ) {
      int colon = l.indexOf(':');
      headers.merge(
          l.substring(0, colon).trim(), l.substring(colon + 1).trim(), (a, b) -> a + ", " + b);
    }
    byte[] body = new byte[0];
    if (!head && "chunked".equalsIgnoreCase(headers.get("Transfer-Encoding"))) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (int n; (n = Integer.parseInt(line(), 16)) > 0; line()) {
        all.write(exactly(n));
      }
      line();
      body = all.toByteArray();
    } else if (!head && headers.containsKey("Content-Length")) {
      body = exactly(Integer.parseInt(headers.get("Content-Length")));
    }
    return new Answer(
        Integer.parseInt(status.split(" ")[1]), headers, new String(body, StandardCharsets.UTF_8));
  }

  /** Whether an answer to what was sent has begun to come. */
  boolean hasAnswer() throws IOException {
    return in.available() > 0;
  }

  private byte[] exactly(int n) throws IOException {
    byte[] b = in.readNBytes(n);
    if (b.length < n) {
      throw new EOFException("closed after " + b.length + " of " + n + " bytes");
    }
    return b;
  }

  private String line() throws IOException {
    ByteArrayOutputStream b = new ByteArrayOutputStream();
    for (int c; (c = in.read()) != '\n'; ) {
      if (c < 0) {
        throw new EOFException("closed by the server");
      }
      if (c != '\r') {
        b.write(c);
      }
    }
    return b.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
