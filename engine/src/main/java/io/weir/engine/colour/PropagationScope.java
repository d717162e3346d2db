package io.weir.engine.colour;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Decides by name which hosts get the traffic colour.
 *
 * <p>A colour may identify a user (a header that a sticky rule uses), so it must not reach
 * strangers. But if one's own services do not get it, every canary behind them silently breaks, and
 * legacy services have plain DNS names that nobody registered. So names and addresses that cannot
 * be public are ours. A public name is a stranger's, unless the configuration names its domain.
 *
 * <p>Registered instances get the colour whatever their name. A rule or an address mapping proves
 * nothing: both may be about strangers.
 *
 * <p>Not public are: names without a dot; the top-level names {@code local}, {@code localhost},
 * {@code internal} (RFC 6762, RFC 6761, ICANN 2024) and {@code svc} (Kubernetes), and {@code
 * home.arpa} (RFC 8375); loopback, link-local, private and shared addresses (RFC 1918, 3927, 4193,
 * 6598).
 *
 * <p>Immutable; any thread. {@link #includes} allocates nothing.
 */
public final class PropagationScope {
  /** Only hosts that cannot be public. */
  public static final PropagationScope INSIDE = new PropagationScope(false, new String[0]);

  private static final String[] NEVER_PUBLIC = {
    "local", "localhost", "internal", "svc", "home.arpa"
  };

  private final boolean all;
  private final String[] domains;

  private PropagationScope(boolean all, String[] domains) {
    this.all = all;
    this.domains = domains;
  }

  /**
   * Parses the property {@code weir.colour.to}.
   *
   * @param text {@code inside}, {@code all}, or domains in addition to {@code inside}: {@code
   *     example.com, shop.example.org}
   * @throws IllegalArgumentException when a part is no domain; the message names it
   */
  public static PropagationScope of(String text) {
    List<String> domains = new ArrayList<String>();
    boolean all = false;
    for (String part : text.split(",")) {
      String p = part.trim().toLowerCase(Locale.ROOT);
      if (p.startsWith("*.")) {
        p = p.substring(2);
      }
      if (p.equals("all")) {
        all = true;
      } else if (!p.isEmpty() && !p.equals("inside")) {
        for (int i = 0; i < p.length(); i++) {
          char c = p.charAt(i);
          if (c != '.' && c != '-' && c != '_' && !(c >= 'a' && c <= 'z') && !digit(c)) {
            throw new IllegalArgumentException(
                "weir.colour.to: '"
                    + part.trim()
                    + "' is no domain; expected inside, all, or domains such as example.com");
          }
        }
        domains.add(p);
      }
    }
    return new PropagationScope(all, domains.toArray(new String[0]));
  }

  /**
   * Whether a host gets the colour.
   *
   * @param host without port and brackets, or null when unknown: then only under {@code all}
   */
  public boolean includes(@Nullable String host) {
    return all || isOwn(host);
  }

  /**
   * Whether a host cannot be public, or is in one of the domains that the property names. {@code
   * all} makes nobody's host ours.
   *
   * @param host without port and brackets, or null when unknown: then false
   */
  public boolean isOwn(@Nullable String host) {
    if (host == null || host.isEmpty()) {
      return false;
    }
    if (host.indexOf(':') >= 0) {
      return insideIpv6(host);
    }
    int end = host.charAt(host.length() - 1) == '.' ? host.length() - 1 : host.length();
    if (host.lastIndexOf('.', end - 1) < 0) {
      return true;
    }
    return digit(host.charAt(end - 1))
        ? insideIpv4(host)
        : within(host, end, NEVER_PUBLIC) || within(host, end, domains);
  }

  /** Whether the host, up to {@code end}, is one of the domains or below one. */
  private static boolean within(String host, int end, String[] domains) {
    for (String d : domains) {
      int at = end - d.length();
      if (at >= 0
          && host.regionMatches(true, at, d, 0, d.length())
          && (at == 0 || host.charAt(at - 1) == '.')) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether the host is a private IPv4 address. No top-level domain ends with a digit, so a host
   * that does is an address or nothing.
   */
  private static boolean insideIpv4(String host) {
    int first = part(host, 0);
    int second = part(host, host.indexOf('.') + 1);
    return first == 10
        || first == 127
        || first == 192 && second == 168
        || first == 169 && second == 254
        || first == 172 && second >= 16 && second < 32
        || first == 100 && second >= 64 && second < 128;
  }

  /** The decimal number from {@code from} to the next dot or the end; -1 when it is none. */
  private static int part(String host, int from) {
    int n = -1;
    for (int i = from; i < host.length() && host.charAt(i) != '.'; i++) {
      char c = host.charAt(i);
      if (!digit(c) || n > 255) {
        return -1;
      }
      n = Math.max(n, 0) * 10 + c - '0';
    }
    return n;
  }

  private static boolean insideIpv6(String host) {
    return host.equals("::1")
        || host.regionMatches(true, 0, "fc", 0, 2)
        || host.regionMatches(true, 0, "fd", 0, 2)
        || host.regionMatches(true, 0, "fe8", 0, 3)
        || host.regionMatches(true, 0, "fe9", 0, 3)
        || host.regionMatches(true, 0, "fea", 0, 3)
        || host.regionMatches(true, 0, "feb", 0, 3);
  }

  private static boolean digit(char c) {
    return c >= '0' && c <= '9';
  }
}
