package io.weir.smoke;

/** Whether a text is JSON (RFC 8259); what it says is looked at as text. */
final class Json {
  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** Whether it is one JSON value and nothing else. */
  static boolean isOne(String text) {
    Json j = new Json(text);
    return j.value() && j.next() == 0;
  }

  /** The next character that is no white space, without taking it; 0 at the end. */
  private char next() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at < text.length() ? text.charAt(at) : 0;
  }

  private boolean value() {
    char c = next();
    return c == '{' ? all('}', true) : c == '[' ? all(']', false) : c == '"' ? string() : word();
  }

  private boolean all(char end, boolean named) {
    at++;
    if (next() == end) {
      at++;
      return true;
    }
    while (true) {
      if (named && !(next() == '"' && string() && next() == ':' && at++ >= 0)) {
        return false;
      }
      if (!value()) {
        return false;
      }
      char c = next();
      at++;
      if (c != ',') {
        return c == end;
      }
    }
  }

  private boolean string() {
    return matches("\"([^\"\\\\\\x00-\\x1f]|\\\\([\"\\\\/bfnrt]|u[0-9a-fA-F]{4}))*+\"");
  }

  private boolean word() {
    return matches("true|false|null|-?(0|[1-9]\\d*)(\\.\\d+)?([eE][-+]?\\d+)?");
  }

  private boolean matches(String regex) {
    java.util.regex.Matcher m =
        java.util.regex.Pattern.compile(regex).matcher(text).region(at, text.length());
    if (!m.lookingAt()) {
      return false;
    }
    at = m.end();
    return true;
  }
}
