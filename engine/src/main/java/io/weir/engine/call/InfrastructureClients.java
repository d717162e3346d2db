package io.weir.engine.call;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Tells which calls are not the application's own business but that of a library or another agent
 * inside it: exporters of telemetry, clients of registries and of configuration servers. Default
 * rules, those under {@code *}, are not about these.
 *
 * <p>They are known by where they go: addresses that the application's settings name, and those
 * that such clients use when nobody names any. Of gRPC also by the method, which is compiled into
 * the client's stub. Never by the path of a URL, which whoever chooses the URL chooses, too.
 *
 * <p>Immutable. Allocates nothing per call.
 */
public final class InfrastructureClients {
  /**
   * Where such clients go when nobody says otherwise, on this host: OTLP, Zipkin, Jaeger,
   * SkyWalking, Eureka, Consul, Nacos. Spring Cloud Config's port 8888 is not among them, for many
   * others use it.
   */
  public static final List<String> USUAL =
      Collections.unmodifiableList(
          Arrays.asList(
              "localhost:4317",
              "localhost:4318",
              "localhost:9411",
              "localhost:14250",
              "localhost:14268",
              "localhost:11800",
              "localhost:8761",
              "localhost:8500",
              "localhost:8848",
              "localhost:9848"));

  private static final String[] GRPC = {
    "/opentelemetry.proto.collector.", "/jaeger.api_v2.CollectorService/", "/skywalking.v3."
  };

  private static final String[] THIS_HOST = {"localhost", "127.0.0.1", "::1"};

  /** Those that go to {@link #USUAL} addresses. */
  public static final InfrastructureClients DEFAULT =
      new InfrastructureClients(Collections.<String>emptyList());

  private final List<String> addresses;
  private final Map<String, int[]> portsByHost;

  /** Bit n: some address has port n, modulo 64. Most calls need to be asked nothing else. */
  private final long ports;

  /**
   * @param declared addresses beside the usual ones, {@code host:port}; an IPv6 address with or
   *     without brackets
   * @throws IllegalArgumentException naming an address that is none
   */
  public InfrastructureClients(Collection<String> declared) {
    TreeSet<String> named = new TreeSet<String>();
    Map<String, TreeSet<Integer>> byHost = new TreeMap<String, TreeSet<Integer>>();
    for (String address : USUAL) {
      add(address, byHost);
    }
    for (String address : declared) {
      named.add(address.toLowerCase(Locale.ROOT));
      add(address, byHost);
    }
    addresses = Collections.unmodifiableList(Arrays.asList(named.toArray(new String[0])));
    portsByHost = new HashMap<String, int[]>();
    long bits = 0;
    for (Map.Entry<String, TreeSet<Integer>> e : byHost.entrySet()) {
      int[] all = new int[e.getValue().size()];
      int i = 0;
      for (int port : e.getValue()) {
        all[i++] = port;
        bits |= 1L << port;
      }
      portsByHost.put(e.getKey(), all);
    }
    ports = bits;
  }

  private static void add(String address, Map<String, TreeSet<Integer>> byHost) {
    int colon = address.lastIndexOf(':');
    int port = -1;
    try {
      port = Integer.parseInt(address.substring(colon + 1));
    } catch (NumberFormatException notANumber) {
      // reported below
    }
    if (colon < 1 || port < 1 || port > 65535 || address.indexOf('/') >= 0) {
      throw new IllegalArgumentException(
          "'" + address + "' is not host:port with a port of 1 to 65535");
    }
    String host = address.substring(0, colon).toLowerCase(Locale.ROOT);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    boolean here = Arrays.asList(THIS_HOST).contains(host);
    for (String name : here ? THIS_HOST : new String[] {host}) {
      TreeSet<Integer> ports = byHost.get(name);
      if (ports == null) {
        ports = new TreeSet<Integer>();
        byHost.put(name, ports);
      }
      ports.add(port);
    }
  }

  /** The declared addresses, sorted, in lower case. */
  public List<String> addresses() {
    return addresses;
  }

  /** Whether such clients go to that address. The host is without brackets. */
  public boolean isAt(@Nullable String host, int port) {
    if ((ports >>> port & 1) == 0) {
      return false;
    }
    int[] at = portsByHost.get(host);
    if (at == null && host != null) {
      at = portsByHost.get(host.toLowerCase(Locale.ROOT)); // the same text if it is in lower case
    }
    return at != null && Arrays.binarySearch(at, port) >= 0;
  }

  /** Whether a call is known for one of theirs by its gRPC method. */
  public static <C> boolean isTheirMethod(AttributeSource<C> source, C call) {
    if (!source.grpc()) {
      return false;
    }
    String path = source.path(call);
    if (path != null) {
      for (String service : GRPC) {
        if (path.startsWith(service)) {
          return true;
        }
      }
    }
    return false;
  }
}
