package io.weir.smoke;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A WebSocket server that says again whatever short frame it gets, the closing one, too. */
final class WebSocketEcho implements AutoCloseable {
  private static final Pattern KEY = Pattern.compile("(?i)sec-websocket-key: *(\\S+)");
  private static final int CLOSE = 8;

  private final Peer peer = new Peer(WebSocketEcho::serve);

  private static void serve(Socket socket) throws IOException {
    Matcher key = KEY.matcher(HttpProxy.head(socket.getInputStream()));
    if (!key.find()) {
      return;
    }
    OutputStream out = socket.getOutputStream();
    out.write(
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: "
                + accept(key.group(1))
                + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    DataInputStream in = new DataInputStream(socket.getInputStream());
    while (true) {
      int first = in.readUnsignedByte();
      int length = in.readUnsignedByte() & 0x7f; // short ones only
      byte[] mask = in.readNBytes(4);
      byte[] text = in.readNBytes(length);
      for (int i = 0; i < length; i++) {
        text[i] ^= mask[i % 4];
      }
      out.write(first);
      out.write(length);
      out.write(text);
      out.flush();
      if ((first & 0xf) == CLOSE) {
        return;
      }
    }
  }

  /** RFC 6455, 4.2.2. */
  private static String accept(String key) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-1")
              .digest(
                  (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                      .getBytes(StandardCharsets.US_ASCII));
      return Base64.getEncoder().encodeToString(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  int port() {
    return peer.port();
  }

  @Override
  public void close() {
    peer.close();
  }
}
