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
 * Reads an object of a document by its field table. Every read checks kind and bounds, reports what
 * is wrong and then gives the default back, so that one pass over a document finds all of its
 * problems. Every read also adds the normalised value to the rule's fingerprint, so two documents
 * that mean the same have the same one.
 */
final class Fields {
  private static final Pattern DECIMAL =
      Pattern.compile("[-+]?(0|[1-9][0-9_]*)(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?");

  /** YAML 1.1's words for it; where something else than true or false is wanted they are text. */
  private static final List<String> TRUE = Arrays.asList("true", "yes", "on", "y");

  private static final List<String> FALSE = Arrays.asList("false", "no", "off", "n");
  private static final int MAX_TEXT = 4096;
  private static final int MAX_TOLD = 100;
  private static final int MAX_SHARES = 64;

  /** Where problems and the fingerprint go; one per document. */
  static final class Sink {
    final String key;
    final List<RuleProblem> problems = new ArrayList<RuleProblem>();
    final StringBuilder fingerprint = new StringBuilder();

    private final MatchParser.Budget regexBudget = new MatchParser.Budget();

    /** Set when the document is of a newer minor version than this agent knows. */
    boolean newer;

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

    /** Whether no more refusals, or warnings, are told: enough is enough for a person. */
    boolean full(boolean refusal) {
      return (refusal ? refusals : warnings) >= MAX_TOLD;
    }

    void canonical(String path, String value) {
      fingerprint.append(path).append('=').append(value.length()).append(':').append(value);
      fingerprint.append('\n');
    }
  }

  final Node node;
  private final Shape shape;
  private final String path;
  private final Sink sink;

  Fields(Shape shape, Node node, String path, Sink sink) {
    this.shape = shape;
    this.node = node;
    this.path = path;
    this.sink = sink;
    for (Map.Entry<String, Node> e : node.fields.entrySet()) {
      if (!shape.knows(e.getKey())) {
        unknown(e.getKey(), e.getValue());
      }
    }
    for (Field f : shape.fields()) {
      if (f.required && find(f) == null && !hasAny(f.instead)) {
        report(Code.REQUIRED, path + f.name, "", "the field is required: " + f.doc, node, null);
      }
    }
  }

  private void unknown(String name, Node at) {
    if (sink.full(false)) {
      return; // a guess at what was meant costs time
    }
    sink.add(
        new RuleProblem(
            sink.newer ? Code.NEWER_FIELD : Code.UNKNOWN_FIELD,
            false,
            sink.key,
            path + RuleProblem.quote(name),
            "",
            sink.newer
                ? "ignored: a field of a newer version than this agent's"
                : "ignored: there is no such field",
            at.line,
            at.column,
            Spelling.nearest(name, shape.names())));
  }

  private @Nullable Node find(Field f) {
    Node n = node.fields.get(f.name);
    for (String alias : f.aliases) {
      Node other = node.fields.get(alias);
      if (other != null && n != null) {
        report(Code.TWO_SPELLINGS, alias, other, "the same as " + f.name + "; give one of them");
      }
      n = n == null ? other : n;
    }
    return n == null || n.kind == Node.Kind.NULL ? null : n;
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
    return find(shape.field(name)) != null;
  }

  /** Where the field stands, or the object when it does not. */
  Node at(String name) {
    Node n = find(shape.field(name));
    return n == null ? node : n;
  }

  boolean bool(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    boolean v = Boolean.parseBoolean(f.fallback);
    if (n != null) {
      String word = n.kind == Node.Kind.LIST || n.kind == Node.Kind.OBJECT ? "" : n.text;
      boolean yes = TRUE.contains(word.toLowerCase(Locale.ROOT));
      if (yes || FALSE.contains(word.toLowerCase(Locale.ROOT))) {
        v = yes;
      } else {
        wrongKind(f, n);
      }
    }
    canonical(name, Boolean.toString(v));
    return v;
  }

