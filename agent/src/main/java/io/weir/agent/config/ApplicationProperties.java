package io.weir.agent.config;

import io.weir.control.parse.NameRules;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * What the application says of itself in the places where Spring Boot looks, in its manifest and in
 * Tomcat's folder of applications. Read before {@code main}, so by {@code java.io} and small
 * readers of our own; at most some files of at most 256 KB. What cannot be read is passed over.
 * Immutable.
 */
public final class ApplicationProperties {
  /** Nothing is known. */
  public static final ApplicationProperties NONE =
      new ApplicationProperties(
          Collections.<String, String>emptyMap(),
          Collections.<String, String>emptyMap(),
          null,
          null);

  private static final String NAME = "spring.application.name";
  private static final String MANAGEMENT = "management.server.port";
  private static final String SERVER = "server.port";
  private static final String[] KEYS = {NAME, MANAGEMENT, SERVER};
  private static final int MAX_BYTES = 256 * 1024;
  private static final int MAX_CLASS_PATH = 8;
  private static final String[] FILES = {
    "application.properties",
    "application.yml",
    "application.yaml",
    "bootstrap.properties",
    "bootstrap.yml"
  };

  private final Map<String, String> values;
  private final Map<String, String> infrastructure;
  private final @Nullable String name;
  private final @Nullable String nameOrigin;

  private ApplicationProperties(
      Map<String, String> values,
      Map<String, String> infrastructure,
      @Nullable String name,
      @Nullable String nameOrigin) {
    this.values = values;
    this.infrastructure = infrastructure;
    this.name = name;
    this.nameOrigin = nameOrigin;
  }

  /** Its name, or null. */
  @Nullable String name() {
    return name;
  }

  /** Where {@link #name} was found. */
  String nameOrigin() {
    return String.valueOf(nameOrigin);
  }

  /** Spring Boot's {@code management.server.port} if that is a port of its own; else null. */
  @Nullable String managementPort() {
    String port = values.get(MANAGEMENT);
    String server = values.get(SERVER);
    return port == null
            || NameRules.port(port) == 0
            || port.equals(server == null ? "8080" : server)
        ? null
        : port;
  }

  /** Where {@link #managementPort} was found. */
  String managementPortOrigin() {
    return String.valueOf(values.get(MANAGEMENT + "@"));
  }

  /** Where it exports telemetry to, registers and gets its configuration: {@code host:port}. */
  Set<String> infrastructure() {
    return InfrastructureSettings.addresses(infrastructure);
  }

  /**
   * Looks.
   *
   * @param system with {@code java.class.path} and {@code sun.java.command} of the application
   * @param directory where it was started
   */
  public static ApplicationProperties find(
      Properties system, Map<String, String> environment, File directory) {
    try {
      return new Reader(system, environment).read(directory);
    } catch (RuntimeException unreadable) {
      return NONE;
    }
  }

  private static final class Reader {
    private final Properties system;
    private final Map<String, String> environment;

    /** What was found first counts; {@code KEY@} is where. */
    private final Map<String, String> found = new LinkedHashMap<String, String>();

    /** The same, by the one spelling of {@link InfrastructureSettings}. */
    private final Map<String, String> infrastructure;

    Reader(Properties system, Map<String, String> environment) {
      this.system = system;
      this.environment = environment;
      infrastructure = InfrastructureSettings.in(system, environment);
    }

    ApplicationProperties read(File directory) {
      for (String key : KEYS) {
        command(key);
        put(key, system.getProperty(key), "-D" + key);
        String variable = key.toUpperCase(Locale.ROOT).replace('.', '_');
        put(key, environment.get(variable), "environment " + variable);
      }
      folder(new File(directory, "config"));
      folder(directory);
      String[] classPath = system.getProperty("java.class.path", "").split(File.pathSeparator);
      String title = null;
      for (int i = 0; i < classPath.length && i < MAX_CLASS_PATH; i++) {
        File f = new File(directory, classPath[i]);
        f = new File(classPath[i]).isAbsolute() ? new File(classPath[i]) : f;
        if (classPath[i].isEmpty()) {
          continue;
        }
        if (f.isDirectory()) {
          folder(new File(f, "config"));
          folder(f);
        } else if (f.isFile()) {
          String implementation = jar(f);
          title = classPath.length == 1 ? implementation : null;
        }
      }
      String name = found.get(NAME);
      String origin = found.get(NAME + "@");
      if (name == null && title != null && NameRules.isName(title)) {
        name = title;
        origin = "Implementation-Title in " + classPath[0];
      }
      if (name == null) {
        name = war();
        origin = "the one application in Tomcat's webapps";
      }
      return new ApplicationProperties(found, infrastructure, name, name == null ? null : origin);
    }

