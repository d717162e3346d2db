package io.weir.agent.config;

import io.weir.control.parse.NameRules;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Looks at what an instance will write about itself before it is written: a key or a value that its
 * readers refuse would harm more than this one JVM. A wrong value gets one warning and is left out.
 */
final class ConfigChecks {
  private static final int SHOWN = 60;

  private ConfigChecks() {}

  /**
   * A comma where a semicolon belongs: {@code service=a,region=b} is one option.
   *
   * @param n number of the option
   */
  static void commas(int n, String key, String value, List<String> warnings) {
    for (PropertyKey k : PropertyKey.values()) {
      if (k.matches(key) && (k.secret() || k == PropertyKey.METRICS_HEADERS)) {
        return; // may have any text in it
      }
    }
    String[] parts = value.split(",");
    for (int i = 1; i < parts.length; i++) {
      int eq = parts[i].indexOf('=');
      String name = eq < 1 ? "" : parts[i].substring(0, eq).trim();
      if (!known(name)) {
        continue;
      }
      warnings.add(
          "agent option "
              + n
              + ": ',"
              + name
              + "=' is taken as a part of the value of "
              + key
              + "; options are separated by semicolons, write ';"
              + name
              + "='");
      return;
    }
  }

  private static boolean known(String name) {
    for (PropertyKey k : PropertyKey.values()) {
      if (k.matches(name.startsWith("weir.") ? name : "weir." + name)) {
        return true;
      }
    }
    return false;
  }

  /** Completes or leaves out what no reader of a registration would take. */
  static void values(
      Map<String, String> values, Map<String, String> origins, List<String> warnings) {
    address(values, origins, warnings);
    int labels = 0;
    for (Iterator<Map.Entry<String, String>> i = values.entrySet().iterator(); i.hasNext(); ) {
      Map.Entry<String, String> e = i.next();
      String property = e.getKey();
      String text = e.getValue();
      String trouble = null;
      if (PropertyKey.REGION.matches(property)
          || PropertyKey.ZONE.matches(property)
          || PropertyKey.VERSION.matches(property)) {
        trouble = NameRules.placeProblem(text);
      } else if (PropertyKey.LABELS.matches(property) && !text.isEmpty()) {
        trouble = NameRules.placeProblem(property.substring("weir.labels.".length()));
        trouble = trouble == null ? NameRules.placeProblem(text) : trouble;
        if (trouble == null && ++labels > NameRules.MOST_LABELS) {
          trouble = "an instance has " + NameRules.MOST_LABELS + " labels at most";
        }
      } else if (PropertyKey.REGISTER_PORTS.matches(property)
          || PropertyKey.MANAGEMENT_PORTS.matches(property)) {
        ports(property, text, origins.get(property), warnings);
      }
      if (trouble != null) {
        warnings.add(
            shown(property, "")
                + ": "
                + shown(text)
                + " ("
                + origins.get(property)
                + ") is ignored: "
                + trouble
                + "; give it another value");
        i.remove();
        origins.remove(property);
      }
    }
  }

  private static void address(
      Map<String, String> values, Map<String, String> origins, List<String> warnings) {
    String property = PropertyKey.INSTANCE_ADDRESS.propertyName();
    String given = values.get(property);
    if (given == null || given.isEmpty()) {
      return;
    }
    String address = NameRules.address(given);
    if (address != null) {
      values.put(property, address);
      return;
    }
    warnings.add(
        property
            + ": "
            + shown(given)
            + " ("
            + origins.get(property)
            + ") is not host:port with a port of 1 to 65535, nor a host alone, and is ignored: this"
            + " instance registers the address it finds itself");
    values.remove(property);
    origins.remove(property);
  }

  private static void ports(
      String property, String text, @Nullable String origin, List<String> warnings) {
    for (String p : text.split(",")) {
      if (!p.trim().isEmpty() && NameRules.port(p.trim()) == 0) {
        warnings.add(
            property
                + ": "
                + shown(p.trim())
                + " ("
                + origin
                + ") is no port of 1 to 65535 and is ignored");
      }
    }
  }

  /** In quotes, on one line and not too long. */
  static String shown(String text) {
    return shown(text, "'");
  }

  private static String shown(String text, String quote) {
    StringBuilder s = new StringBuilder(quote);
    for (int i = 0; i < text.length() && i < SHOWN; i++) {
      char c = text.charAt(i);
      s.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
    }
    return s.append(text.length() > SHOWN ? "..." : "").append(quote).toString();
  }
}
