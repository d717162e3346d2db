package org.example.parley;

import java.util.LinkedHashMap;
import java.util.Map;

/** A call: the method's name, headers, and a text. Confined to one thread. */
public final class Request {
  private final String method;
  private final Map<String, String> headers = new LinkedHashMap<>();
  private final String text;
  private String host;
  private int port;

  public Request(String method, String text) {
    this.method = method;
    this.text = text;
  }

  public Request header(String name, String value) {
    headers.put(name.toLowerCase(java.util.Locale.ROOT), value);
    return this;
  }

  /** Null: it has no such header. */
  public String header(String name) {
    return headers.get(name.toLowerCase(java.util.Locale.ROOT));
  }

  public Map<String, String> headers() {
    return headers;
  }

  public String method() {
    return method;
  }

  public String text() {
    return text;
  }

  /** Whom a client sends it to; at a server, who has sent it. */
  public String host() {
    return host;
  }

  public int port() {
    return port;
  }

  Request at(String host, int port) {
    this.host = host;
    this.port = port;
    return this;
  }
}
