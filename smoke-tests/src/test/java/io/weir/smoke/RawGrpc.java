package io.weir.smoke;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Unary gRPC calls on one plain HTTP/2 connection: a client library would refuse to send what is
 * sent here. Characters of names and values are bytes.
 */
final class RawGrpc implements AutoCloseable {
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int CONTINUATION = 9;
  private static final int FRAME = 16_384;

  private final Socket socket;
  private final DataInputStream in;
  private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(false);
  private int stream = -1;
  private Http2Headers last;

  RawGrpc(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setSoTimeout(30_000);
    socket.setTcpNoDelay(true);
    in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), 1 << 16));
    ByteArrayOutputStream hello = new ByteArrayOutputStream();
    hello.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
    frame(hello, SETTINGS, 0, 0, new byte[0], 0, 0);
    socket.getOutputStream().write(hello.toByteArray());
  }

  /**
   * Sends an empty message and waits for the end of the call.
   *
   * @param headers names and values in turn
   * @return grpc-status; 1000 and the HTTP status where there is none; minus the HTTP/2 error code
   *     and one where the stream was reset
   * @throws IOException when the connection ends
   */
  int call(List<String> headers) throws IOException {
    stream += 2;
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    for (int i = 0; i < headers.size(); i += 2) {
      block.write(0x10); // literal, never indexed, new name
      string(block, headers.get(i));
      string(block, headers.get(i + 1));
    }
    byte[] b = block.toByteArray();
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int from = 0; from == 0 || from < b.length; from += FRAME) {
      int n = Math.min(FRAME, b.length - from);
      frame(
          all,
          from == 0 ? HEADERS : CONTINUATION,
          from + n == b.length ? 4 : 0, // END_HEADERS
          stream,
          b,
          from,
          n);
    }
    frame(all, DATA, 1, stream, new byte[5], 0, 5);
    socket.getOutputStream().write(all.toByteArray());
    return answer();
  }

  /** Of the last call that ended with a status: what came with it, or null. */
  String trailer(String name) {
    CharSequence value = last.get(name);
    return value == null ? null : value.toString();
  }

  private int answer() throws IOException {
    int http = 0;
    while (true) {
      int head = in.readInt();
      int flags = in.readUnsignedByte();
      int id = in.readInt() & 0x7fffffff;
      byte[] payload = new byte[head >>> 8];
      in.readFully(payload);
      switch (head & 0xff) {
        case SETTINGS:
        case PING:
          if ((flags & 1) == 0) {
            ByteArrayOutputStream ack = new ByteArrayOutputStream();
            boolean ping = (head & 0xff) == PING;
            frame(ack, head & 0xff, 1, 0, payload, 0, ping ? payload.length : 0);
            socket.getOutputStream().write(ack.toByteArray());
          }
          break;
        case GOAWAY:
          throw new EOFException("GOAWAY " + new String(payload, StandardCharsets.ISO_8859_1));
        case RST_STREAM:
          if (id == stream) {
            return -1 - payload[3];
          }
          break;
        case HEADERS:
          Http2Headers h = decoded(id, payload);
          if (id == stream) {
            http = h.status() == null ? http : Integer.parseInt(h.status().toString());
            CharSequence status = h.get("grpc-status");
            if (status != null || (flags & 1) != 0) {
              last = h;
              return status == null ? 1000 + http : Integer.parseInt(status.toString());
            }
          }
          break;
        default:
          break; // data, window updates
      }
    }
  }

  /** Every block, of any stream: the table of names it adds to is the connection's. */
  private Http2Headers decoded(int id, byte[] block) throws IOException {
    try {
      return decoder.decodeHeaders(id, Unpooled.wrappedBuffer(block));
    } catch (Http2Exception e) {
      throw new IOException(e);
    }
  }

  private static void string(ByteArrayOutputStream to, String s) throws IOException {
    int n = s.length();
    if (n < 127) {
      to.write(n);
    } else {
      to.write(127);
      for (n -= 127; n >= 128; n >>>= 7) {
        to.write(n & 127 | 128);
      }
      to.write(n);
    }
    to.write(s.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static void frame(
      ByteArrayOutputStream to, int type, int flags, int stream, byte[] b, int from, int length) {
    to.write(length >>> 16);
    to.write(length >>> 8);
    to.write(length);
    to.write(type);
    to.write(flags);
    for (int shift = 24; shift >= 0; shift -= 8) {
      to.write(stream >>> shift);
    }
    to.write(b, from, length);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
