import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.CookieHandler;
import java.net.CookieManager;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * {@code HttpURLConnection} of the JDK, in the ways {@code code} (the status first, a body is kept
 * and sent at once), {@code input} (the stream first, a body is sent in chunks while it is written)
 * and {@code connect} (connects first, as Spring does, a body has a length).
 */
public final class Library implements Calls {
  private final AtomicInteger busy = new AtomicInteger();

  @Override
  public void make(Ask ask, Result result) throws Exception {
    busy.incrementAndGet();
    try {
      HttpURLConnection c = open(ask);
      result.onCancel(c::disconnect);
      send(c, ask);
      InputStream body = body(c, ask.way);
      String text = body == null ? "" : read(body);
      result.answered(
          c.getResponseCode(), c::getHeaderField, c.getURL().toString(), text);
    } finally {
      busy.decrementAndGet();
    }
  }

  private static HttpURLConnection open(Ask ask) throws IOException {
    URL url = new URL(ask.url);
    HttpURLConnection c =
        (HttpURLConnection)
            (ask.proxyPort() > 0
                ? url.openConnection(
                    new Proxy(
                        Proxy.Type.HTTP, new InetSocketAddress("127.0.0.1", ask.proxyPort())))
                : url.openConnection());
    c.setRequestMethod(ask.method);
    ask.headers.forEach(c::setRequestProperty);
    c.setReadTimeout(ask.readTimeout);
    return c;
  }

  private static void send(HttpURLConnection c, Ask ask) throws IOException {
    byte[] some = "some".getBytes(StandardCharsets.UTF_8);
    boolean post = ask.method.equals("POST");
    c.setDoOutput(post);
    // a body that is streamed cannot be sent to where a redirect points
    boolean streams = post && !ask.url.endsWith("/redirect");
    if (streams && ask.way.equals("input")) {
      c.setChunkedStreamingMode(0);
    }
    if (ask.way.equals("connect")) {
      if (streams) {
        c.setFixedLengthStreamingMode(some.length);
      }
      c.connect();
    }
    if (post) {
      try (OutputStream out = c.getOutputStream()) {
        out.write(some);
      }
    }
  }

  private static InputStream body(HttpURLConnection c, String way) throws IOException {
    if (way.equals("input")) {
      try {
        return c.getInputStream();
      } catch (IOException e) {
        if (c.getErrorStream() == null) {
          throw e;
        }
        return c.getErrorStream();
      }
    }
    return c.getResponseCode() < 400 ? c.getInputStream() : c.getErrorStream();
  }

  private static String read(InputStream body) throws IOException {
    try (InputStream in = body) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      byte[] b = new byte[1024];
      for (int n; (n = in.read(b)) >= 0; ) {
        all.write(b, 0, n);
      }
      return new String(all.toByteArray(), StandardCharsets.UTF_8);
    }
  }

  /** Calls under way: the JDK does not tell about its connections. */
  @Override
  public int busy() {
    return busy.get();
  }

  @Override
  public String webSocket(String url, String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String own(String what, String url) throws Exception {
    HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection();
    switch (what) {
      case "head":
        c.setRequestMethod("HEAD");
        return told(c);
      case "refused": // all that the JDK tells about an answer
        try {
          c.getInputStream();
          return "not refused";
        } catch (IOException e) {
          return e.getClass().getName()
              + " "
              + e.getMessage()
              + " code="
              + c.getResponseCode()
              + " message="
              + c.getResponseMessage()
              + " line="
              + c.getHeaderField(0)
              + " length="
              + c.getContentLength()
              + " type="
              + c.getContentType()
              + " error="
              + read(c.getErrorStream())
              + " fields="
              + c.getHeaderFields().containsKey("X-Weir-Rejected");
        }
      case "again": // asks for everything more than once
        c.getResponseCode();
        c.getHeaderField("Date");
        read(c.getInputStream());
        c.getHeaderFields();
        c.getInputStream();
        c.disconnect();
        return c.getResponseCode() + "";
      case "output":
        c.setDoOutput(true);
        try (OutputStream out = c.getOutputStream()) {
          out.write(new byte[10_000]);
        }
        return told(c);
      case "dropped": // connects and goes away
        for (int i = 0; i < 3; i++) {
          ((HttpURLConnection) new URL(url).openConnection()).connect();
        }
        c = null;
        System.gc();
        return "dropped";
      case "disconnected": // after connect, before the request
        c.connect();
        c.disconnect();
        return told(c);
      case "cookies":
        return cookies(c, url);
      default:
        throw new UnsupportedOperationException(what);
    }
  }

  private static String told(HttpURLConnection c) throws IOException {
    int status = c.getResponseCode();
    InputStream body = status < 400 ? c.getInputStream() : c.getErrorStream();
    return status + " " + (body == null ? "" : read(body));
  }

  /** Where cookies are looked for and kept: by the name that the application called. */
  private static String cookies(HttpURLConnection c, String url) throws IOException {
    CookieManager cookies = new CookieManager();
    CookieHandler.setDefault(cookies);
    try {
      cookies.put(
          URI.create(url),
          Collections.singletonMap(
              "Set-Cookie", Collections.singletonList("X-Cookie=known; Path=/")));
      return told((HttpURLConnection) new URL(url).openConnection());
    } finally {
      CookieHandler.setDefault(null);
    }
  }
}
