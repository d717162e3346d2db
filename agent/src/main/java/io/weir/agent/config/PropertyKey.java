package io.weir.agent.config;

/** Every property there is; the table in {@code docs/configuration.md} is checked against this. */
public enum PropertyKey {
  ENABLED("weir.enabled", "true", "false: the agent loads nothing and does nothing"),
  CONFIG_FILE(
      "weir.config-file",
      "weir.properties beside the jar",
      "path of the properties file (UTF-8, ${ENV:default} allowed)"),
  SERVICE(
      "weir.service",
      "the name that OpenTelemetry, Spring Boot, the jar's manifest or the one war gives, else"
          + " unknown-service",
      "logical name of this service; its rules stand under /service/<name>/"),
  INSTANCE_ADDRESS(
      "weir.instance.address",
      "127.0.0.1 or the host's address, and the real listening port",
      "host:port other instances reach this one at; a host alone gets the real listening port"),
  REGION("weir.region", "", "region of this instance, for example cn-east-2"),
  ZONE("weir.zone", "", "zone of this instance, for example cn-east-2a"),
  VERSION("weir.version", "", "version of this instance, for routing"),
  LABELS("weir.labels.*", "", "further labels of this instance, one property each"),
  MODE(
      "weir.mode",
      "enforce",
      "enforce | shadow (count, refuse nobody) | off (weave, pass everything)"),
  RULES(
      "weir.rules",
      "etcd when weir.etcd.endpoints is set, else file:weir-rules beside the jar when that"
          + " directory exists, else none",
      "etcd | file:DIR: where rules come from; with none the agent governs nothing"),
  ETCD_ENDPOINTS(
      "weir.etcd.endpoints",
      "none; http://127.0.0.1:2379 with weir.rules=etcd",
      "comma separated http:// or https:// URLs"),
  ETCD_NAMESPACE(
      "weir.etcd.namespace", "", "prefix of every key, so that environments can share a cluster"),
  ETCD_USER("weir.etcd.user", "", "user name, when etcd has auth on"),
  ETCD_PASSWORD("weir.etcd.password", "", "password of that user; never printed", true),
  ETCD_PASSWORD_FILE(
      "weir.etcd.password-file",
      "",
      "file that has the password alone; asked where weir.etcd.password is not set"),
  ETCD_TLS_CA("weir.etcd.tls.ca", "", "PEM file with the CA that signed etcd's certificate"),
  ETCD_TLS_CERT("weir.etcd.tls.cert", "", "PEM file with the client certificate, for mutual TLS"),
  ETCD_TLS_KEY("weir.etcd.tls.key", "", "PEM file (PKCS#8) with the client certificate's key"),
  ETCD_CONNECT_TIMEOUT("weir.etcd.connect-timeout", "2s", "how long one connect may take"),
  INSTRUMENTATION(
      "weir.instrumentation.*.enabled",
      "true",
      "per instrumentation (servlet, okhttp, httpclient4, httpclient5, urlconnection, grpc,"
          + " opentelemetry, executors): false leaves that library alone"),
  EXTENSIONS_DIR(
      "weir.extensions.dir",
      "",
      "directory of jars with instrumentations of your own; empty: none, and nothing is looked"
          + " for"),
  WEAVING(
      "weir.weaving",
      "auto",
      "auto (where class loaders define classes, if this JVM allows it, else as a transformer) |"
          + " transformer (in any case; takes more memory)"),
  SERVICES(
      "weir.services.*",
      "",
      "weir.services.<logical>=host:port,...: the service whose rules govern calls to these"
          + " hard-wired addresses; it only names them and adds no instances"),
  INFRASTRUCTURE(
      "weir.infrastructure",
      "what the settings of OpenTelemetry, Zipkin, Eureka, Spring Cloud Config and the like say,"
          + " and where these go when nothing is said",
      "comma separated host:port of further telemetry, registries and configuration servers: rules"
          + " under * are not about calls to them"),
  COLOUR_TO(
      "weir.colour.to",
      "inside",
      "who gets the traffic colour beside registered instances: inside (names and addresses that"
          + " cannot be public) | domains that are yours as well, example.com,shop.example.org |"
          + " all"),
  REGISTER(
      "weir.register",
      "true",
      "false: this instance does not register itself under /services/ (it never does with rules"
          + " from files or without a service name)"),
  REGISTER_PORTS(
      "weir.register.ports",
      "the first HTTP and the first gRPC port that is opened",
      "ports to register, comma separated; others are not registered"),
  MANAGEMENT_PORTS(
      "weir.management.ports",
      "what Spring Boot's management.server.port says",
      "ports of management endpoints, comma separated; never registered, and limited only by rules"
          + " that say include_management: true"),
  HEALTH_PATH(
      "weir.health.path",
      "/healthz",
      "path this instance probes on itself before it renews its registration"),
  HEALTH_PATHS(
      "weir.health.paths",
      "/healthz, /livez, /readyz, /actuator/health, /actuator/health/liveness,"
          + " /actuator/health/readiness",
      "comma separated paths whose GET and HEAD are health checks, beside weir.health.path: limits"
          + " and breakers let them pass unless a rule says include_health: true; none: not one"
          + " path"),
  ADMIN_PORT(
      "weir.admin.port",
      "",
      "port of the read-only admin endpoint; empty: off, 0: any free port (see the log)"),
  ADMIN_HOST(
      "weir.admin.host",
      "127.0.0.1",
      "address or name the admin endpoint listens at, 0.0.0.0 for all; one that other hosts can"
          + " reach needs a token"),
  ADMIN_TOKEN(
      "weir.admin.token",
      "",
      "what a request to the admin endpoint must bring: Authorization: Bearer TOKEN; 16 to 512"
          + " visible ASCII characters",
      true),
  ADMIN_TOKEN_FILE(
      "weir.admin.token-file", "", "file with that token, read at start; instead of it"),
  DECISIONS_HEADER(
      "weir.decisions.header",
      "false",
      "true, with an admin port: a refused caller is told the decision's id in X-Weir-Decision"),
  METRICS_EXPORTER(
      "weir.metrics.exporter",
      "none",
      "none | otlp (an SDK of Weir's own, unless the application or an OpenTelemetry agent has one)"
          + " | prometheus (the admin endpoint, on port 9464 unless weir.admin.port says another)"),
  METRICS_ENDPOINT(
      "weir.metrics.endpoint",
      "what OTEL_EXPORTER_OTLP_ENDPOINT says, else http://127.0.0.1:4317",
      "with otlp: URL of the collector, gRPC"),
  METRICS_HEADERS(
      "weir.metrics.headers",
      "what OTEL_EXPORTER_OTLP_HEADERS says",
      "with otlp: headers to send along, NAME=VALUE,...; never printed",
      true),
  METRICS_INTERVAL("weir.metrics.interval", "60s", "with otlp: time between two exports"),
  METRICS_LEGACY_NAMES(
      "weir.metrics.legacy-names",
      "false",
      "true: also http.server.duration, in milliseconds, as older dashboards know it"),
  SNAPSHOT_DIR(
      "weir.snapshot.dir",
      "",
      "directory for the last good rules, used when etcd is away at start; empty: none. Services"
          + " and namespaces may share it"),
  DRAIN_MS(
      "weir.drain_ms", "5000", "milliseconds between deregistering and letting go at shutdown"),
  LOG("weir.log", "info", "debug | info | warn | off, optionally ,file:PATH");

  private final String name;
  private final String byDefault;
  private final String meaning;
  private final boolean secret;

  PropertyKey(String name, String byDefault, String meaning) {
    this(name, byDefault, meaning, false);
  }

  PropertyKey(String name, String byDefault, String meaning, boolean secret) {
    this.name = name;
    this.byDefault = byDefault;
    this.meaning = meaning;
    this.secret = secret;
  }

  /** As written in a properties file; {@code *} stands for any text. */
  public String propertyName() {
    return name;
  }

  /** The default in words. */
  public String byDefault() {
    return byDefault;
  }

  public String meaning() {
    return meaning;
  }

  /** Values of secret keys are never printed. */
  public boolean secret() {
    return secret;
  }

  boolean matches(String property) {
    int star = name.indexOf('*');
    if (star < 0) {
      return name.equals(property);
    }
    String head = name.substring(0, star);
    String tail = name.substring(star + 1);
    return property.length() > head.length() + tail.length()
        && property.startsWith(head)
        && property.endsWith(tail);
  }
}
