package io.weir.agent.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.weir.control.json.JsonText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON as maps, lists, strings, numbers, booleans and null. Writing needs no library, so that a
 * command that only writes does not load one.
 */
final class Json {
  private Json() {}

  /** An object, in the order given: name, value, name, value ... */
  static Map<String, Object> object(@Nullable Object... namesAndValues) {
    Map<String, Object> m = new LinkedHashMap<String, Object>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      m.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return m;
  }

  /** Indented by two. */
  static String write(@Nullable Object value) {
    StringBuilder s = new StringBuilder();
    write(s, value, "\n");
    return s.toString();
  }

  /** On one line. */
  static String line(@Nullable Object value) {
    StringBuilder s = new StringBuilder();
    write(s, value, null);
    return s.toString();
  }

  private static void write(StringBuilder s, @Nullable Object v, @Nullable String newline) {
    String deeper = newline == null ? null : newline + "  ";
    if (v instanceof Map) {
      String separator = "{";
      for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
        JsonText.quote(
            s.append(separator).append(deeper == null ? "" : deeper), e.getKey().toString());
        write(s.append(deeper == null ? ":" : ": "), e.getValue(), deeper);
        separator = ",";
      }
      close(s, separator.equals("{"), newline, '{', '}');
    } else if (v instanceof Iterable) {
      String separator = "[";
      for (Object item : (Iterable<?>) v) {
        write(s.append(separator).append(deeper == null ? "" : deeper), item, deeper);
        separator = ",";
      }
      close(s, separator.equals("["), newline, '[', ']');
    } else if (v == null || v instanceof Boolean || v instanceof Integer || v instanceof Long) {
      s.append(v);
    } else if (v instanceof Number) {
      double d = ((Number) v).doubleValue();
      s.append(Double.isNaN(d) || Double.isInfinite(d) ? "null" : v.toString());
    } else {
      JsonText.quote(s, v.toString());
    }
  }

  private static void close(
      StringBuilder s, boolean empty, @Nullable String newline, char open, char shut) {
    if (empty) {
      s.append(open);
    } else if (newline != null) {
      s.append(newline);
    }
    s.append(shut);
  }

  /**
   * @throws IOException when the text is not one JSON value
   */
  static @Nullable Object read(String text) throws IOException {
    try (JsonParser p = Factory.JSON.createParser(text)) {
      if (p.nextToken() == null) {
        throw new IOException("empty");
      }
      Object v = value(p);
      if (p.nextToken() != null) {
        throw new IOException("more than one value");
      }
      return v;
    }
  }

  /** An object, or an empty one when the text is something else. */
  @SuppressWarnings("unchecked")
  static Map<String, Object> readObject(String text) {
    try {
      Object v = read(text);
      if (v instanceof Map) {
        return (Map<String, Object>) v;
      }
    } catch (IOException notOurs) {
      // as an empty one: whoever wrote it, it says nothing to us
    }
    return new LinkedHashMap<String, Object>();
  }

  static String text(Map<String, Object> object, String name) {
    Object v = object.get(name);
    return v == null ? "" : v.toString();
  }

  static long number(Map<String, Object> object, String name) {
    Object v = object.get(name);
    return v instanceof Number ? ((Number) v).longValue() : 0;
  }

  /** An object inside, or null. */
  @SuppressWarnings("unchecked")
  static @Nullable Map<String, Object> inner(Map<String, Object> object, String name) {
    Object v = object.get(name);
    return v instanceof Map ? (Map<String, Object>) v : null;
  }

  /** The objects of a list; everything else in it is left out. */
  @SuppressWarnings("unchecked")
  static List<Map<String, Object>> objects(Map<String, Object> object, String name) {
    List<Map<String, Object>> out = new ArrayList<Map<String, Object>>();
    Object v = object.get(name);
    if (v instanceof List) {
      for (Object item : (List<Object>) v) {
        if (item instanceof Map) {
          out.add((Map<String, Object>) item);
        }
      }
    }
    return out;
  }

  private static @Nullable Object value(JsonParser p) throws IOException {
    switch (p.currentToken()) {
      case START_OBJECT:
        Map<String, Object> m = new LinkedHashMap<String, Object>();
        while (p.nextToken() != JsonToken.END_OBJECT) {
          String name = p.currentName();
          p.nextToken();
          m.put(name, value(p));
        }
        return m;
      case START_ARRAY:
        List<Object> l = new ArrayList<Object>();
        while (p.nextToken() != JsonToken.END_ARRAY) {
          l.add(value(p));
        }
        return l;
      case VALUE_STRING:
        return p.getText();
      case VALUE_NUMBER_INT:
        return p.getLongValue();
      case VALUE_NUMBER_FLOAT:
        return p.getDoubleValue();
      case VALUE_TRUE:
        return Boolean.TRUE;
      case VALUE_FALSE:
        return Boolean.FALSE;
      default:
        return null;
    }
  }

  /** Loaded only when something is read. */
  private static final class Factory {
    static final JsonFactory JSON = new JsonFactory();

    private Factory() {}
  }
}
