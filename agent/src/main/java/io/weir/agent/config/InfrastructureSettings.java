package io.weir.agent.config;

import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The addresses of telemetry, registries and configuration servers in the settings of those that
 * call them. Spellings that Spring takes for one another are one here.
 */
final class InfrastructureSettings {
  /** More addresses than a JVM has exporters and registries; a hostile list ends here. */
  static final int MOST = 64;

  private static final int EUREKA_PORT = 8761;
  private static final int CONSUL_PORT = 8500;
  private static final int NACOS_PORT = 8848;

  /** A client of Nacos 2 speaks gRPC at a port so much higher. */
  private static final int NACOS_GRPC = 1000;

  private static final String CONSUL = "spring.cloud.consul.";
  private static final String EUREKA = "eureka.client.serviceurl.";
  private static final String IMPORT = "spring.config.import";

  private static final Set<String> SETTINGS =
      new HashSet<String>(
          Arrays.asList(
              "otel.exporter.otlp.endpoint",
              "otel.exporter.otlp.traces.endpoint",
              "otel.exporter.otlp.metrics.endpoint",
              "otel.exporter.otlp.logs.endpoint",
              "otel.exporter.otlp.profiles.endpoint",
              "otel.exporter.zipkin.endpoint",
              "otel.exporter.jaeger.endpoint",
              "jaeger.endpoint",
              "management.otlp.tracing.endpoint",
              "management.otlp.logging.endpoint",
              "management.otlp.metrics.export.url",
              "management.opentelemetry.tracing.export.otlp.endpoint",
              "management.opentelemetry.logging.export.otlp.endpoint",
              "management.zipkin.tracing.endpoint",
              "management.tracing.export.zipkin.endpoint",
              "spring.zipkin.baseurl",
              "management.metrics.export.prometheus.pushgateway.baseurl",
              "management.prometheus.metrics.export.pushgateway.baseurl",
              "management.prometheus.metrics.export.pushgateway.address",
              "sw.agent.collector.backend.services",
              "skywalking.collector.backend_service",
              "spring.cloud.config.uri",
              "consul.http.addr",
              CONSUL + "host",
              CONSUL + "port",
              "spring.cloud.nacos.serveraddr",
              "spring.cloud.nacos.discovery.serveraddr",
              "spring.cloud.nacos.config.serveraddr",
              IMPORT));

  private InfrastructureSettings() {}

  /** The one spelling of a property, {@code eureka.client.service-url.defaultZone}. */
  static String property(String name) {
    return name.toLowerCase(Locale.ROOT).replace("-", "");
  }

  /** The same of an environment variable. */
  static String variable(String name) {
    return name.toLowerCase(Locale.ROOT).replace('_', '.');
  }

  /**
   * @param name in its one spelling
   */
  static boolean isOne(String name) {
    return SETTINGS.contains(name) || name.startsWith(EUREKA);
  }

  /** What of that is set as system properties and in the environment, by its one spelling. */
  static Map<String, String> in(Properties system, Map<String, String> environment) {
    Map<String, String> found = new LinkedHashMap<String, String>();
    for (String name : system.stringPropertyNames()) {
      if (isOne(property(name))) {
        found.put(property(name), system.getProperty(name));
      }
    }
    for (Map.Entry<String, String> e : environment.entrySet()) {
      String name = variable(e.getKey());
      if (isOne(name) && !found.containsKey(name)) {
        found.put(name, e.getValue());
      }
    }
    return found;
  }

  /**
   * @param settings by their one spelling
   * @return {@code host:port}, sorted, in lower case. What is no address is left out: it is its
   *     owner's to complain
   */
  static Set<String> addresses(Map<String, String> settings) {
    TreeSet<String> all = new TreeSet<String>();
    for (Map.Entry<String, String> e : new TreeMap<String, String>(settings).entrySet()) {
      String name = e.getKey();
      if (name.startsWith(CONSUL)) {
        continue; // below
      }
      for (String part : e.getValue().split("[,;]")) {
        String text = part.trim();
        if (name.equals(IMPORT)) {
          text = text.startsWith("optional:") ? text.substring("optional:".length()) : text;
          if (!text.startsWith("configserver:")) {
            continue; // a file, or Consul and Nacos, whose addresses stand elsewhere
          }
          text = text.substring("configserver:".length());
        }
        int usual =
            name.startsWith(EUREKA)
                ? EUREKA_PORT
                : name.contains("nacos") ? NACOS_PORT : name.startsWith("consul") ? CONSUL_PORT : 0;
        add(text, usual, all);
        if (usual == NACOS_PORT) {
          grpcOfNacos(text, all);
        }
      }
    }
    String consul = settings.get(CONSUL + "host");
    String port = settings.get(CONSUL + "port");
    if (consul != null || port != null) {
      String host = consul == null ? "localhost" : consul;
      add(host + ":" + (port == null ? String.valueOf(CONSUL_PORT) : port), CONSUL_PORT, all);
    }
    while (all.size() > MOST) {
      all.pollLast();
    }
    return all;
  }

  private static void grpcOfNacos(String text, Set<String> all) {
    TreeSet<String> http = new TreeSet<String>();
    add(text, NACOS_PORT, http);
    for (String address : http) {
      int colon = address.lastIndexOf(':');
      int port = Integer.parseInt(address.substring(colon + 1)) + NACOS_GRPC;
      add(address.substring(0, colon + 1) + port, 0, all);
    }
  }

  /**
   * Of {@code scheme://user@host:port/path} the host and the port. User and password stay out: what
   * is found here is printed.
   *
   * @param usual the port of an address that has neither port nor scheme; 0: such is none
   */
  private static void add(String text, int usual, Set<String> to) {
    int scheme = text.indexOf("://");
    int port =
        scheme < 0 ? usual : text.startsWith("https") ? 443 : text.startsWith("http") ? 80 : usual;
    String authority = scheme < 0 ? text : text.substring(scheme + 3);
    authority = authority.startsWith("/") ? authority.substring(1) : authority; // dns:///host:port
    int end = 0;
    while (end < authority.length() && "/?#".indexOf(authority.charAt(end)) < 0) {
      end++;
    }
    authority = authority.substring(0, end);
    authority = authority.substring(authority.lastIndexOf('@') + 1).toLowerCase(Locale.ROOT);
    int colon = authority.lastIndexOf(':');
    if (colon > authority.lastIndexOf(']')) {
      try {
        port = Integer.parseInt(authority.substring(colon + 1));
      } catch (NumberFormatException notANumber) {
        port = 0;
      }
      authority = authority.substring(0, colon);
    }
    if (port > 0 && port <= 65535 && isHost(authority)) {
      to.add(authority + ":" + port);
    }
  }

  private static boolean isHost(String host) {
    if (host.isEmpty() || host.length() > 253) {
      return false;
    }
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      boolean letter = c >= 'a' && c <= 'z' || c >= '0' && c <= '9';
      if (!letter && ".-_[]:".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }
}
