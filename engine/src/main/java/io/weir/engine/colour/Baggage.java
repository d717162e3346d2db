package io.weir.engine.colour;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes the traffic colour as W3C Baggage: {@code name=value,name=value}, values in
 * percent-encoded UTF-8.
 *
 * <p>Input from outside is bounded: only the first {@link #MAX_LENGTH} characters of a header are
 * read, and at most {@link #MAX_MEMBERS} members. A member is dropped, without its neighbours, in
 * three cases: no rule uses its name; it is not well-formed; its value has control characters,
 * which could forge a header when it is sent on. Properties ({@code ;key=value} after a member) are
 * not kept.
 */
final class Baggage {
  static final String HEADER = "baggage";
  static final int MAX_LENGTH = 8192;
  static final int MAX_MEMBERS = 64;

  /** The character for bytes that are not UTF-8. */
  private static final char REPLACEMENT = '\uFFFD';

  private static final String HEX = "0123456789ABCDEF";

  private Baggage() {}

  /**
   * Adds the members of a header to {@code pairs}, except those whose name is in {@code pairs}
   * already.
   *
   * @param names names of the members to add; null: all
   * @param pairs name, value, name, value ...
   */
  static void parse(String header, @Nullable Set<String> names, List<String> pairs) {
    int end = Math.min(header.length(), MAX_LENGTH);
    int start = 0;
    for (int members = 0; start < end && members < MAX_MEMBERS; members++) {
      int comma = header.indexOf(',', start);
      if (comma < 0 || comma > end) {
        if (end < header.length()) {
          // cut off in the middle of a member: half a value is worse than none
          return;
        }
        comma = end;
      }
      member(header, start, comma, names, pairs);
      start = comma + 1;
    }
  }

  private static void member(
      String header, int start, int end, @Nullable Set<String> names, List<String> pairs) {
    String member = header.substring(start, end);
    int semicolon = member.indexOf(';');
    member = semicolon < 0 ? member : member.substring(0, semicolon);
    int equals = member.indexOf('=');
    if (equals < 0) {
      return;
    }
    String name = member.substring(0, equals).trim();
    if (names != null && !names.contains(name) || !isToken(name) || has(pairs, name)) {
      return;
    }
    String value = decode(member.substring(equals + 1).trim());
    if (value != null) {
      pairs.add(name);
      pairs.add(value);
    }
  }

  static boolean has(List<String> pairs, String name) {
    for (int i = 0; i < pairs.size(); i += 2) {
      if (pairs.get(i).equals(name)) {
        return true;
      }
    }
    return false;
  }

  /** The decoded value; null when the encoding is broken or the text has control characters. */
  private static @Nullable String decode(String value) {
    String text = value;
    if (value.indexOf('%') >= 0) {
      byte[] bytes = new byte[value.length()];
      int n = 0;
      for (int i = 0; i < value.length(); i++) {
        int c = value.charAt(i);
        if (c == '%') {
          int high = i + 2 < value.length() ? Character.digit(value.charAt(i + 1), 16) : -1;
          int low = i + 2 < value.length() ? Character.digit(value.charAt(i + 2), 16) : -1;
          if (high < 0 || low < 0) {
            return null;
          }
          c = high << 4 | low;
          i += 2;
        } else if (c >= 0x80) {
          return null;
        }
        bytes[n++] = (byte) c;
      }
      text = new String(bytes, 0, n, StandardCharsets.UTF_8);
      if (text.indexOf(REPLACEMENT) >= 0) {
        return null;
      }
    }
    for (int i = 0; i < text.length(); i++) {
      if (Character.isISOControl(text.charAt(i))) {
        return null;
      }
    }
    return text;
  }

  /**
   * Appends a member. Does nothing when its name is no token, or the text would be longer than
   * {@code longest}.
   */
  static void append(StringBuilder s, String name, String value, int longest) {
    if (!isToken(name)) {
      return;
    }
    int before = s.length();
    s.append(before == 0 ? "" : ",").append(name).append('=');
    for (byte b : value.getBytes(StandardCharsets.UTF_8)) {
      if (b > ' ' && b < 0x7f && b != '"' && b != ',' && b != ';' && b != '\\' && b != '%') {
        s.append((char) b);
      } else {
        s.append('%').append(HEX.charAt(b >> 4 & 15)).append(HEX.charAt(b & 15));
      }
    }
    if (s.length() > longest) {
      s.setLength(before);
    }
  }

  private static boolean isToken(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      boolean alphanumeric = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
      if (!alphanumeric && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
        return false;
      }
    }
    return !s.isEmpty();
  }
}
