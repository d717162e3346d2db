package io.weir.engine.gate;

import java.util.Collections;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Logical names for addresses that legacy code has wired in ({@code
 * weir.services.<logical>=host:port,...}). It only names: where a call goes is still the
 * application's choice unless instances are registered. Immutable.
 */
public final class Targets {
  /** No mapping: the host is the service. */
  public static final Targets NONE =
      new Targets(Collections.<String, Map<Integer, String>>emptyMap());

  private static final Integer ANY_PORT = 0;

  private final Map<String, Map<Integer, String>> byHost;

  private Targets(Map<String, Map<Integer, String>> byHost) {
    this.byHost = byHost;
  }

  /**
   * @param mapping logical name to addresses, {@code host:port} or {@code host} for every port,
   *     comma separated
   * @throws IllegalArgumentException naming the service, the address and what is expected
   */
  public static Targets of(Map<String, String> mapping) {
    Map<String, Map<Integer, String>> byHost = new HashMap<String, Map<Integer, String>>();
    for (Map.Entry<String, String> e : mapping.entrySet()) {
      for (String part : e.getValue().split(",")) {
        String address = part.trim();
        int colon = address.lastIndexOf(':');
        int port = ANY_PORT;
        if (colon > address.lastIndexOf(']')) {
          try {
            port = Integer.parseInt(address.substring(colon + 1));
          } catch (NumberFormatException notANumber) {
            port = -1;
          }
          if (port < 1 || port > 65535 || colon == 0) {
            throw new IllegalArgumentException(
                "weir.services."
                    + e.getKey()
                    + ": '"
                    + address
                    + "' is not host:port with a port of 1 to 65535");
          }
          address = address.substring(0, colon);
        }
        if (address.isEmpty()) {
          throw new IllegalArgumentException(
              "weir.services." + e.getKey() + ": an address is empty, expected host:port");
        }
        String host = address.toLowerCase(Locale.ROOT);
        Map<Integer, String> ports = byHost.get(host);
        if (ports == null) {
          ports = new HashMap<Integer, String>();
          byHost.put(host, ports);
        }
        ports.put(port, e.getKey());
      }
    }
    return byHost.isEmpty() ? NONE : new Targets(byHost);
  }

  /**
   * The logical service of an address; the host itself when nothing maps it. Boxes the port only
   * for mapped hosts.
   */
  String service(String host, int port) {
    if (this == NONE || host == null) {
      return host;
    }
    Map<Integer, String> ports = byHost.get(host);
    if (ports == null) {
      return host;
    }
    String s = ports.get(port);
    if (s == null) {
      s = ports.get(ANY_PORT);
    }
    return s == null ? host : s;
  }
}
