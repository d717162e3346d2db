package io.weir.agent.config;

import io.weir.control.parse.NameRules;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The agent's configuration: every value with its origin. Immutable once loaded; loading never
 * throws for what a user wrote: it warns and goes on with what is left.
 *
 * <p>Precedence: agent options, {@code -Dweir.*}, {@code WEIR_*}, properties file, what
 * OpenTelemetry or Spring already say, default.
 */
public final class Config {
  /** The service's name when nobody gives one. */
  public static final String UNKNOWN = "unknown-service";

  private static final String DEFAULT = "default";

  private final Map<String, String> values;
  private final Map<String, String> origins;
  private final List<String> warnings;

  private Config(Map<String, String> values, Map<String, String> origins, List<String> warnings) {
    this.values = Collections.unmodifiableMap(values);
    this.origins = Collections.unmodifiableMap(origins);
    this.warnings = Collections.unmodifiableList(warnings);
  }

  /**
   * As below, of a process that is not the application itself: the command line.
   *
   * @param options what stands behind {@code -javaagent:weir.jar=}, or null
   * @param besideJar directory of the agent's jar
   */
  public static Config load(
      @Nullable String options,
      File besideJar,
      Properties system,
      Map<String, String> environment) {
    return load(options, besideJar, system, environment, () -> ApplicationProperties.NONE);
  }

  /**
   * @param options what stands behind {@code -javaagent:weir.jar=}, or null
   * @param besideJar directory of the agent's jar
   * @param application asked once, for what the application says of itself
   */
  public static Config load(
      @Nullable String options,
      File besideJar,
      Properties system,
      Map<String, String> environment,
      Supplier<ApplicationProperties> application) {
    Loader l = new Loader(environment);
    String file = null;
    if (options != null && !options.trim().isEmpty()) {
      String o = options.trim();
      if (o.indexOf('=') < 0) {
        file = o;
      } else {
        int n = 0;
        for (String pair : o.split(";")) {
          n++;
          int eq = pair.indexOf('=');
          if (eq > 0) {
            String key = full(pair.substring(0, eq).trim());
            l.put(key, pair.substring(eq + 1).trim(), "agent option");
            ConfigChecks.commas(n, key, pair.substring(eq + 1), l.warnings);
          } else if (!pair.trim().isEmpty()) {
            // not its text: it may be the rest of a password that has a semicolon in it
            l.warnings.add("agent option " + n + " is not of the form key=value and is ignored");
          }
        }
      }
    }
    for (String name : system.stringPropertyNames()) {
      if (name.startsWith("weir.")) {
        l.put(name, system.getProperty(name), "-D" + name);
      }
    }
    for (Map.Entry<String, String> e : environment.entrySet()) {
      if (e.getKey().startsWith("WEIR_")) {
        l.put(propertyName(e.getKey()), e.getValue(), "environment " + e.getKey());
      }
    }
    boolean named = file != null || l.values.containsKey(PropertyKey.CONFIG_FILE.propertyName());
    if (file == null) {
      file = l.values.get(PropertyKey.CONFIG_FILE.propertyName());
    }
    if (file == null) {
      file = new File(besideJar, "weir.properties").getPath();
    }
    l.file(new File(file), named);
    ApplicationProperties of = application.get();
    name(l, system, environment, of);
    l.put(
        PropertyKey.MANAGEMENT_PORTS.propertyName(),
        of.managementPort(),
        of.managementPortOrigin());
    otel(l, "weir.metrics.endpoint", "otel.exporter.otlp.endpoint", system);
    otel(l, "weir.metrics.headers", "otel.exporter.otlp.headers", system);
    infrastructure(l, of);
    for (Map.Entry<String, String> e : l.values.entrySet()) {
      warnIfUnknown(e.getKey(), l);
    }
    ConfigChecks.values(l.values, l.origins, l.warnings);
    return new Config(l.values, l.origins, l.warnings);
  }

