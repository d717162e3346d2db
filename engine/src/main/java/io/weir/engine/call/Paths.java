package io.weir.engine.call;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Normalises paths for rules. A handler can be reached by many spellings of its path, and a rule
 * for {@code /login} must hold for all of them.
 *
 * <p>The path is split at each {@code /}. Its segments are read from left to right:
 *
 * <ol>
 *   <li>path parameters are removed: a {@code ;} and the rest of the segment;
 *   <li>the segment is percent-decoded once, as UTF-8. What is not UTF-8 becomes U+FFFD; an invalid
 *       escape stays as it is;
 *   <li>a segment {@code .} is dropped. A segment {@code ..} is dropped together with the last part
 *       of the result so far, if there is one;
 *   <li>any other segment is split again at each slash that was encoded and at each backslash.
 *       Parameters are removed from these parts, too. Each part is added to the result, unless it
 *       is empty.
 * </ol>
 *
 * <p>Examples: {@code /a//..} is {@code /}, because an empty segment is never in the result. {@code
 * /a%2Fb/..} is {@code /a}: the encoded slash has made two parts, of which {@code ..} drops one.
 * {@code /a%2F..} stays {@code /a/..}: a part that an encoded slash makes is never resolved,
 * because no server resolves it at that point.
 *
 * <p>Case is kept. The result begins with a slash and does not end with one, except {@code /}
 * itself. A path that does not begin with a slash, such as {@code *}, is returned unchanged.
 *
 * <p>Stateless; any thread. A path that is normal already is returned itself: one scan, no
 * allocation.
 */
public final class Paths {
  /**
   * What is still percent-encoded in a path: nothing, only slashes and backslashes, or anything.
   */
  private static final int DECODED = 0;

  private static final int SLASHES_ENCODED = 1;
  private static final int ENCODED = 2;

  private Paths() {}

  /**
   * Normalises the path of a URI.
   *
   * @param sent the path as it was sent or will be sent, without query
   */
  public static String ofUri(String sent) {
    return isNormal(sent) || !sent.isEmpty() && sent.charAt(0) != '/'
        ? sent
        : normalised(sent, ENCODED);
  }

  /**
   * Normalises the path by which a servlet container has chosen a handler. The container may have
   * decoded, resolved or rewritten the URI in its own way, and its result counts. So here only
   * slashes that are still encoded are decoded. The other steps are for the frameworks behind the
   * container.
   *
   * @param sent URI of the request, without query
   * @param context context path, as sent; null or empty: none
   * @param servlet servlet path, decoded; null or empty: none
   * @param info path info, decoded; null or empty: none
   */
  public static String ofMapped(
      String sent, @Nullable String context, @Nullable String servlet, @Nullable String info) {
    String contextPath = context == null ? "" : context;
    String servletPath = servlet == null ? "" : servlet;
    String pathInfo = info == null ? "" : info;
    boolean normal = isNormal(sent);
    if (normal && isJoined(sent, contextPath, servletPath, pathInfo)) {
      return sent;
    }
    String mapped =
        (normal || contextPath.isEmpty() ? contextPath : ofUri(contextPath))
            + servletPath
            + pathInfo;
    if (mapped.isEmpty() || mapped.charAt(0) != '/') {
      return ofUri(sent); // the container gave no path
    }
    return normalised(mapped, hasEncodedSlash(sent) ? SLASHES_ENCODED : DECODED);
  }

  /**
   * Normalises the text of a rule that is compared with a whole path: removes slashes at the end.
   */
  public static String ofRule(String text) {
    int end = text.length();
    while (end > 1 && text.charAt(end - 1) == '/') {
      end--;
    }
    return text.substring(0, end);
  }

  /** Whether {@code sent} is the three others in a row. */
  private static boolean isJoined(String sent, String context, String servlet, String info) {
    return sent.length() == context.length() + servlet.length() + info.length()
        && sent.startsWith(context)
        && sent.startsWith(servlet, context.length())
        && sent.endsWith(info);
  }

  /** Whether the path begins with a slash and is normal already. */
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

  /** Whether the segment that begins at {@code from} is empty, {@code .} or {@code ..}. */
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

  /** Whether the escape at {@code percent} is a slash or a backslash. */
  private static boolean isEncodedSlash(String s, int percent) {
    return escaped(s, percent) == '/' || escaped(s, percent) == '\\';
  }

  /** The byte that the escape at {@code percent} encodes, or -1 when it is no valid escape. */
  private static int escaped(String s, int percent) {
    if (percent + 2 >= s.length()) {
      return -1;
    }
    int high = digit(s.charAt(percent + 1));
    int low = digit(s.charAt(percent + 2));
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }

  /** Value of a hexadecimal digit, or -1. ASCII only, unlike {@link Character#digit}. */
  private static int digit(char c) {
    return c >= '0' && c <= '9'
        ? c - '0'
        : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }

  private static String normalised(String path, int encoding) {
    if (isNormal(path)) {
      return path;
    }
    StringBuilder out = new StringBuilder(path.length());
    for (int at = 0; at <= path.length(); ) {
      int end = path.indexOf('/', at);
      end = end < 0 ? path.length() : end;
      String segment = decoded(withoutParameters(path.substring(at, end)), encoding);
      if (segment.equals("..")) {
        out.setLength(Math.max(0, out.lastIndexOf("/")));
      } else if (!segment.equals(".")) {
        append(out, segment);
      }
      at = end + 1;
    }
    return out.length() == 0 ? "/" : out.toString();
  }

  /** Adds the parts of a decoded segment, without empty ones. */
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

  private static String decoded(String s, int encoding) {
    if (encoding == DECODED || s.indexOf('%') < 0) {
      return s;
    }
    return encoding == ENCODED ? decode(s) : decodeSlashes(s);
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
