package io.weir.control.parse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The shipped JSON Schemas and the tables in docs/rules.md say what the parser does, because they
 * come from its field tables. After a change of those run {@code mvn -pl control -am test
 * -Dtest=GeneratedTest -Dsurefire.failIfNoSpecifiedTests=false -Dweir.generate=true} and commit
 * what it writes.
 */
class GeneratedTest {
  private static final boolean WRITE = Boolean.getBoolean("weir.generate");

  /** Tests run in the module's directory. */
  private static final Path MODULE = Path.of("").toAbsolutePath();

  private static void same(Path file, String expected) throws IOException {
    if (WRITE) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, expected);
    }
    assertThat(file).as("generated; see this class").hasContent(expected);
  }

  @Test
  void theSchemasAreTheParsersTables() throws IOException {
    for (RuleKey.Kind kind : RuleKey.Kind.values()) {
      if (kind.isRule()) {
        same(
            MODULE.resolve("src/main/resources/schema/" + kind.word + ".json"),
            json(schema(kind), 0) + "\n");
      }
    }
  }

  @Test
  void theDocsAreTheParsersTables() throws IOException {
    Path docs = MODULE.resolve("../docs/rules.md").normalize();
    String text = Files.readString(docs);
    text = section(text, "rate-limit", table(FieldTables.LIMIT));
    text = section(text, "circuit-breaker", table(FieldTables.BREAKER));
    text = section(text, "route", table(FieldTables.ROUTE));
    text = section(text, "instance", table(FieldTables.INSTANCE));
    StringBuilder codes = new StringBuilder("| code | meaning |\n|---|---|\n");
    for (ProblemCode code : ProblemCode.values()) {
      codes.append("| ").append(code).append(" | ").append(code.meaning()).append(" |\n");
    }
    same(docs, section(text, "codes", codes.toString()));
  }

  private static String section(String text, String name, String body) {
    String begin = "<!-- generated: " + name + " -->\n";
    String end = "<!-- end -->";
    int from = text.indexOf(begin);
    assertThat(from).as("docs/rules.md has a place for " + name).isNotNegative();
    from += begin.length();
    return text.substring(0, from) + body + text.substring(text.indexOf(end, from));
  }

  private static String table(FieldTable shape) {
    StringBuilder s = new StringBuilder("| field | value | default | |\n|---|---|---|---|\n");
    rows(shape, "", s);
    return s.toString();
  }

  private static void rows(FieldTable shape, String path, StringBuilder s) {
    for (FieldSpec f : shape.fields()) {
      s.append("| `").append(path).append(f.name).append('`');
      for (String alias : f.aliases) {
        s.append(" (`").append(alias).append("`)");
      }
      s.append(" | ").append(f.expectation().replace("expected ", "").replace("|", "\\|"));
      s.append(" | ").append(f.required ? required(f) : f.fallback == null ? "" : f.fallback);
      s.append(" | ").append(f.doc.replace("|", "\\|")).append(" |\n");
      if (f.shape != null) {
        rows(f.shape, path + f.name + (f.kind == FieldSpec.Kind.OBJECTS ? "[]." : "."), s);
      }
    }
  }

  private static String required(FieldSpec f) {
    return f.instead.isEmpty()
        ? "required"
        : "required without `" + String.join("` or `", f.instead) + "`";
  }

  private static Map<String, Object> map(Object... keysAndValues) {
    Map<String, Object> m = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      m.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return m;
  }

  private static Map<String, Object> schema(RuleKey.Kind kind) {
    Map<String, Object> rule = object(FieldTables.of(kind));
    Map<String, Object> envelope = object(FieldTables.ENVELOPE);
    @SuppressWarnings("unchecked")
    Map<String, Object> fields = (Map<String, Object>) envelope.get("properties");
    fields.put("spec", map("$ref", "#/$defs/rule"));
    envelope.put("required", List.of("spec"));
    Map<String, Object> definitions = map("rule", rule, "envelope", envelope);
    List<Object> any =
        new ArrayList<>(List.of(map("$ref", "#/$defs/envelope"), map("$ref", "#/$defs/rule")));
    if (kind == RuleKey.Kind.ROUTE) {
      definitions.put("row", object(FieldTables.ROUTE.field("table").shape));
      any.add(map("$ref", "#/$defs/row"));
    }
    List<Object> all = new ArrayList<>(any);
    all.add(map("type", "array", "minItems", 1, "items", map("anyOf", any)));
    return map(
        "$schema",
        "https://json-schema.org/draft/2020-12/schema",
        "$id",
        "urn:weir:" + kind.word,
        "title",
        "Weir " + kind.word + " rule: bare, in an envelope, or several in a list",
        "anyOf",
        all,
        "$defs",
        definitions);
  }

  private static Map<String, Object> object(FieldTable shape) {
    Map<String, Object> properties = new LinkedHashMap<>();
    List<Object> required = new ArrayList<>();
    for (FieldSpec f : shape.fields()) {
      properties.put(f.name, property(f));
      for (String alias : f.aliases) {
        Map<String, Object> p = property(f);
        p.put("description", "the same as " + f.name);
        p.put("deprecated", true);
        properties.put(alias, p);
      }
      if (f.required) {
        List<Object> names = new ArrayList<>(List.of(map("required", List.of(f.name))));
        f.aliases.forEach(a -> names.add(map("required", List.of(a))));
        f.instead.forEach(a -> names.add(map("required", List.of(a))));
        required.add(map("anyOf", names));
      }
    }
    Map<String, Object> o = map("type", "object", "properties", properties);
    if (!required.isEmpty()) {
      o.put("allOf", required);
    }
    return o;
  }

  private static Map<String, Object> property(FieldSpec f) {
    Map<String, Object> p = map("description", f.doc);
    List<String> scalar = List.of("string", "number", "boolean");
    List<Object> percent =
        List.of(
            map("type", "integer", "minimum", f.min, "maximum", f.max),
            map("type", "string", "pattern", "^[0-9]+(\\.[0-9]+)? *%$"));
    switch (f.kind) {
      case BOOLEAN -> p.put("type", "boolean");
      case INTEGER, NUMBER -> {
        p.put("type", f.kind == FieldSpec.Kind.INTEGER ? "integer" : "number");
        p.put("minimum", f.min);
        p.put("maximum", f.max);
      }
      case TEXT -> {
        p.put("type", scalar);
        p.put("maxLength", f.max);
      }
      case WORD -> p.put("enum", words(f));
      case TEXTS -> {
        p.put("type", List.of("array", "string", "number", "boolean"));
        p.put("maxItems", f.max);
        p.put("items", map("type", scalar));
      }
      case TEXT_MAP -> {
        p.put("type", "object");
        p.put("maxProperties", f.max);
        p.put("additionalProperties", map("type", scalar));
      }
      case SHARE -> {
        List<Object> any = new ArrayList<>();
        if (!f.words.isEmpty()) {
          any.add(map("enum", f.words));
        }
        any.addAll(percent);
        p.put("anyOf", any);
      }
      case SHARES -> {
        p.put("type", List.of("object", "array"));
        p.put("additionalProperties", map("anyOf", percent));
        p.put("items", map("type", "object", "additionalProperties", map("anyOf", percent)));
      }
      case OBJECT -> p.putAll(object(f.shape));
      case OBJECTS -> {
        p.put(
            "anyOf",
            List.of(
                object(f.shape),
                map("type", "array", "maxItems", f.max, "items", object(f.shape))));
      }
    }
    if (f.fallback != null && f.kind != FieldSpec.Kind.TEXTS) {
      boolean literal =
          f.kind == FieldSpec.Kind.WORD || f.kind == FieldSpec.Kind.TEXT || !f.words.isEmpty();
      p.put("default", literal ? f.fallback : new Literal(f.fallback));
    }
    return p;
  }

  /** A dash may be written as an underscore. */
  private static List<String> words(FieldSpec f) {
    List<String> all = new ArrayList<>(f.words);
    f.words.stream().filter(w -> w.contains("-")).forEach(w -> all.add(w.replace('-', '_')));
    return all;
  }

  /** JSON as it stands. */
  private record Literal(String text) {}

  private static String json(Object value, int depth) {
    String pad = "\n" + "  ".repeat(depth + 1);
    String end = "\n" + "  ".repeat(depth);
    if (value instanceof Map<?, ?> m) {
      return m.entrySet().stream()
          .map(e -> pad + json(e.getKey(), 0) + ": " + json(e.getValue(), depth + 1))
          .collect(Collectors.joining(",", "{", end + "}"));
    }
    if (value instanceof List<?> l) {
      boolean flat = l.stream().noneMatch(x -> x instanceof Map);
      return l.stream()
          .map(x -> (flat ? "" : pad) + json(x, depth + 1))
          .collect(Collectors.joining(flat ? ", " : ",", "[", flat ? "]" : end + "]"));
    }
    if (value instanceof Double d) {
      return FieldSpec.plain(d);
    }
    if (value instanceof String s) {
      return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
    return value instanceof Literal l ? l.text() : String.valueOf(value);
  }
}
