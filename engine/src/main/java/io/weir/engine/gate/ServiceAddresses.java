package io.weir.engine.gate;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Service names for addresses that are hard-wired in legacy code ({@code
 * weir.services.<logical>=host:port,...}). A name does not change where a call goes: the
 * application chooses that, unless instances are registered. Immutable.
 */
public final class ServiceAddresses {
  /** No mapping: the host is the service name. */
  public static final ServiceAddresses NONE =
      new ServiceAddresses(Collections.<String, Ports>emptyMap(), Collections.<String>emptySet());

  private static final Integer ANY_PORT = 0;

  private final Map<String, Ports> byHost;

  private final Set<String> services;

  private ServiceAddresses(Map<String, Ports> byHost, Set<String> services) {
    this.byHost = byHost;
    this.services = services;
  }

  /**
   * @param mapping service name to addresses, separated by commas: {@code host:port}, or {@code
   *     host} for every port
   * @throws IllegalArgumentException when an address is invalid; the message names it
   */
  public static ServiceAddresses of(Map<String, String> mapping) {
    Map<String, TreeMap<Integer, String>> byHost = new HashMap<String, TreeMap<Integer, String>>();
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
        TreeMap<Integer, String> ports = byHost.get(host);
        if (ports == null) {
          ports = new TreeMap<Integer, String>();
          byHost.put(host, ports);
        }
        ports.put(port, e.getKey());
      }
    }
    if (byHost.isEmpty()) {
      return NONE;
    }
    Map<String, Ports> names = new HashMap<String, Ports>();
    for (Map.Entry<String, TreeMap<Integer, String>> e : byHost.entrySet()) {
      names.put(e.getKey(), new Ports(e.getValue()));
    }
    return new ServiceAddresses(names, new HashSet<String>(mapping.keySet()));
  }

  /** The service of an address; the host itself when nothing maps it. */
  String service(String host, int port) {
    if (this == NONE || host == null) {
      return host;
    }
    Ports names = byHost.get(host);
    String name = names == null ? null : names.of(port);
    return name == null ? host : name;
  }

  /** Whether some address is mapped to this service. */
  boolean isService(String name) {
    return services.contains(name);
  }

  /** The services of one host by port. Looked up for every call, so without boxed numbers. */
  private static final class Ports {
    private final int[] ports;
    private final String[] services;
    private final @Nullable String anyPort;

    Ports(TreeMap<Integer, String> byPort) {
      anyPort = byPort.remove(ANY_PORT);
      services = byPort.values().toArray(new String[0]);
      ports = new int[services.length];
      int i = 0;
      for (int port : byPort.keySet()) {
        ports[i++] = port;
      }
    }

    @Nullable String of(int port) {
      int i = Arrays.binarySearch(ports, port);
      return i >= 0 ? services[i] : anyPort;
    }
  }
}
