package io.weir.instrumentation.api.common;

import java.io.UnsupportedEncodingException;
import java.net.URLDecoder;
import org.jspecify.annotations.Nullable;

/**
 * Looks a parameter up in a raw query string.
 *
 * <p>A container's own {@code getParameter} would read a form's body, which is the application's.
 * Nothing is allocated but the value, unless a name has to be decoded.
 */
public final class QueryString {
  private QueryString() {}

  /**
   * First value of a parameter.
   *
   * @param query as sent, without {@code ?}; may be null
   * @param name decoded name
   * @return decoded as UTF-8 form data, as sent where it cannot be decoded; {@code ""} for a
   *     parameter without value; null when there is none
   */
  public static @Nullable String first(@Nullable String query, String name) {
    return query == null ? null : first(query, 0, query.length(), name);
  }

  /**
   * First value of a parameter in a URI.
   *
   * @param uri absolute or not, as sent; may be null
   * @return as of {@link #first}
   */
  public static @Nullable String ofUri(@Nullable String uri, String name) {
    int from = uri == null ? 0 : uri.indexOf('?') + 1;
    if (uri == null || from == 0) {
      return null;
    }
    int fragment = uri.indexOf('#');
    if (fragment >= 0 && fragment < from) {
      return null; // the question mark is the fragment's
    }
    return first(uri, from, fragment < 0 ? uri.length() : fragment, name);
  }

  private static @Nullable String first(String s, int start, int stop, String name) {
    for (int from = start; from <= stop; ) {
      int amp = s.indexOf('&', from);
      int end = amp < 0 || amp > stop ? stop : amp;
      int eq = s.indexOf('=', from);
      int nameEnd = eq < 0 || eq > end ? end : eq;
      if (isNamed(s, from, nameEnd, name)) {
        return nameEnd == end ? "" : decode(s, nameEnd + 1, end);
      }
      from = end + 1;
    }
    return null;
  }

  private static boolean isNamed(String query, int from, int to, String name) {
    return encoded(query, from, to)
        ? decode(query, from, to).equals(name)
        : to - from == name.length() && query.startsWith(name, from);
  }

  private static boolean encoded(String s, int from, int to) {
    for (int i = from; i < to; i++) {
      if (s.charAt(i) == '%' || s.charAt(i) == '+') {
        return true;
      }
    }
    return false;
  }

  private static String decode(String s, int from, int to) {
    String raw = s.substring(from, to);
    if (!encoded(s, from, to)) {
      return raw;
    }
    try {
      return URLDecoder.decode(raw, "UTF-8");
    } catch (IllegalArgumentException | UnsupportedEncodingException asSent) {
      return raw;
    }
  }
}
