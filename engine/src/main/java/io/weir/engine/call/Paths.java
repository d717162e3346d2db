package io.weir.engine.call;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The one spelling of a path that rules see. A handler can be reached by many spellings of its
 * path; a rule for {@code /login} must hold for all of them.
 *
 * <p>What is done, in this order:
 *
 * <ol>
 *   <li>the path is split at each {@code /};
 *   <li>path parameters are removed: a {@code ;} and the rest of its segment;
 *   <li>each segment is percent-decoded once, as UTF-8; what is not UTF-8 becomes U+FFFD, and an
 *       escape that is none stays as it is;
 *   <li>{@code .} and {@code ..} are resolved, never above the root;
 *   <li>an encoded slash and a backslash count as a slash from here on, but make no {@code .} or
 *       {@code ..}: no server resolves these afterwards;
 *   <li>empty segments are removed, and so is a slash at the end.
 * </ol>
 *
 * <p>Case is kept. The result begins with a slash, unless the path does not, such as {@code *}.
 *
 * <p>Stateless; any thread. A path that is normal already is returned as it is: one scan, no
 * allocation.
 */
public final class Paths {
  private static final int DECODED = 0;
  private static final int SLASHES_ENCODED = 1;
  private static final int ENCODED = 2;

  private Paths() {}

  /**
   * Of a path as it was sent, or is about to be.
   *
   * @param sent without query
   */
  public static String ofUri(String sent) {
    return isNormal(sent) || !sent.isEmpty() && sent.charAt(0) != '/' ? sent : fold(sent, ENCODED);
  }

  /**
   * Of a request whose handler a servlet container has chosen. What the container chose by counts:
   * it may have decoded, resolved or rewritten the path in ways of its own, so steps 1 to 4 are the
   * container's, and the other ones are made here for the frameworks behind it.
   *
   * @param sent the request's URI, without query
   * @param context context path, as sent
   * @param servlet servlet path, decoded
   * @param info path info, decoded, or null
   */
  public static String ofMapped(
      String sent, @Nullable String context, @Nullable String servlet, @Nullable String info) {
    String c = context == null ? "" : context;
    String s = servlet == null ? "" : servlet;
    String i = info == null ? "" : info;
    boolean normal = isNormal(sent);
    if (normal && isJoined(sent, c, s, i)) {
      return sent;
    }
    String mapped = (normal || isNormal(c) ? c : c.isEmpty() ? c : ofUri(c)) + s + i;
    if (mapped.isEmpty() || mapped.charAt(0) != '/') {
      return ofUri(sent); // it says nothing
    }
    return fold(mapped, hasEncodedSlash(sent) ? SLASHES_ENCODED : DECODED);
  }

  /** How a rule's text for a whole path is compared: like paths, it ends in no slash. */
  public static String ofRule(String text) {
    int end = text.length();
    while (end > 1 && text.charAt(end - 1) == '/') {
      end--;
    }
    return text.substring(0, end);
  }

  private static boolean isJoined(String sent, String c, String s, String i) {
    return sent.length() == c.length() + s.length() + i.length()
        && sent.startsWith(c)
        && sent.startsWith(s, c.length())
        && sent.endsWith(i);
  }

  /** Whether the path is its own normal spelling. */
  public static boolean isNormal(String path) {
    int n = path.length();
    if (n == 0 || path.charAt(0) != '/') {
      return false;
    }
    for (int i = 1; i < n; i++) {
      char c = path.charAt(i);
      if (c == '%' || c == ';' || c == '\\') {
        return false;
      }
      if ((c == '/' || c == '.') && path.charAt(i - 1) == '/' && isEmptyOrDots(path, i)) {
        return false;
      }
    }
    return n == 1 || path.charAt(n - 1) != '/';
  }

  /** Of a segment that begins with a slash or a dot. */
  private static boolean isEmptyOrDots(String path, int from) {
    int i = from;
    while (i < path.length() && path.charAt(i) == '.') {
      i++;
    }
    return i - from <= 2 && (i == path.length() || path.charAt(i) == '/');
  }

  private static boolean hasEncodedSlash(String sent) {
    for (int i = sent.indexOf('%'); i >= 0; i = sent.indexOf('%', i + 1)) {
      if (isEncodedSlash(sent, i)) {
        return true;
      }
    }
    return false;
  }

  /** {@code %2F} or {@code %5C}. */
  private static boolean isEncodedSlash(String s, int percent) {
    return value(s, percent) == '/' || value(s, percent) == '\\';
  }

  /** What an escape stands for, or -1. */
  private static int value(String s, int percent) {
    if (percent + 2 >= s.length()) {
      return -1;
    }
    int high = digit(s.charAt(percent + 1));
    int low = digit(s.charAt(percent + 2));
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }

  /** ASCII only, unlike {@link Character#digit}. */
  private static int digit(char c) {
    return c >= '0' && c <= '9'
        ? c - '0'
        : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }

  private static String fold(String path, int state) {
    if (isNormal(path)) {
      return path;
    }
    StringBuilder out = new StringBuilder(path.length());
    for (int at = 0; at <= path.length(); ) {
      int end = path.indexOf('/', at);
      end = end < 0 ? path.length() : end;
      String segment = decoded(withoutParameters(path.substring(at, end)), state);
      if (segment.equals("..")) {
        out.setLength(Math.max(0, out.lastIndexOf("/")));
      } else if (!segment.equals(".")) {
        append(out, segment);
      }
      at = end + 1;
    }
    return out.length() == 0 ? "/" : out.toString();
  }

  /** With each part that a late slash makes, but for empty ones. */
  private static void append(StringBuilder out, String segment) {
    for (int at = 0; at < segment.length(); ) {
      int end = at;
      while (end < segment.length() && segment.charAt(end) != '/' && segment.charAt(end) != '\\') {
        end++;
      }
      String part = withoutParameters(segment.substring(at, end));
      if (!part.isEmpty()) {
        out.append('/').append(part);
      }
      at = end + 1;
    }
  }

  private static String withoutParameters(String segment) {
    int semicolon = segment.indexOf(';');
    return semicolon < 0 ? segment : segment.substring(0, semicolon);
  }

  private static String decoded(String s, int state) {
    if (state == DECODED || s.indexOf('%') < 0) {
      return s;
    }
    return state == ENCODED ? decode(s) : decodeSlashes(s);
  }

  private static String decodeSlashes(String s) {
    StringBuilder out = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) == '%' && isEncodedSlash(s, i)) {
        out.append('/');
        i += 2;
      } else {
        out.append(s.charAt(i));
      }
    }
    return out.toString();
  }

  private static String decode(String s) {
    byte[] b = s.getBytes(StandardCharsets.UTF_8);
    int n = 0;
    for (int i = 0; i < b.length; i++) {
      int high = b[i] == '%' && i + 2 < b.length ? digit((char) (b[i + 1] & 0xff)) : -1;
      int low = high < 0 ? -1 : digit((char) (b[i + 2] & 0xff));
      if (low >= 0) {
        b[n++] = (byte) (high << 4 | low);
        i += 2;
      } else {
        b[n++] = b[i];
      }
    }
    return new String(b, 0, n, StandardCharsets.UTF_8);
  }
}
