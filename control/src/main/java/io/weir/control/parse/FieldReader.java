package io.weir.control.parse;

import io.weir.engine.match.MatchParser;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the fields of an object in a document, by its field table. Each method checks a field's
 * kind and bounds. It reports a wrong value and returns the default, so that one pass over a
 * document finds all of its problems. Each method also adds the normalised value to the rule's
 * fingerprint: two documents with the same meaning have the same fingerprint.
 *
 * <p>A field name that is not in the table is a bug of the caller and throws.
 */
final class FieldReader {
  private static final Pattern DECIMAL =
      Pattern.compile("[-+]?(0|[1-9][0-9_]*)(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?");

  /** YAML 1.1's words for true. {@link DocumentReader} gives them as text. */
  private static final List<String> TRUE = Arrays.asList("true", "yes", "on", "y");

  private static final List<String> FALSE = Arrays.asList("false", "no", "off", "n");
  private static final int MAX_TEXT = 4096;
  private static final int MAX_PROBLEMS = 100;
  private static final int MAX_SHARES = 64;

  /** Collects the problems and the fingerprint of one document. */
  static final class Sink {
    final String key;
    final List<RuleProblem> problems = new ArrayList<RuleProblem>();
    final StringBuilder fingerprint = new StringBuilder();

    private final MatchParser.Budget regexBudget = new MatchParser.Budget();

    /** Whether the document has a newer minor version than this agent knows. */
    boolean newer;

    /** Whether some problem is a refusal. */
    boolean refused;

    private int refusals;
    private int warnings;

    Sink(String key) {
      this.key = key;
    }

    void add(RuleProblem p) {
      if (!full(p.refusal)) {
        problems.add(p);
      }
      refused |= p.refusal;
      refusals += p.refusal ? 1 : 0;
      warnings += p.refusal ? 0 : 1;
    }

    /** Whether there are so many refusals, or warnings, that further ones are not kept. */
    boolean full(boolean refusal) {
      return (refusal ? refusals : warnings) >= MAX_PROBLEMS;
    }

    void addToFingerprint(String path, String value) {
      fingerprint.append(path).append('=').append(value.length()).append(':').append(value);
      fingerprint.append('\n');
    }
  }

  final DocumentNode node;
  private final FieldTable table;
  private final String path;
  private final Sink sink;

  FieldReader(FieldTable table, DocumentNode node, String path, Sink sink) {
    this.table = table;
    this.node = node;
    this.path = path;
    this.sink = sink;
    for (Map.Entry<String, DocumentNode> e : node.fields.entrySet()) {
      if (!table.knows(e.getKey())) {
        unknown(e.getKey(), e.getValue());
      }
    }
    for (FieldSpec f : table.fields()) {
      if (f.required && find(f) == null && !hasAny(f.instead)) {
        report(
            ProblemCode.REQUIRED, path + f.name, "", "the field is required: " + f.doc, node, null);
      }
    }
  }

  private void unknown(String name, DocumentNode at) {
    if (sink.full(false)) {
      return; // the search for a similar name would cost time
    }
    sink.add(
        new RuleProblem(
            sink.newer ? ProblemCode.NEWER_FIELD : ProblemCode.UNKNOWN_FIELD,
            false,
            sink.key,
            path + RuleProblem.quote(name),
            "",
            sink.newer
                ? "ignored: a field of a newer version than this agent's"
                : "ignored: there is no such field",
            at.line,
            at.column,
            Spelling.nearest(name, table.names())));
  }

  private @Nullable DocumentNode find(FieldSpec f) {
    DocumentNode n = node.fields.get(f.name);
    for (String alias : f.aliases) {
      DocumentNode other = node.fields.get(alias);
      if (other != null && n != null) {
        report(
            ProblemCode.TWO_SPELLINGS,
            alias,
            other,
            "the same as " + f.name + "; give one of them");
      }
      n = n == null ? other : n;
    }
    return n == null || n.kind == DocumentNode.Kind.NULL ? null : n;
  }

  private boolean hasAny(List<String> names) {
    for (String name : names) {
      if (has(name)) {
        return true;
      }
    }
    return false;
  }

  boolean has(String name) {
    return find(table.field(name)) != null;
  }

  /** The field's value, for its place in the text; the object when the field is absent. */
  DocumentNode at(String name) {
    DocumentNode n = find(table.field(name));
    return n == null ? node : n;
  }

  boolean bool(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    boolean v = Boolean.parseBoolean(f.fallback);
    if (n != null) {
      String word =
          n.kind == DocumentNode.Kind.LIST || n.kind == DocumentNode.Kind.OBJECT ? "" : n.text;
      boolean yes = TRUE.contains(word.toLowerCase(Locale.ROOT));
      if (yes || FALSE.contains(word.toLowerCase(Locale.ROOT))) {
        v = yes;
      } else {
        wrongKind(f, n);
      }
    }
    addToFingerprint(name, Boolean.toString(v));
    return v;
  }

