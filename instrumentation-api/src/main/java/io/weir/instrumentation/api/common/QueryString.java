package io.weir.instrumentation.api.common;

import java.io.UnsupportedEncodingException;
import java.net.URLDecoder;
import org.jspecify.annotations.Nullable;

/**
 * Looks a parameter up in a raw query string.
 *
 * <p>The container's own {@code getParameter} would read a form's body, which is the application's.
 * Nothing is allocated unless something has to be decoded.
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
    if (query == null) {
      return null;
    }
    for (int from = 0; from <= query.length(); ) {
      int amp = query.indexOf('&', from);
      int end = amp < 0 ? query.length() : amp;
      int eq = query.indexOf('=', from);
      int nameEnd = eq < 0 || eq > end ? end : eq;
      if (isNamed(query, from, nameEnd, name)) {
        return nameEnd == end ? "" : decode(query, nameEnd + 1, end);
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
