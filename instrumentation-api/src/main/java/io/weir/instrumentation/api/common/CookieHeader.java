package io.weir.instrumentation.api.common;

import org.jspecify.annotations.Nullable;

/** Looks a cookie up in a {@code Cookie} header as it was sent. Allocates the value only. */
public final class CookieHeader {
  private CookieHeader() {}

  /**
   * Value of a cookie.
   *
   * @param header {@code a=1; b=2}, or null
   * @return without blanks around it; null: there is none of that name
   */
  public static @Nullable String value(@Nullable String header, String name) {
    if (header == null) {
      return null;
    }
    int from = 0;
    while (from < header.length()) {
      int end = header.indexOf(';', from);
      if (end < 0) {
        end = header.length();
      }
      while (from < end && header.charAt(from) == ' ') {
        from++;
      }
      if (header.startsWith(name, from)
          && from + name.length() < end
          && header.charAt(from + name.length()) == '=') {
        return header.substring(from + name.length() + 1, end).trim();
      }
      from = end + 1;
    }
    return null;
  }
}
