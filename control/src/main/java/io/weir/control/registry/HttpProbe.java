package io.weir.control.registry;

import io.weir.control.loop.Log;
import java.io.IOException;
import java.io.InputStream;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Checks an HTTP server: {@code GET} of the health path on a plain socket. Not by {@code
 * HttpURLConnection}, whose proxies, cookies and handlers are process-wide and belong to the
 * application.
 *
 * <p>The server is healthy when it answers with a status below 500 within the time-out. A 404 means
 * that the server works but has no such page; the first one is logged. A 429 comes from our own
 * rate limiter.
 */
public final class HttpProbe implements Probe {
  private static final int TIMEOUT_MILLIS = 1000;

  private final InetAddress address;
  private final int port;
  private final byte[] request;
  private final String path;
  private final Log log;
  private boolean reported404;

  /**
   * @param path absolute, for example {@code /healthz}
   * @throws IllegalArgumentException the path is not absolute or has a character it may not have
   */
  public HttpProbe(InetAddress address, int port, String path, Log log) {
    this.address = address;
    this.port = port;
    this.path = path;
    this.log = log;
    for (int i = 0; i < path.length(); i++) {
      if (path.charAt(i) <= ' ' || path.charAt(i) > '~') {
        throw new IllegalArgumentException(
            "weir.health.path: '" + path + "' has a character that no path may have");
      }
    }
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("weir.health.path: '" + path + "' must start with /");
    }
    request =
        ("GET "
                + path
                + " HTTP/1.1\r\nHost: "
                + host(address)
                + ":"
                + port
                + "\r\nUser-Agent: weir-probe\r\nConnection: close\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII);
  }

  /** The address as a {@code Host} header spells it: IPv6 in brackets and without zone. */
  static String host(InetAddress address) {
    String text = address.getHostAddress();
    if (!(address instanceof Inet6Address)) {
      return text;
    }
    int zone = text.indexOf('%'); // of this machine only
    return "[" + (zone < 0 ? text : text.substring(0, zone)) + "]";
  }

  @Override
  public @Nullable String check() {
    long deadline = System.nanoTime() + TIMEOUT_MILLIS * 1_000_000L;
    try (Socket s = new Socket()) {
      s.connect(new InetSocketAddress(address, port), TIMEOUT_MILLIS);
      s.getOutputStream().write(request);
      byte[] line = new byte["HTTP/1.1 200".length()]; // enough to know the status
      InputStream in = s.getInputStream();
      for (int n = 0; n < line.length; ) {
        long left = (deadline - System.nanoTime()) / 1_000_000L;
        if (left < 1) {
          throw new SocketTimeoutException();
        }
        s.setSoTimeout((int) left);
        int r = in.read(line, n, line.length - n);
        if (r < 0) {
          return path + " closed the connection without an answer";
        }
        n += r;
      }
      return problemIn(new String(line, StandardCharsets.US_ASCII));
    } catch (SocketTimeoutException e) {
      return path + " did not answer within " + TIMEOUT_MILLIS + " ms";
    } catch (IOException e) {
      return path + " could not be asked: " + e.getMessage();
    }
  }

  /** What is wrong with an answer that begins like this; null: nothing. */
  private @Nullable String problemIn(String line) {
    if (!line.startsWith("HTTP/1.")) {
      return path + " answered something that is not HTTP/1";
    }
    String code = line.substring("HTTP/1.1 ".length());
    if (code.startsWith("5")) {
      return path + " answered " + code;
    }
    if (code.equals("404") && !reported404) {
      reported404 = true;
      log.info(
          "weir: there is no "
              + path
              + " here; this instance counts as healthy while its port answers (weir.health.path)");
    }
    return null;
  }
}
