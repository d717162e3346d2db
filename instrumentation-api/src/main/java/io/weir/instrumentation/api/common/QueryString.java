package io.weir.instrumentation.api.common;

import java.io.UnsupportedEncodingException;
import java.net.URLDecoder;
import org.jspecify.annotations.Nullable;

/** Looks a parameter up in a URI's query as it was sent. Allocates what it has to decode only. */
public final class QueryString {
  private QueryString() {}

  /**
   * The first value of a parameter.
   *
   * @param uri whole or in part; what stands before the first question mark is left out
   * @return decoded; null: there is none of that name
   */
  public static @Nullable String value(@Nullable String uri, String name) {
    int from = uri == null ? 0 : uri.indexOf('?') + 1;
    if (uri == null || from == 0) {
      return null;
    }
    int fragment = uri.indexOf('#', from);
    int last = fragment < 0 ? uri.length() : fragment;
    while (from < last) {
      int end = uri.indexOf('&', from);
      end = end < 0 || end > last ? last : end;
      int equals = uri.indexOf('=', from);
      equals = equals < 0 || equals > end ? end : equals;
      if (uri.regionMatches(from, name, 0, name.length()) && equals == from + name.length()
          || isEncoded(uri, from, equals) && decode(uri.substring(from, equals)).equals(name)) {
        return equals == end ? "" : decode(uri.substring(equals + 1, end));
      }
      from = end + 1;
    }
    return null;
  }

  private static boolean isEncoded(String s, int from, int to) {
    for (int i = from; i < to; i++) {
      if (s.charAt(i) == '%' || s.charAt(i) == '+') {
        return true;
      }
    }
    return false;
  }

  private static String decode(String s) {
    try {
      return isEncoded(s, 0, s.length()) ? URLDecoder.decode(s, "UTF-8") : s;
    } catch (IllegalArgumentException | UnsupportedEncodingException malformed) {
      return s;
    }
  }
}
