package io.weir.agent.config;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * Reads the plain keys of a {@code .properties} or {@code .yml} file, without a YAML library: it
 * runs before the application's {@code main}. Of YAML it knows nested and dotted keys with a value
 * on the same line, quotes and comments, in the first document only. Everything else is passed
 * over.
 */
final class FlatFile {
  private FlatFile() {}

  /** By dotted key. */
  static Map<String, String> properties(String text) throws IOException {
    Map<String, String> all = new LinkedHashMap<String, String>();
    Properties p = new Properties();
    try {
      p.load(new StringReader(text));
    } catch (IllegalArgumentException malformed) {
      throw new IOException(malformed);
    }
    for (String name : p.stringPropertyNames()) {
      all.put(name, p.getProperty(name));
    }
    return all;
  }

  /** By dotted key. */
  static Map<String, String> yaml(String text) {
    Map<String, String> all = new LinkedHashMap<String, String>();
    List<Integer> indents = new ArrayList<Integer>();
    List<String> path = new ArrayList<String>();
    boolean begun = false;
    for (String line : text.split("\r?\n")) {
      if (line.startsWith("---") || line.startsWith("...")) {
        if (begun) {
          break; // the next document may be of a profile
        }
        continue;
      }
      int indent = 0;
      while (indent < line.length() && line.charAt(indent) == ' ') {
        indent++;
      }
      String rest = line.substring(indent);
      int colon = colon(rest);
      if (rest.isEmpty() || rest.startsWith("#") || rest.startsWith("-") || colon < 1) {
        continue;
      }
      begun = true;
      while (!indents.isEmpty() && indents.get(indents.size() - 1) >= indent) {
        indents.remove(indents.size() - 1);
        path.remove(path.size() - 1);
      }
      indents.add(indent);
      path.add(scalar(rest.substring(0, colon)));
      String value = scalar(rest.substring(colon + 1));
      if (!value.isEmpty()) {
        all.put(String.join(".", path), value);
      }
    }
    return all;
  }

  /** Where the key ends: a colon that a blank or nothing follows. */
  private static int colon(String text) {
    int at = text.indexOf(':');
    while (at >= 0 && at + 1 < text.length() && text.charAt(at + 1) != ' ') {
      at = text.indexOf(':', at + 1);
    }
    return at;
  }

  private static String scalar(String text) {
    String t = text.trim();
    if (!t.isEmpty() && (t.charAt(0) == '"' || t.charAt(0) == '\'')) {
      int end = t.indexOf(t.charAt(0), 1);
      return end < 0 ? "" : t.substring(1, end);
    }
    if (t.startsWith("#")) {
      return "";
    }
    int comment = t.indexOf(" #");
    return comment < 0 ? t : t.substring(0, comment).trim();
  }
}
