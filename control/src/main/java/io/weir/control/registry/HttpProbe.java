package io.weir.control.registry;

import io.weir.control.loop.Log;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /healthz} on a plain socket. Not {@code HttpURLConnection}: its proxies, cookies and
 * handlers are process-wide and belong to the application.
 *
 * <p>Well is any answer below 500 within the time-out; 404 says that there is no such page but a
 * server that answers, which is told once. 429 is well, too: our own limiter answered.
 */
public final class HttpProbe implements Probe {
  private static final int TIMEOUT_MILLIS = 1000;

  private final InetAddress address;
  private final int port;
  private final byte[] request;
  private final String path;
  private final Log log;
  private boolean told;

  /**
   * @param path absolute, for example {@code /healthz}
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
                + address.getHostAddress()
                + ":"
                + port
                + "\r\nUser-Agent: weir-probe\r\nConnection: close\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public @Nullable String ask() {
    long deadline = System.nanoTime() + TIMEOUT_MILLIS * 1_000_000L;
    try (Socket s = new Socket()) {
      s.connect(new InetSocketAddress(address, port), TIMEOUT_MILLIS);
      s.getOutputStream().write(request);
      byte[] line = new byte[12];
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
      return judge(new String(line, StandardCharsets.US_ASCII));
    } catch (SocketTimeoutException e) {
      return path + " did not answer within " + TIMEOUT_MILLIS + " ms";
    } catch (IOException e) {
      return path + " could not be asked: " + e.getMessage();
    }
  }

  private @Nullable String judge(String line) {
    if (!line.startsWith("HTTP/1.")) {
      return path + " answered something that is not HTTP/1";
    }
    String code = line.substring(9);
    if (code.startsWith("5")) {
      return path + " answered " + code;
    }
    if (code.equals("404") && !told) {
      told = true;
      log.info(
          "weir: there is no "
              + path
              + " here; this instance counts as healthy while its port answers (weir.health.path)");
    }
    return null;
  }
}
