package io.weir.control.parse;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decides which headers a rule may set.
 *
 * <p>Headers that frame the message, belong to one connection or to the protocol are written by the
 * library that sends the message. A second value from a rule would break the message, or allow
 * request smuggling (RFC 9110 section 7.6.1, RFC 9112 section 11.2, RFC 9113 section 8.2.2, and the
 * reserved names of gRPC over HTTP/2). Stateless; any thread.
 */
final class HeaderFields {
  private static final String FRAMING = "frames the message and is written by whoever sends it";
  private static final String CONNECTION = "belongs to one connection, not to the message";

  /** The reason by the header's name in lower case. */
  private static final Map<String, String> REFUSED = new HashMap<String, String>();

  static {
    refuse(FRAMING, "content-length", "transfer-encoding", "content-encoding", "content-range");
    refuse(FRAMING, "trailer", "expect");
    refuse(CONNECTION, "connection", "keep-alive", "proxy-connection", "te", "upgrade");
    refuse(CONNECTION, "http2-settings");
    refuse("names the target of the call, by which connections are chosen", "host");
  }

  private HeaderFields() {}

  private static void refuse(String reason, String... names) {
    for (String name : names) {
      REFUSED.put(name, reason);
    }
  }

  /**
   * What is wrong with a header that a rule sets, and what to do instead; null: nothing.
   *
   * @param call true: the rule sets it on a request; false: on the answer to a refused caller
   */
  static @Nullable String problem(String name, String value, boolean call) {
    String quoted = "'" + RuleProblem.quote(name) + "' ";
    String lower = name.toLowerCase(Locale.ROOT);
    String reason = REFUSED.get(lower);
    if (name.startsWith(":")) {
      reason = "is a pseudo-header of HTTP/2";
    } else if (lower.startsWith("proxy-")) {
      reason = CONNECTION;
    } else if (lower.startsWith("grpc-")) {
      reason = "is reserved by gRPC";
    } else if (call && lower.equals("content-type")) {
      reason = "describes the body, which the application writes";
    }
    if (reason != null) {
      return "header "
          + quoted
          + reason
          + "; a rule cannot set it: remove it, or use a name of your own such as X-"
          + (isToken(name) ? RuleProblem.quote(name) : "Name");
    }
    return isToken(name) && isValue(value)
        ? null
        : quoted + "is no header name, or its value has controls";
  }

  private static boolean isToken(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      boolean alphanumeric = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
      if (!alphanumeric && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
        return false;
      }
    }
    return !s.isEmpty() && s.length() <= 128;
  }

  private static boolean isValue(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c < ' ' && c != '\t' || c >= 127) {
        return false;
      }
    }
    return true;
  }
}