  /** The value; the default; or {@code absent} when the table has no default. */
  double number(String name, double absent) {
    Field f = shape.field(name);
    Node n = find(f);
    double v = f.fallback == null ? absent : Double.parseDouble(f.fallback);
    if (n != null) {
      v = decimal(f, n, v);
    }
    canonical(name, Field.plain(v));
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

  private double decimal(Field f, Node n, double otherwise) {
    if (n.kind != Node.Kind.NUMBER) {
      wrongKind(f, n);
      return otherwise;
    }
    if (n.text.length() > 64 || !DECIMAL.matcher(n.text).matches()) {
      report(Code.KIND, f.name, n, "expected a plain decimal number");
      return otherwise;
    }
    double d = Double.parseDouble(n.text.replace("_", ""));
    boolean whole = f.kind == Field.Kind.NUMBER || d == Math.rint(d);
    if (!whole || !(d >= f.min && d <= f.max)) {
      report(Code.BOUND, f.name, n, f.expectation());
      return otherwise;
    }
    return d;
  }

  /** The text, or null. */
  @Nullable String text(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    String v = n == null ? null : scalar(f, n);
    if (n != null && v != null && v.length() > f.max) {
      report(Code.BOUND, name, n, f.expectation());
      v = null;
    }
    canonical(name, v == null ? "" : v);
    return v;
  }

  /** The constant whose name is the word in capitals, dashes as underscores. */
  <E extends Enum<E>> E word(String name, Class<E> type) {
    return Enum.valueOf(type, word(name).replace('-', '_').toUpperCase(Locale.ROOT));
  }

  String word(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    String v = Objects.requireNonNull(f.fallback);
    if (n != null) {
      String w = n.kind == Node.Kind.TEXT ? n.text.replace('_', '-') : "";
      if (f.words.contains(w)) {
        v = w;
      } else if (n.kind == Node.Kind.TEXT) {
        report(
            Code.WORD,
            path + name,
            n.shown(),
            f.expectation(),
            n,
            Spelling.nearest(n.text, f.words));
      } else {
        wrongKind(f, n);
      }
    }
    canonical(name, v);
    return v;
  }

  /** The texts, or the default's (comma-separated in the table). */
  List<String> texts(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    List<String> v = new ArrayList<String>();
    if (n == null) {
      if (f.fallback != null && !f.fallback.isEmpty()) {
        v.addAll(Arrays.asList(f.fallback.split(",")));
      }
    } else {
      List<Node> items = n.kind == Node.Kind.LIST ? n.items : Collections.singletonList(n);
      if (items.size() > f.max) {
        report(Code.BOUND, name, n, f.expectation());
        items = Collections.emptyList();
      }
      for (Node item : items) {
        String s = scalar(f, item);
        if (s != null) {
          v.add(s);
        }
      }
    }
    canonical(name, v.toString());
    return Collections.unmodifiableList(v);
  }

  Map<String, String> textMap(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    Map<String, String> v = new LinkedHashMap<String, String>();
    if (n != null) {
      if (n.kind != Node.Kind.OBJECT) {
        wrongKind(f, n);
      } else if (n.fields.size() > f.max) {
        report(Code.BOUND, name, n, f.expectation());
      } else {
        for (Map.Entry<String, Node> e : n.fields.entrySet()) {
          String s = scalar(f, e.getValue());
          if (s != null) {
            v.put(e.getKey(), s);
          }
        }
      }
    }
    for (Map.Entry<String, String> e : v.entrySet()) {
      canonical(name + "." + e.getKey(), e.getValue());
    }
    return Collections.unmodifiableMap(v);
  }

  /**
   * A whole number, or a share 0..1 as a negative number: {@code "30%"} gives -0.3; or NaN for the
   * field's word.
   */
  double share(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    if (n == null && !f.words.isEmpty() || n != null && f.words.contains(n.text)) {
      canonical(name, f.words.get(0));
      return Double.NaN;
    }
    double v = share(f, n, f.words.isEmpty() ? Double.parseDouble(f.fallback) : Double.NaN);
    canonical(name, Field.plain(v));
    return v;
  }

  private double share(Field f, @Nullable Node n, double otherwise) {
    if (n == null) {
      return otherwise;
    }
    if (n.kind != Node.Kind.TEXT || !n.text.endsWith("%")) {
      return decimal(f, n, otherwise);
    }
    String digits = n.text.substring(0, n.text.length() - 1).trim();
    double percent =
        digits.length() <= 16 && DECIMAL.matcher(digits).matches()
            ? Double.parseDouble(digits.replace("_", ""))
            : -1;
    if (percent < 0 || percent > 100) {
      report(Code.BOUND, f.name, n, "expected a percentage from 0% to 100%");
      return otherwise;
    }
    return -percent / 100;
  }

  /** Names and their shares, as {@link #share(String)} gives them, in the order written. */
  Map<String, Double> shares(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    Map<String, Double> v = new LinkedHashMap<String, Double>();
    if (n != null) {
      List<Node> items = n.kind == Node.Kind.LIST ? n.items : Collections.singletonList(n);
      for (Node item : items) {
        if (item.kind != Node.Kind.OBJECT) {
          wrongKind(f, item);
        }
        for (Map.Entry<String, Node> e : item.fields.entrySet()) {
          if (v.put(e.getKey(), share(f, e.getValue(), 1)) != null) {
            report(Code.CONTRADICTION, name, item, "a name may stand there once");
          }
        }
      }
      if (v.size() > MAX_SHARES) {
        report(Code.BOUND, name, n, "expected at most " + MAX_SHARES + " names");
      }
    }
    for (Map.Entry<String, Double> e : v.entrySet()) {
      canonical(name + "." + e.getKey(), Field.plain(e.getValue()));
    }
    return v;
  }

  /** The object's fields; all defaults when it is absent. */
  Fields object(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    if (n != null && n.kind != Node.Kind.OBJECT) {
      wrongKind(f, n);
      n = null;
    }
    Node object =
        n == null ? Node.object(Collections.<String, Node>emptyMap(), node.line, node.column) : n;
    return new Fields(f.shape(), object, path + name + ".", sink);
  }

  List<Fields> objects(String name) {
    Field f = shape.field(name);
    Node n = find(f);
    List<Fields> v = new ArrayList<Fields>();
    if (n != null) {
      // one object alone counts as a list of one
      List<Node> items = n.kind == Node.Kind.OBJECT ? Collections.singletonList(n) : n.items;
      if (n.kind != Node.Kind.LIST && n.kind != Node.Kind.OBJECT) {
        wrongKind(f, n);
      } else if (items.size() > f.max) {
        report(Code.BOUND, name, n, f.expectation());
        items = Collections.emptyList();
      }
      for (int i = 0; i < items.size(); i++) {
        Node item = items.get(i);
        String at = path + name + "[" + i + "]";
        if (item.kind == Node.Kind.OBJECT) {
          v.add(new Fields(f.shape(), item, at + ".", sink));
        } else {
          report(Code.KIND, at, item.shown(), "expected an object", item, null);
        }
      }
    }
    canonical(name, Integer.toString(v.size()));
    return v;
  }

  private @Nullable String scalar(Field f, Node n) {
    if (n.kind == Node.Kind.OBJECT || n.kind == Node.Kind.LIST || n.kind == Node.Kind.NULL) {
      wrongKind(f, n);
      return null;
    }
    if (f.kind != Field.Kind.TEXT && n.text.length() > MAX_TEXT) {
      report(Code.BOUND, f.name, n, "expected text of at most " + MAX_TEXT + " characters");
      return null;
    }
    return n.text;
  }

  private void wrongKind(Field f, Node n) {
    report(Code.KIND, f.name, n, f.expectation());
  }

  /** Refuses the document because of this field. */
  void report(Code code, String name, Node at, String expectation) {
    report(code, path + name, at.shown(), expectation, at, null);
  }

  private void report(
      Code code,
      String field,
      String value,
      String expectation,
      Node at,
      @Nullable String suggestion) {
    sink.add(
        new RuleProblem(
            code, true, sink.key, field, value, expectation, at.line, at.column, suggestion));
  }

  /** Of the whole document. */
  MatchParser.Budget regexBudget() {
    return sink.regexBudget;
  }

  private void canonical(String name, String value) {
    sink.canonical(path + name, value);
  }
}
