package io.weir.agent.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rule's text, edited in place: one value is replaced, or one field added, and every other
 * character stays, comments too. JSON and YAML alike, through the parser's token positions. Whoever
 * edits reads the result with the agent's parser before it is used: positions are trusted no
 * further than that.
 */
final class RuleText {
  /** A field's value. */
  private static final class Span {
    final String path;
    final int start;
    final int end;
    final boolean block;

    Span(String path, int start, int end, boolean block) {
      this.path = path;
      this.start = start;
      this.end = end;
      this.block = block;
    }
  }

  /** An object with at least one field. */
  private static final class Place {
    final String path;
    final int firstField;
    final int indent;
    final boolean block;

    Place(String path, int firstField, int indent, boolean block) {
      this.path = path;
      this.firstField = firstField;
      this.indent = indent;
      this.block = block;
    }
  }

  private final String text;
  private final boolean json;
  private final List<Span> spans = new ArrayList<Span>();
  private final List<Place> places = new ArrayList<Place>();
  private int lastEnd;

  private RuleText(String text) throws IOException {
    this.text = text;
    String t = text.trim();
    json = t.startsWith("{") || t.startsWith("[");
    JsonFactory factory = json ? new JsonFactory() : new YAMLFactory();
    try (JsonParser p = factory.createParser(text)) {
      if (p.nextToken() != null) {
        value(p, "");
      }
    } catch (IOException notJson) {
      if (!json) {
        throw notJson;
      }
      spans.clear();
      places.clear();
      try (JsonParser p = new YAMLFactory().createParser(text)) {
        p.nextToken();
        value(p, "");
      }
    }
  }

  /**
   * @throws Trouble when the text is neither JSON nor YAML
   */
  static RuleText of(String text) {
    try {
      return new RuleText(text);
    } catch (IOException | RuntimeException e) {
      throw new CliException(CliFault.NOT_EDITABLE, "the text cannot be read: " + e.getMessage());
    }
  }

  private int start(JsonParser p) {
    return offset(p, p.currentTokenLocation().getCharOffset());
  }

  private int end(JsonParser p) throws IOException {
    if (p.currentToken().isScalarValue()) {
      p.getText();
    }
    return offset(p, p.currentLocation().getCharOffset());
  }

  /** YAML counts code points. */
  private int offset(JsonParser p, long at) {
    int n = (int) Math.min(at, text.length());
    return p.getCodec() == null && p instanceof com.fasterxml.jackson.dataformat.yaml.YAMLParser
        ? text.offsetByCodePoints(0, Math.min(n, text.codePointCount(0, text.length())))
        : n;
  }

  private void value(JsonParser p, String path) throws IOException {
    int start = start(p);
    boolean block = start >= text.length() || "{[".indexOf(text.charAt(start)) < 0;
    if (p.currentToken() == JsonToken.START_OBJECT) {
      boolean first = true;
      while (p.nextToken() != JsonToken.END_OBJECT) {
        if (first) {
          places.add(new Place(path, start(p), p.currentTokenLocation().getColumnNr() - 1, block));
          first = false;
        }
        String name = path.isEmpty() ? p.currentName() : path + "." + p.currentName();
        p.nextToken();
        value(p, name);
      }
      close(p, block);
    } else if (p.currentToken() == JsonToken.START_ARRAY) {
      int i = 0;
      while (p.nextToken() != JsonToken.END_ARRAY) {
        value(p, path + "[" + i++ + "]");
      }
      close(p, block);
    } else {
      lastEnd = end(p);
    }
    spans.add(new Span(path, start, lastEnd, block));
  }

  /** A block ends where its last value does, not where the next token begins. */
  private void close(JsonParser p, boolean block) throws IOException {
    if (!block) {
      lastEnd = end(p);
    }
  }

  boolean has(String path) {
    return span(path) != null;
  }

  private @Nullable Span span(String path) {
    for (Span s : spans) {
      if (s.path.equals(path)) {
        return s;
      }
    }
    return null;
  }

  /**
   * The text with this field set, added as the object's first field when it is not there; null when
   * there is no such object.
   *
   * @param path of the object, empty for the outermost
   * @param json the value in JSON, which YAML understands as well
   */
  @Nullable String with(String path, String field, String json) {
    String value = this.json ? json : plain(json);
    Span s = span(path.isEmpty() ? field : path + "." + field);
    if (s != null) {
      boolean list = s.block && (value.startsWith("[") || value.startsWith("{"));
      // a block list may stand as far left as its field, a flow list may not
      return text.substring(0, s.start) + (list ? "  " : "") + value + text.substring(s.end);
    }
    for (Place place : places) {
      if (place.path.equals(path)) {
        StringBuilder added = new StringBuilder();
        if (place.block) {
          added.append(field).append(": ").append(value).append('\n');
          for (int i = 0; i < place.indent; i++) {
            added.append(' ');
          }
        } else {
          added.append('"').append(field).append("\": ").append(value).append(", ");
        }
        return new StringBuilder(text).insert(place.firstField, added).toString();
      }
    }
    return null;
  }

  /** A quoted word without its quotes, as people write YAML. */
  private static String plain(String value) {
    return value.matches("\"[a-z]+\"") ? value.substring(1, value.length() - 1) : value;
  }

  /**
   * Paths of the objects that hold a rule's fields: the spec of an envelope, or the rule itself.
   */
  List<String> rules() {
    List<String> rules = new ArrayList<String>();
    if (text.trim().isEmpty()) {
      return rules;
    }
    if (has("[0]")) {
      for (int i = 0; has("[" + i + "]"); i++) {
        rules.add(has("[" + i + "].spec") ? "[" + i + "].spec" : "[" + i + "]");
      }
    } else {
      rules.add(has("spec") ? "spec" : "");
    }
    return rules;
  }
}
