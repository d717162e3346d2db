package io.weir.control.parse;

import org.jspecify.annotations.Nullable;

/**
 * Which texts may be names of services, addresses of instances and places. The readers of keys and
 * values ask here, and so does whoever takes such a text from an operator: what one side writes,
 * the other accepts. Stateless; needs no library and reads nothing.
 */
public final class NameRules {
  /** Of a service, an address, a place and a label's value. */
  public static final int LONGEST = 253;

  /** Labels of one instance. */
  public static final int MOST_LABELS = 64;

  private NameRules() {}

  /**
   * Whether this may name a service or a rule. Names travel in keys, header values, metric labels
   * and file names: letters, digits and {@code ._-~@:}.
   */
  public static boolean isName(String s) {
    if (s.isEmpty() || s.length() > LONGEST || s.equals(".") || s.equals("..")) {
      return false;
    }
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (!Character.isLetterOrDigit(c) && "._-~@:".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether this is {@code host:port}, as in an instance's key. */
  public static boolean isAddress(String s) {
    int colon = s.lastIndexOf(':');
    return colon > 0 && s.length() <= LONGEST && port(s.substring(colon + 1)) > 0;
  }

  /**
   * The port of 1 to 65535 that these digits are.
   *
   * @return 0 when they are none
   */
  public static int port(String digits) {
    if (digits.isEmpty() || digits.length() > 5) {
      return 0;
    }
    int port = 0;
    for (int i = 0; i < digits.length(); i++) {
      char c = digits.charAt(i);
      if (c < '0' || c > '9') {
        return 0;
      }
      port = port * 10 + c - '0';
    }
    return port < 65_536 ? port : 0;
  }

  /**
   * Reads the address that an operator gave an instance: {@code host:port}, or a host alone, whose
   * port is found where the instance listens. An IPv6 address gets its brackets.
   *
   * @return {@code host:port} or {@code host}; null when it is neither
   */
  public static @Nullable String address(String given) {
    String host = given;
    String port = "";
    if (given.startsWith("[")) {
      int close = given.indexOf(']');
      host = given.substring(0, close + 1);
      port = given.substring(close + 1);
    } else if (given.indexOf(':') != given.lastIndexOf(':')) {
      host = "[" + given + "]";
    } else if (given.indexOf(':') >= 0) {
      host = given.substring(0, given.indexOf(':'));
      port = given.substring(given.indexOf(':'));
    }
    if (!port.isEmpty() && (port.charAt(0) != ':' || port(port.substring(1)) == 0)) {
      return null;
    }
    // room for a port that is added later
    return isHost(host) && given.length() <= LONGEST - 8 ? host + port : null;
  }

  private static boolean isHost(String s) {
    boolean literal = s.startsWith("[") && s.endsWith("]");
    String bare = literal ? s.substring(1, s.length() - 1) : s;
    for (int i = 0; i < bare.length(); i++) {
      char c = bare.charAt(i);
      boolean hex = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
      boolean letter = Character.isLetterOrDigit(c) || c == '-' || c == '.' || c == '_';
      // behind a % stands the zone of a link-local address
      if (literal && bare.indexOf('%') < i && bare.indexOf('%') >= 0
          ? !letter
          : literal ? !hex && c != ':' && c != '.' && c != '%' : !letter) {
        return false;
      }
    }
    return !bare.isEmpty() && (!literal || bare.indexOf(':') >= 0);
  }

  /**
   * What keeps a text from being a region, a zone, a version, or a label's name or value.
   *
   * @return null when nothing does; else what is expected, for a human
   */
  public static @Nullable String placeTrouble(String s) {
    if (s.length() > LONGEST) {
      return "it is longer than " + LONGEST + " characters";
    }
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (Character.isISOControl(c)) {
        return "it has a control character";
      }
      boolean half =
          Character.isHighSurrogate(c)
              ? i + 1 == s.length() || !Character.isLowSurrogate(s.charAt(i + 1))
              : Character.isLowSurrogate(c)
                  && (i == 0 || !Character.isHighSurrogate(s.charAt(i - 1)));
      if (half) {
        return "it has half a character";
      }
    }
    return null;
  }
}
