package io.weir.engine.call;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Reads a claim of a bearer token (RFC 7519). It verifies nothing: use a claim to divide users
 * among buckets or versions, never to trust them.
 *
 * <p>Each reading decodes the token, so only rules that ask for a claim pay. A text that is no
 * token, or is longer than {@link #MAX_LENGTH}, has no claims. No exception is thrown.
 */
final class Jwt {
  static final int MAX_LENGTH = 8192;

  private static final String SCHEME = "Bearer ";

  private final String json;
  private int at;

  private Jwt(String json) {
    this.json = json;
  }

  /**
   * A claim at the top level of the payload: the text of a string, or a number or boolean as
   * written. Null when there is none, or it is an object, an array or {@code null}.
   *
   * @param authorization value of the header, may be null
   */
  static @Nullable String claim(@Nullable String authorization, String name) {
    if (authorization == null
        || authorization.length() > MAX_LENGTH
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return null;
    }
    int first = authorization.indexOf('.');
    int second = authorization.indexOf('.', first + 1);
    if (first < 0 || second < 0) {
      return null;
    }
    byte[] payload;
    try {
      payload = Base64.getUrlDecoder().decode(authorization.substring(first + 1, second));
    } catch (IllegalArgumentException notBase64) {
      return null;
    }
    return new Jwt(new String(payload, StandardCharsets.UTF_8)).find(name);
  }

  /** Reads the text once, without recursion: {@code depth} counts the open objects and arrays. */
  private @Nullable String find(String name) {
    if (next() != '{') {
      return null;
    }
    int depth = 1;
    boolean isKey = true;
    boolean isFound = false;
    while (depth > 0) {
      char c = next();
      switch (c) {
        case 0:
          return null;
        case '{':
        case '[':
          if (isFound) {
            return null;
          }
          depth++;
          break;
        case '}':
        case ']':
          depth--;
          break;
        case ',':
          isKey = depth == 1;
          break;
        case ':':
          isKey = false;
          break;
        case '"':
          String text = string();
          if (isFound || text == null) {
            return text;
          }
          isFound = isKey && text.equals(name);
          break;
        default:
          int start = at - 1;
          while (at < json.length() && ",]} \t\r\n".indexOf(json.charAt(at)) < 0) {
            at++;
          }
          if (isFound) {
            String word = json.substring(start, at);
            return word.equals("null") ? null : word;
          }
          break;
      }
    }
    return null;
  }

  /** The next character that is not white space, or 0 at the end. */
  private char next() {
    while (at < json.length()) {
      char c = json.charAt(at++);
      if (c > ' ') {
        return c;
      }
    }
    return 0;
  }

  /**
   * The rest of a string after its opening quote, unescaped; null when it does not end or an escape
   * is broken.
   */
  private @Nullable String string() {
    StringBuilder s = new StringBuilder();
    while (at < json.length()) {
      char c = json.charAt(at++);
      if (c == '"') {
        return s.toString();
      }
      if (c == '\\') {
        if (at == json.length()) {
          return null;
        }
        c = json.charAt(at++);
        int plain = "bfnrt".indexOf(c);
        if (plain >= 0) {
          c = "\b\f\n\r\t".charAt(plain);
        } else if (c == 'u') {
          int code = 0;
          for (int i = 0; i < 4; i++) {
            int digit = at < json.length() ? Character.digit(json.charAt(at++), 16) : -1;
            if (digit < 0) {
              return null;
            }
            code = code << 4 | digit;
          }
          c = (char) code;
        }
      }
      s.append(c);
    }
    return null;
  }
}