  private static void name(
      Loader l,
      Properties system,
      Map<String, String> environment,
      ApplicationProperties application) {
    name(l, l.values.remove("weir.service"), l.origins.get("weir.service"));
    name(l, system.getProperty("otel.service.name"), "-Dotel.service.name");
    name(l, environment.get("OTEL_SERVICE_NAME"), "environment OTEL_SERVICE_NAME");
    name(l, system.getProperty("spring.application.name"), "-Dspring.application.name");
    name(l, environment.get("SPRING_APPLICATION_NAME"), "environment SPRING_APPLICATION_NAME");
    name(l, application.name(), application.nameOrigin());
    name(l, UNKNOWN, DEFAULT);
  }

  /** An empty name is none: a variable that a template left blank. */
  private static void name(Loader l, @Nullable String service, @Nullable String origin) {
    String s = service == null ? "" : service.trim();
    if (s.isEmpty() || l.values.containsKey("weir.service")) {
      return;
    }
    if (NameRules.isName(s)) {
      l.put("weir.service", s, String.valueOf(origin));
    } else {
      l.warnings.add(
          "weir.service: "
              + ConfigChecks.shown(s)
              + " ("
              + origin
              + ") is no service name and is ignored: a name has letters, digits and . _ - ~ @ :"
              + " only, "
              + NameRules.LONGEST
              + " of them at most");
    }
  }

  /** What OpenTelemetry is told anyway, as a system property or in the environment. */
  private static void otel(Loader l, String key, String name, Properties system) {
    l.put(key, system.getProperty(name), "-D" + name);
    String env = name.toUpperCase(Locale.ROOT).replace('.', '_');
    l.put(key, l.environment.get(env), "environment " + env);
  }

  /** Found ones stand beside given ones: who names one does not give up the others. */
  private static void infrastructure(Loader l, ApplicationProperties application) {
    String key = PropertyKey.INFRASTRUCTURE.propertyName();
    Set<String> found = application.infrastructure();
    String given = l.values.get(key);
    if (!found.isEmpty()) {
      String all = String.join(",", found);
      l.values.put(key, given == null || given.isEmpty() ? all : given + "," + all);
      l.origins.put(
          key, given == null ? "the application's settings" : l.origins.get(key) + " and they");
    }
  }

  private static String full(String key) {
    return key.startsWith("weir.") ? key : "weir." + key;
  }

  /** {@code WEIR_ETCD_TLS_CA} is weir.etcd.tls.ca; which dots were dashes only the table knows. */
  private static String propertyName(String env) {
    String flat = env.substring("WEIR_".length());
    for (PropertyKey k : PropertyKey.values()) {
      String n = k.propertyName();
      String asEnv =
          n.substring("weir.".length())
              .toUpperCase(Locale.ROOT)
              .replace('.', '_')
              .replace('-', '_');
      if (asEnv.equals(flat)) {
        return n;
      }
      int star = asEnv.indexOf('*');
      if (star > 0
          && flat.length() > asEnv.length() - 1
          && flat.startsWith(asEnv.substring(0, star))
          && flat.endsWith(asEnv.substring(star + 1))) {
        String middle = flat.substring(star, flat.length() - (asEnv.length() - star - 1));
        return n.replace("*", middle.toLowerCase(Locale.ROOT).replace('_', '-'));
      }
    }
    return "weir." + flat.toLowerCase(Locale.ROOT).replace('_', '.');
  }

  private static void warnIfUnknown(String name, Loader l) {
    String best = null;
    int bestDistance = 4;
    for (PropertyKey k : PropertyKey.values()) {
      if (k.matches(name)) {
        return;
      }
      int d = EditDistance.of(name, k.propertyName());
      if (d < bestDistance) {
        bestDistance = d;
        best = k.propertyName();
      }
    }
    l.warnings.add(
        "unknown property '"
            + name
            + "' ("
            + l.origins.get(name)
            + ") is ignored"
            + (best == null ? "" : ": did you mean '" + best + "'?"));
  }

  /** The value, or null when nobody set it. */
  public @Nullable String get(PropertyKey key) {
    String v = values.get(key.propertyName());
    return v == null || v.isEmpty() ? null : v;
  }

  public String get(PropertyKey key, String otherwise) {
    String v = get(key);
    return v == null ? otherwise : v;
  }

  public boolean flag(PropertyKey key, boolean otherwise) {
    String v = get(key);
    return v == null ? otherwise : !v.equalsIgnoreCase("false");
  }