    /** {@code --spring.application.name=shop} among the program's arguments. */
    private void command(String key) {
      String option = "--" + key + "=";
      for (String argument : system.getProperty("sun.java.command", "").split(" ")) {
        if (argument.startsWith(option)) {
          put(key, argument.substring(option.length()), "argument " + option.replace("=", ""));
        }
      }
    }

    private void folder(File folder) {
      for (String name : FILES) {
        File f = new File(folder, name);
        if (f.isFile()) {
          try (InputStream in = new FileInputStream(f)) {
            take(name, in, f.getPath());
          } catch (IOException | SecurityException unreadable) {
            // then it says nothing
          }
        }
      }
    }

    /** Answers the manifest's Implementation-Title, or null. */
    private @Nullable String jar(File jar) {
      try (ZipFile zip = new ZipFile(jar)) {
        for (String place : new String[] {"BOOT-INF/classes/", "WEB-INF/classes/", ""}) {
          for (String sub : new String[] {"config/", ""}) {
            for (String name : FILES) {
              ZipEntry e = zip.getEntry(place + sub + name);
              if (e != null) {
                take(name, zip.getInputStream(e), place + sub + name + " in " + jar);
              }
            }
          }
        }
        ZipEntry manifest = zip.getEntry("META-INF/MANIFEST.MF");
        return manifest == null
            ? null
            : new Manifest(zip.getInputStream(manifest))
                .getMainAttributes()
                .getValue(Attributes.Name.IMPLEMENTATION_TITLE);
      } catch (IOException | SecurityException unreadable) {
        return null;
      }
    }

    private void take(String name, InputStream in, String origin) throws IOException {
      boolean properties = name.endsWith(".properties");
      // Spring reads properties files as ISO 8859-1, and YAML as UTF-8
      String text = new String(bytes(in), properties ? "ISO-8859-1" : "UTF-8");
      Map<String, String> all = properties ? FlatFile.properties(text) : FlatFile.yaml(text);
      for (String key : KEYS) {
        put(key, all.get(key), origin);
      }
      for (Map.Entry<String, String> e : all.entrySet()) {
        String key = InfrastructureSettings.property(e.getKey());
        if (InfrastructureSettings.isOne(key) && !infrastructure.containsKey(key)) {
          infrastructure.put(key, expand(e.getValue().trim(), 0));
        }
      }
    }

    private static byte[] bytes(InputStream in) throws IOException {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[8192];
      int n;
      while ((n = in.read(buffer)) > 0) {
        out.write(buffer, 0, n);
        if (out.size() > MAX_BYTES) {
          throw new IOException("too large");
        }
      }
      return out.toByteArray();
    }

    private void put(String key, @Nullable String value, String origin) {
      String v = value == null ? "" : expand(value.trim(), 0);
      // a build leaves @project.name@ behind where it filters nothing
      if (!v.isEmpty() && !v.startsWith("@") && !found.containsKey(key)) {
        found.put(key, v);
        found.put(key + "@", origin);
      }
    }

    /** {@code ${NAME:default}}, as Spring means it; empty when one has no value. */
    private String expand(String text, int depth) {
      int open = text.indexOf("${");
      if (open < 0) {
        return text;
      }
      int close = text.lastIndexOf('}');
      if (close < open || depth > 4) {
        return "";
      }
      // a nested default keeps its own braces: ${A:${B:c}}
      int first = text.indexOf('}', open);
      int inner = text.indexOf("${", open + 2);
      int end = inner >= 0 && inner < first ? close : first;
      String name = text.substring(open + 2, end);
      int colon = name.indexOf(':');
      String otherwise = colon < 0 ? "" : name.substring(colon + 1);
      name = colon < 0 ? name : name.substring(0, colon);
      String value = system.getProperty(name);
      if (value == null) {
        value = environment.get(name);
      }
      if (value == null) {
        value = environment.get(name.toUpperCase(Locale.ROOT).replace('.', '_').replace("-", ""));
      }
      if (value == null && colon < 0) {
        return "";
      }
      return expand(
          text.substring(0, open) + (value == null ? otherwise : value) + text.substring(end + 1),
          depth + 1);
    }

    /** Tomcat's own applications aside, the only one there is. */
    private @Nullable String war() {
      String base = system.getProperty("catalina.base");
      String[] names = base == null ? null : new File(base, "webapps").list();
      String only = null;
      for (String n : names == null ? new String[0] : names) {
        String name = n.endsWith(".war") ? n.substring(0, n.length() - 4) : n;
        int version = name.indexOf("##");
        name = version < 0 ? name : name.substring(0, version);
        if (name.equals("docs")
            || name.equals("examples")
            || name.equals("manager")
            || name.equals("host-manager")
            || !NameRules.isName(name)
            || !n.endsWith(".war") && !new File(base, "webapps/" + n + "/WEB-INF").isDirectory()) {
          continue;
        }
        if (name.equals("ROOT") || only != null && !only.equals(name)) {
          return null;
        }
        only = name;
      }
      return only;
    }
  }
}
