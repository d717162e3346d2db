package io.weir.control.parse;

import org.jspecify.annotations.Nullable;

/**
 * Defines which texts are valid names of services, addresses of instances, regions, zones and
 * labels. Both the writers of keys and values and their readers use it, so that one side accepts
 * what the other writes. Stateless; any thread.
 */
public final class NameRules {
  /** The most characters of a service's name, an address, a region, a zone or a label's value. */
  public static final int LONGEST = 253;

  /** The most labels of one instance. */
  public static final int MOST_LABELS = 64;

  private NameRules() {}

  /**
   * Whether this may name a service or a rule: letters, digits and {@code ._-~@:}. Names are used
   * in keys, header values, metric labels and file names.
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

  /** Whether this is {@code host:port}, as in an instance's key; the port without leading zeros. */
  public static boolean isAddress(String s) {
    int colon = s.lastIndexOf(':');
    return colon > 0
        && s.length() <= LONGEST
        && !s.startsWith("0", colon + 1)
        && port(s.substring(colon + 1)) > 0;
  }

  /**
   * Reads a port.
   *
   * @return 1 to 65535; 0: the text is no port
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
   * Reads an address from the configuration: {@code host:port} or a host alone. An IPv6 address may
   * lack its brackets when there is no port; the result has them.
   *
   * @return {@code host:port} or {@code host}; null: the text is neither
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
    // one address must not have two names: without leading zeros. The 8 characters are for a port
    // that is added later
    String written = port.isEmpty() ? "" : ":" + port(port.substring(1));
    return isHost(host) && given.length() <= LONGEST - 8 ? host + written : null;
  }

  private static boolean isHost(String s) {
    boolean literal = s.startsWith("[") && s.endsWith("]");
    String bare = literal ? s.substring(1, s.length() - 1) : s;
    for (int i = 0; i < bare.length(); i++) {
      char c = bare.charAt(i);
      boolean hex = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
      boolean letter = Character.isLetterOrDigit(c) || c == '-' || c == '.' || c == '_';
      // in an IPv6 address, the zone of a link-local address follows after a %
      boolean inZone = bare.indexOf('%') < i && bare.indexOf('%') >= 0;
      boolean valid = literal && !inZone ? hex || c == ':' || c == '.' || c == '%' : letter;
      if (!valid) {
        return false;
      }
    }
    return !bare.isEmpty() && (!literal || bare.indexOf(':') >= 0);
  }

  /**
   * Checks a region, a zone, a version, or a label's name or value.
   *
   * @return null: it is valid; else what is wrong with it, for people
   */
  public static @Nullable String placeProblem(String s) {
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