  /**
   * @param absent the default, for fields whose table has none
   */
  double number(String name, double absent) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    double v = f.fallback == null ? absent : Double.parseDouble(f.fallback);
    if (n != null) {
      v = decimal(f, n, v);
    }
    addToFingerprint(name, FieldSpec.plain(v));
    return v;
  }

  double number(String name) {
    return number(name, 0);
  }

  long integer(String name, long absent) {
    return (long) number(name, absent);
  }

  long integer(String name) {
    return integer(name, 0);
  }

  private double decimal(FieldSpec f, DocumentNode n, double otherwise) {
    if (n.kind != DocumentNode.Kind.NUMBER) {
      wrongKind(f, n);
      return otherwise;
    }
    if (n.text.length() > 64 || !DECIMAL.matcher(n.text).matches()) {
      report(ProblemCode.KIND, f.name, n, "expected a plain decimal number");
      return otherwise;
    }
    double d = Double.parseDouble(n.text.replace("_", ""));
    boolean whole = f.kind == FieldSpec.Kind.NUMBER || d == Math.rint(d);
    if (!whole || !(d >= f.min && d <= f.max)) {
      report(ProblemCode.BOUND, f.name, n, f.expectation());
      return otherwise;
    }
    return d;
  }

  /** Null: the field is absent or was refused. */
  @Nullable String text(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    String v = n == null ? null : scalar(f, n);
    if (n != null && v != null && v.length() > f.max) {
      report(ProblemCode.BOUND, name, n, f.expectation());
      v = null;
    }
    addToFingerprint(name, v == null ? "" : v);
    return v;
  }

  /** The constant that has the word's name, in capitals and with underscores for dashes. */
  <E extends Enum<E>> E word(String name, Class<E> type) {
    return Enum.valueOf(type, word(name).replace('-', '_').toUpperCase(Locale.ROOT));
  }

  String word(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    String v = Objects.requireNonNull(f.fallback);
    if (n != null) {
      String w = n.kind == DocumentNode.Kind.TEXT ? n.text.replace('_', '-') : "";
      if (f.words.contains(w)) {
        v = w;
      } else if (n.kind == DocumentNode.Kind.TEXT) {
        report(
            ProblemCode.WORD,
            path + name,
            n.shown(),
            f.expectation(),
            n,
            Spelling.nearest(n.text, f.words));
      } else {
        wrongKind(f, n);
      }
    }
    addToFingerprint(name, v);
    return v;
  }

  /** The list of texts; the default in the table is comma-separated. */
  List<String> texts(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    List<String> v = new ArrayList<String>();
    if (n == null) {
      if (f.fallback != null && !f.fallback.isEmpty()) {
        v.addAll(Arrays.asList(f.fallback.split(",")));
      }
    } else {
      List<DocumentNode> items =
          n.kind == DocumentNode.Kind.LIST ? n.items : Collections.singletonList(n);
      if (items.size() > f.max) {
        report(ProblemCode.BOUND, name, n, f.expectation());
        items = Collections.emptyList();
      }
      for (DocumentNode item : items) {
        String s = scalar(f, item);
        if (s != null) {
          v.add(s);
        }
      }
    }
    addToFingerprint(name, v.toString());
    return Collections.unmodifiableList(v);
  }

  Map<String, String> textMap(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    Map<String, String> v = new LinkedHashMap<String, String>();
    if (n != null) {
      if (n.kind != DocumentNode.Kind.OBJECT) {
        wrongKind(f, n);
      } else if (n.fields.size() > f.max) {
        report(ProblemCode.BOUND, name, n, f.expectation());
      } else {
        for (Map.Entry<String, DocumentNode> e : n.fields.entrySet()) {
          String s = scalar(f, e.getValue());
          if (s != null) {
            v.put(e.getKey(), s);
          }
        }
      }
    }
    for (Map.Entry<String, String> e : v.entrySet()) {
      addToFingerprint(name + "." + e.getKey(), e.getValue());
    }
    return Collections.unmodifiableMap(v);
  }

  /**
   * Reads a number or a percentage. A number is returned as it is; a percentage as a negative
   * share, {@code "30%"} as -0.3; the field's word as NaN.
   */
  double share(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    if (n == null && !f.words.isEmpty() || n != null && f.words.contains(n.text)) {
      addToFingerprint(name, f.words.get(0));
      return Double.NaN;
    }
    double v = share(f, n, f.words.isEmpty() ? Double.parseDouble(f.fallback) : Double.NaN);
    addToFingerprint(name, FieldSpec.plain(v));
    return v;
  }

  private double share(FieldSpec f, @Nullable DocumentNode n, double otherwise) {
    if (n == null) {
      return otherwise;
    }
    if (n.kind != DocumentNode.Kind.TEXT || !n.text.endsWith("%")) {
      return decimal(f, n, otherwise);
    }
    String digits = n.text.substring(0, n.text.length() - 1).trim();
    double percent =
        digits.length() <= 16 && DECIMAL.matcher(digits).matches()
            ? Double.parseDouble(digits.replace("_", ""))
            : -1;
    if (percent < 0 || percent > 100) {
      report(ProblemCode.BOUND, f.name, n, "expected a percentage from 0% to 100%");
      return otherwise;
    }
    return -percent / 100;
  }

  /** Names and their shares, each as {@link #share(String)} returns it, in the document's order. */
  Map<String, Double> shares(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    Map<String, Double> v = new LinkedHashMap<String, Double>();
    if (n != null) {
      List<DocumentNode> items =
          n.kind == DocumentNode.Kind.LIST ? n.items : Collections.singletonList(n);
      for (DocumentNode item : items) {
        if (item.kind != DocumentNode.Kind.OBJECT) {
          wrongKind(f, item);
        }
        for (Map.Entry<String, DocumentNode> e : item.fields.entrySet()) {
          if (v.put(e.getKey(), share(f, e.getValue(), 1)) != null) {
            report(ProblemCode.CONTRADICTION, name, item, "a name may stand there once");
          }
        }
      }
      if (v.size() > MAX_SHARES) {
        report(ProblemCode.BOUND, name, n, "expected at most " + MAX_SHARES + " names");
      }
    }
    for (Map.Entry<String, Double> e : v.entrySet()) {
      addToFingerprint(name + "." + e.getKey(), FieldSpec.plain(e.getValue()));
    }
    return v;
  }

  /** A reader of the object's fields; when it is absent, one of an empty object. */
  FieldReader object(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    if (n != null && n.kind != DocumentNode.Kind.OBJECT) {
      wrongKind(f, n);
      n = null;
    }
    DocumentNode object =
        n == null
            ? DocumentNode.object(
                Collections.<String, DocumentNode>emptyMap(), node.line, node.column)
            : n;
    return new FieldReader(f.shape(), object, path + name + ".", sink);
  }

  /** A reader for each object of a list. */
  List<FieldReader> objects(String name) {
    FieldSpec f = table.field(name);
    DocumentNode n = find(f);
    List<FieldReader> v = new ArrayList<FieldReader>();
    if (n != null) {
      // a single object counts as a list of one
      List<DocumentNode> items =
          n.kind == DocumentNode.Kind.OBJECT ? Collections.singletonList(n) : n.items;
      if (n.kind != DocumentNode.Kind.LIST && n.kind != DocumentNode.Kind.OBJECT) {
        wrongKind(f, n);
      } else if (items.size() > f.max) {
        report(ProblemCode.BOUND, name, n, f.expectation());
        items = Collections.emptyList();
      }
      for (int i = 0; i < items.size(); i++) {
        DocumentNode item = items.get(i);
        String at = path + name + "[" + i + "]";
        if (item.kind == DocumentNode.Kind.OBJECT) {
          v.add(new FieldReader(f.shape(), item, at + ".", sink));
        } else {
          report(ProblemCode.KIND, at, item.shown(), "expected an object", item, null);
        }
      }
    }
    addToFingerprint(name, Integer.toString(v.size()));
    return v;
  }

  private @Nullable String scalar(FieldSpec f, DocumentNode n) {
    if (n.kind == DocumentNode.Kind.OBJECT
        || n.kind == DocumentNode.Kind.LIST
        || n.kind == DocumentNode.Kind.NULL) {
      wrongKind(f, n);
      return null;
    }
    if (f.kind != FieldSpec.Kind.TEXT && n.text.length() > MAX_TEXT) {
      report(ProblemCode.BOUND, f.name, n, "expected text of at most " + MAX_TEXT + " characters");
      return null;
    }
    return n.text;
  }

  private void wrongKind(FieldSpec f, DocumentNode n) {
    report(ProblemCode.KIND, f.name, n, f.expectation());
  }

  /** Refuses the document because of this field. */
  void report(ProblemCode code, String name, DocumentNode at, String expectation) {
    report(code, path + name, at.shown(), expectation, at, null);
  }

  private void report(
      ProblemCode code,
      String field,
      String value,
      String expectation,
      DocumentNode at,
      @Nullable String suggestion) {
    sink.add(
        new RuleProblem(
            code, true, sink.key, field, value, expectation, at.line, at.column, suggestion));
  }

  /** The budget for regular expressions that the whole document shares. */
  MatchParser.Budget regexBudget() {
    return sink.regexBudget;
  }

  private void addToFingerprint(String name, String value) {
    sink.addToFingerprint(path + name, value);
  }
}
