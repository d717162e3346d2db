package io.weir.instrumentation.api.common;

import org.jspecify.annotations.Nullable;

/** A host and a port: where a call is sent, or what an authority names. Immutable. */
public final class HostPort {
  private final String host;
  private final int port;

  /**
   * @param host name or address, IPv6 without brackets
   * @param port -1: none is named
   */
  public HostPort(String host, int port) {
    this.host = host;
    this.port = port;
  }

  /** Name or address; IPv6 without brackets. */
  public String host() {
    return host;
  }

  /** -1: none is named. */
  public int port() {
    return port;
  }

  /** Host of an authority: no user info, no port, no brackets. Null of null. */
  public static @Nullable String host(@Nullable String authority) {
    if (authority == null) {
      return null;
    }
    int from = authority.lastIndexOf('@') + 1;
    if (from < authority.length() && authority.charAt(from) == '[') {
      int end = authority.indexOf(']', from);
      return end < 0 ? authority.substring(from) : authority.substring(from + 1, end);
    }
    int colon = authority.indexOf(':', from);
    return colon >= 0
        ? authority.substring(from, colon)
        : from == 0 ? authority : authority.substring(from);
  }

  /** Port of an authority, or -1. */
  public static int port(@Nullable String authority) {
    if (authority == null) {
      return -1;
    }
    int colon = authority.lastIndexOf(':');
    if (colon < 0 || authority.indexOf(']', colon) >= 0) {
      return -1;
    }
    int port = 0;
    for (int i = colon + 1; i < authority.length(); i++) {
      int digit = authority.charAt(i) - '0';
      if (digit < 0 || digit > 9 || port > 65535) {
        return -1;
      }
      port = port * 10 + digit;
    }
    return colon + 1 == authority.length() || port > 65535 ? -1 : port;
  }

  /**
   * A port as a URL or its like names it; if it names none, the one of the scheme.
   *
   * @param port -1: none is named
   * @param scheme {@code https} or any other, in any case
   */
  public static int port(int port, @Nullable String scheme) {
    return port >= 0 ? port : "https".equalsIgnoreCase(scheme) ? 443 : 80;
  }

  /**
   * Whether a host looks like an IP address, so that no name service is needed. {@code 1.2} looks
   * like one, too.
   */
  public static boolean isAddress(String host) {
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (c == ':') {
        return true;
      }
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof HostPort && ((HostPort) o).port == port && ((HostPort) o).host.equals(host);
  }

  @Override
  public int hashCode() {
    return host.hashCode() * 31 + port;
  }

  @Override
  public String toString() {
    String h = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return port < 0 ? h : h + ":" + port;
  }
}
