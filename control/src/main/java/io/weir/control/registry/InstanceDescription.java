package io.weir.control.registry;

import io.weir.control.json.JsonText;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the configuration says about this instance: the content of its registration. Immutable. */
public final class InstanceDescription {
  final String service;

  /** The configured {@code host:port} or {@code host}; null when it is to be found. */
  private final @Nullable String address;

  final String healthPath;
  private final @Nullable String version;
  private final @Nullable String region;
  private final @Nullable String zone;
  private final Map<String, String> labels;

  /** Any of {@code address}, {@code version}, {@code region}, {@code zone} may be null. */
  public InstanceDescription(
      String service,
      @Nullable String address,
      String healthPath,
      @Nullable String version,
      @Nullable String region,
      @Nullable String zone,
      Map<String, String> labels) {
    this.service = service;
    this.address = address;
    this.healthPath = healthPath;
    this.version = version;
    this.region = region;
    this.zone = zone;
    this.labels = new TreeMap<String, String>(labels);
  }

  /**
   * The address to register for a listening port: the configured one, with this port unless it
   * names a port itself; null when none is configured.
   */
  @Nullable String address(int port) {
    // a colon before the closing bracket belongs to an IPv6 address
    return address == null || address.lastIndexOf(':') > address.lastIndexOf(']')
        ? address
        : address + ":" + port;
  }

  /**
   * The value of the registration's key.
   *
   * @param protocol {@code http} or {@code grpc}
   */
  String json(String protocol) {
    StringBuilder b = new StringBuilder("{\"protocol\":");
    JsonText.quote(b, protocol);
    field(b, "version", version);
    field(b, "region", region);
    field(b, "zone", zone);
    if (!labels.isEmpty()) {
      b.append(",\"labels\":{");
      String comma = "";
      for (Map.Entry<String, String> e : labels.entrySet()) {
        b.append(comma);
        JsonText.quote(b, e.getKey());
        b.append(':');
        JsonText.quote(b, e.getValue());
        comma = ",";
      }
      b.append('}');
    }
    return b.append('}').toString();
  }

  private static void field(StringBuilder b, String name, @Nullable String value) {
    if (value != null && !value.isEmpty()) {
      b.append(",\"").append(name).append("\":");
      JsonText.quote(b, value);
    }
  }
}