  /** Values of a key with {@code *}, by what stands in its place. */
  public Map<String, String> all(PropertyKey key) {
    String n = key.propertyName();
    int star = n.indexOf('*');
    Map<String, String> out = new TreeMap<String, String>();
    for (Map.Entry<String, String> e : values.entrySet()) {
      if (key.matches(e.getKey()) && !e.getValue().isEmpty()) {
        String p = e.getKey();
        out.put(p.substring(star, p.length() - (n.length() - star - 1)), e.getValue());
      }
    }
    return out;
  }

  /** Whether the service has a name of its own, not {@link #UNKNOWN}. */
  public boolean named() {
    return !DEFAULT.equals(origins.get(PropertyKey.SERVICE.propertyName()));
  }

  /** The ports of a comma separated list; what is none was warned of and is left out. */
  public Set<Integer> ports(PropertyKey key) {
    Set<Integer> ports = new TreeSet<Integer>();
    for (String p : get(key, "").split(",")) {
      int port = NameRules.port(p.trim());
      if (port > 0) {
        ports.add(port);
      }
    }
    return ports;
  }

  /** Where a value came from. */
  public @Nullable String origin(String property) {
    return origins.get(property);
  }

  /**
   * Everything set, in order of name. Masked: secrets, user names and passwords within URLs, and
   * whatever is set for a name that does not exist, since it may be a misspelt secret.
   */
  public Map<String, String> redacted() {
    Map<String, String> out = new TreeMap<String, String>();
    for (Map.Entry<String, String> e : values.entrySet()) {
      boolean known = false;
      boolean secret = false;
      for (PropertyKey k : PropertyKey.values()) {
        known |= k.matches(e.getKey());
        secret |= k.secret() && k.matches(e.getKey());
      }
      out.put(
          e.getKey(),
          secret || !known ? "****" : e.getValue().replaceAll("://[^/,]*@", "://****@"));
    }
    return out;
  }

  /** What the user should know, one line each. */
  public List<String> warnings() {
    return warnings;
  }

  private static final class Loader {
    final Map<String, String> values = new TreeMap<String, String>();
    final Map<String, String> origins = new TreeMap<String, String>();
    final List<String> warnings = new ArrayList<String>();
    final Map<String, String> environment;

    Loader(Map<String, String> environment) {
      this.environment = environment;
    }

    /** The first origin that sets a value wins. */
    void put(String key, @Nullable String value, String origin) {
      if (value != null && !values.containsKey(key)) {
        values.put(key, value.trim());
        origins.put(key, origin);
      }
    }

    void file(File file, boolean named) {
      if (!file.exists()) {
        if (named) {
          warnings.add(
              "properties file "
                  + file
                  + " does not exist: going on with options, -D, environment and defaults");
        }
        return;
      }
      Properties p = new Properties();
      try (Reader in = new InputStreamReader(new FileInputStream(file), "UTF-8")) {
        p.load(in);
      } catch (IOException | IllegalArgumentException e) {
        warnings.add(
            "properties file "
                + file
                + " cannot be read ("
                + e.getMessage()
                + "): going on with options, -D, environment and defaults");
        return;
      }
      for (String name : p.stringPropertyNames()) {
        put(full(name), expand(p.getProperty(name)), "file " + file);
      }
    }

    /** {@code ${NAME:default}} from the environment. */
    private String expand(String text) {
      StringBuilder out = new StringBuilder();
      int at = 0;
      while (true) {
        int open = text.indexOf("${", at);
        int close = open < 0 ? -1 : text.indexOf('}', open);
        if (close < 0) {
          return out.append(text, at, text.length()).toString();
        }
        out.append(text, at, open);
        String inner = text.substring(open + 2, close);
        int colon = inner.indexOf(':');
        String name = colon < 0 ? inner : inner.substring(0, colon);
        String value = environment.get(name);
        if (value == null) {
          if (colon < 0) {
            warnings.add(
                "environment variable "
                    + name
                    + " is not set and has no default: ${"
                    + name
                    + "} becomes empty");
          }
          value = colon < 0 ? "" : inner.substring(colon + 1);
        }
        out.append(value);
        at = close + 1;
      }
    }
  }
}
