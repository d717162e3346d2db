package io.weir.instrumentation.urlconnection.adapter;

import java.net.HttpURLConnection;
import java.net.URL;
import org.jspecify.annotations.Nullable;

/** A connection of the application, as request and as answer. */
final class UrlRequest {
  /** Null once the request is sent: a call must not keep its connection alive. */
  @Nullable HttpURLConnection connection;

  final URL url;
  final String method;

  /** Status of the answer; 0: there is none yet. */
  int status;

  /**
   * @param output whether it is about to get a body. The JDK makes a POST of a GET then
   */
  UrlRequest(HttpURLConnection connection, boolean output) {
    this.connection = connection;
    url = connection.getURL();
    String method = connection.getRequestMethod();
    this.method = output && method.equals("GET") ? "POST" : method;
  }

  HttpURLConnection connection() {
    HttpURLConnection c = connection;
    if (c == null) {
      throw new IllegalStateException("it is sent");
    }
    return c;
  }

  static int port(URL url) {
    return url.getPort() >= 0 ? url.getPort() : url.getDefaultPort();
  }
}
