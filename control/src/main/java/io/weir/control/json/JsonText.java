package io.weir.control.json;

/** Writes JSON strings (RFC 8259, section 7), without loading a JSON library. */
public final class JsonText {
  private static final String HEX = "0123456789abcdef";

  private JsonText() {}

  /**
   * Appends {@code text} in quotes. Control characters and unpaired surrogates are escaped, so that
   * the result is valid UTF-8 and cannot control a terminal.
   */
  public static StringBuilder quote(StringBuilder to, String text) {
    to.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        to.append('\\').append(c);
      } else if (c == '\n') {
        to.append("\\n");
      } else if (c == '\t') {
        to.append("\\t");
      } else if (Character.isISOControl(c) || Character.isSurrogate(c) && !paired(text, i)) {
        to.append("\\u");
        for (int shift = 12; shift >= 0; shift -= 4) {
          to.append(HEX.charAt(c >> shift & 15));
        }
      } else {
        to.append(c);
      }
    }
    return to.append('"');
  }

  /** The text as {@link #quote(StringBuilder, String)} appends it. */
  public static String quote(String text) {
    return quote(new StringBuilder(text.length() + 2), text).toString();
  }

  private static boolean paired(String s, int i) {
    return Character.isHighSurrogate(s.charAt(i))
        ? i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))
        : i > 0 && Character.isHighSurrogate(s.charAt(i - 1));
  }
}
