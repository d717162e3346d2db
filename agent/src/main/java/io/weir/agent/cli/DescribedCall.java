package io.weir.agent.cli;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Paths;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A call that is only described: on a command line, or in a log. One thread. */
final class DescribedCall {
  /** Reads a call as its target's JVM does. */
  static final AttributeSource<DescribedCall> INBOUND = new Source(false, false);

  /** Reads a call as its caller's JVM does. */
  static final AttributeSource<DescribedCall> OUTBOUND = new Source(true, false);

  private static final AttributeSource<DescribedCall> OUTBOUND_GRPC = new Source(true, true);

  String method = "GET";
  String path = "/";

  /** Not decoded, without {@code ?}; null when there is none. */
  @Nullable String query;

  @Nullable String host;

  /** -1 when nobody says. */
  int port = -1;

  @Nullable String clientIp;
  @Nullable String caller;
  boolean grpc;

  /** By lower-case name; null when there are none. */
  @Nullable Map<String, String> headers;

  @Nullable Map<String, String> tags;

  /** What came of it: HTTP status, or -1 when nobody says. */
  int status = -1;

  /** How long it took, or 0 when nobody says. */
  long tookNanos;

  /** What was asked for and what it was, in order, when somebody wants to know; else null. */
  @Nullable Map<String, String> asked;

  /** Reads this call as its caller's JVM does, by its protocol. */
  AttributeSource<DescribedCall> outbound() {
    return grpc ? OUTBOUND_GRPC : OUTBOUND;
  }

  void header(String name, String value) {
    if (headers == null) {
      headers = new LinkedHashMap<String, String>();
    }
    String n = name.toLowerCase(Locale.ROOT);
    if (!headers.containsKey(n)) {
      headers.put(n, value);
    }
  }

  /** Splits {@code /path?query} or a whole URL. */
  void target(String target) {
    String t = target;
    int scheme = t.indexOf("://");
    if (scheme > 0) {
      int slash = t.indexOf('/', scheme + 3);
      String authority = t.substring(scheme + 3, slash < 0 ? t.length() : slash);
      int colon = authority.lastIndexOf(':');
      boolean named = colon > authority.lastIndexOf(']');
      host = named ? authority.substring(0, colon) : authority;
      port = t.startsWith("https") ? 443 : 80;
      if (named) {
        try {
          port = Integer.parseInt(authority.substring(colon + 1));
        } catch (NumberFormatException notANumber) {
          port = -1;
        }
      }
      t = slash < 0 ? "/" : t.substring(slash);
    }
    int q = t.indexOf('?');
    path = q < 0 ? t : t.substring(0, q);
    query = q < 0 ? null : t.substring(q + 1);
  }

  private @Nullable String note(String attribute, @Nullable String value) {
    if (asked != null) {
      asked.put(attribute, value);
    }
    return value;
  }

  private @Nullable String parameter(String name) {
    if (query == null) {
      return null;
    }
    int at = 0;
    while (at <= query.length()) {
      int end = query.indexOf('&', at);
      end = end < 0 ? query.length() : end;
      int eq = query.indexOf('=', at);
      eq = eq < 0 || eq > end ? end : eq;
      if (decode(query.substring(at, eq)).equals(name)) {
        return eq == end ? "" : decode(query.substring(eq + 1, end));
      }
      at = end + 1;
    }
    return null;
  }

  /** As a lenient server: a broken escape stands for itself. */
  private static String decode(String s) {
    if (s.indexOf('%') < 0 && s.indexOf('+') < 0) {
      return s;
    }
    byte[] in = s.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(in.length);
    for (int i = 0; i < in.length; i++) {
      int high = in[i] == '%' && i + 2 < in.length ? Character.digit(in[i + 1], 16) : -1;
      int low = high < 0 ? -1 : Character.digit(in[i + 2], 16);
      if (low >= 0) {
        out.write(high << 4 | low);
        i += 2;
      } else {
        out.write(in[i] == '+' ? ' ' : in[i]);
      }
    }
    return new String(out.toByteArray(), StandardCharsets.UTF_8);
  }

  private static final class Source extends AttributeSource<DescribedCall> {
    private final boolean outbound;
    private final boolean grpc;

    Source(boolean outbound, boolean grpc) {
      this.outbound = outbound;
      this.grpc = grpc;
    }

    @Override
    public boolean grpc() {
      return grpc;
    }

    @Override
    public boolean outbound() {
      return outbound;
    }

    @Override
    public @Nullable String header(DescribedCall c, String name) {
      String v = c.headers == null ? null : c.headers.get(name.toLowerCase(Locale.ROOT));
      return c.note("header:" + name, v);
    }

    @Override
    public @Nullable String query(DescribedCall c, String name) {
      return c.note("query:" + name, c.parameter(name));
    }

    @Override
    public @Nullable String cookie(DescribedCall c, String name) {
      String all = c.headers == null ? null : c.headers.get("cookie");
      String found = null;
      for (String pair : all == null ? new String[0] : all.split(";")) {
        int eq = pair.indexOf('=');
        if (eq > 0 && pair.substring(0, eq).trim().equals(name) && found == null) {
          found = pair.substring(eq + 1).trim();
        }
      }
      return c.note("cookie:" + name, found);
    }

    @Override
    public @Nullable String tag(DescribedCall c, String name) {
      String v = c.tags == null ? null : c.tags.get(name);
      // asked in a missing header's place: then the header is what is absent
      return v == null && outbound ? null : c.note("tag:" + name, v);
    }

    @Override
    public @Nullable String path(DescribedCall c) {
      return c.note("path", c.grpc ? c.path : Paths.ofUri(c.path));
    }

    @Override
    public @Nullable String method(DescribedCall c) {
      return c.note("method", c.method);
    }

    @Override
    public @Nullable String host(DescribedCall c) {
      return c.note("host", c.host);
    }

    @Override
    public @Nullable String clientIp(DescribedCall c) {
      return c.note("client-ip", c.clientIp);
    }

    @Override
    public @Nullable String caller(DescribedCall c) {
      return c.note("caller", c.caller);
    }
  }
}
