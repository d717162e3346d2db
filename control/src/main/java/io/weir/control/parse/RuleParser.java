package io.weir.control.parse;

import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Parses rule documents. Whatever the bytes are, the result is rules or problems, never an
 * exception, in bounded time and memory: a document has at most 256 KB.
 *
 * <p>Stateless; any thread. The agent, the command line and the tests all use it.
 */
public final class RuleParser {
  /** The result of parsing a document. Immutable. */
  public static final class Parsed {
    /** Empty when the document is refused. */
    public final List<Rule> rules;

    /** Refusals and warnings, in the order of the document. */
    public final List<RuleProblem> problems;

    Parsed(List<Rule> rules, List<RuleProblem> problems) {
      this.rules = Collections.unmodifiableList(rules);
      this.problems = Collections.unmodifiableList(problems);
    }

    /** The first refusal; null: the document is accepted. */
    public @Nullable RuleProblem refusal() {
      for (RuleProblem p : problems) {
        if (p.refusal) {
          return p;
        }
      }
      return null;
    }
  }

  private static final List<String> FORCES = Arrays.asList("open", "closed", "none");
  private static final Pattern FORCE_FIELD =
      Pattern.compile("\\{\\s*\"force\"\\s*:\\s*\"([^\"]{0,512})\"\\s*\\}");

  private static final String LEAVING = "leaving";

  private RuleParser() {}

  /**
   * Reads the value of a key of {@link RuleKey.Kind#FORCE}: {@code open}, {@code closed} or {@code
   * none}, quoted or not, or {@code {"force": "open"}}. An empty value is {@code none}.
   *
   * @return null: the value is none of these
   */
  public static CircuitBreakerRule.@Nullable Force force(byte[] value) {
    String text = new String(value, StandardCharsets.UTF_8).trim();
    Matcher object = FORCE_FIELD.matcher(text);
    String word = object.matches() ? object.group(1) : text;
    if (word.length() > 1 && word.startsWith("\"") && word.endsWith("\"")) {
      word = word.substring(1, word.length() - 1);
    }
    switch (word.trim().toLowerCase(Locale.ROOT)) {
      case "open":
        return CircuitBreakerRule.Force.OPEN;
      case "closed":
        return CircuitBreakerRule.Force.CLOSED;
      case "none":
      case "":
        return CircuitBreakerRule.Force.NONE;
      default:
        return null;
    }
  }

  /** The problem of a value for which {@link #force} gives null. */
  public static RuleProblem forceProblem(RuleKey key, byte[] value) {
    String text = new String(value, StandardCharsets.UTF_8).trim();
    return new RuleProblem(
        ProblemCode.WORD,
        true,
        key.key,
        "force",
        text,
        "expected open, closed or none",
        0,
        0,
        Spelling.nearest(text.toLowerCase(Locale.ROOT), FORCES));
  }

  /**
   * Reads the rules under a key.
   *
   * @param key {@link RuleKey.Kind#isRule} must be true of its kind
   * @param origin where the document came from, for messages: {@code KEY@REVISION}, a file name
   */
  public static Parsed parse(RuleKey key, byte[] document, String origin) {
    if (!key.kind.isRule()) {
      throw new IllegalArgumentException(key + " holds no rule");
    }
    FieldReader.Sink sink = new FieldReader.Sink(key.key);
    List<Rule> rules = new ArrayList<Rule>();
    try {
      DocumentNode root = DocumentReader.read(key.key, document);
      List<DocumentNode> documents =
          root.kind == DocumentNode.Kind.LIST && !isTable(key, root)
              ? root.items
              : Collections.singletonList(root);
      Set<String> ids = new HashSet<String>();
      for (int i = 0; i < documents.size(); i++) {
        String path =
            root.kind == DocumentNode.Kind.LIST && documents.size() > 1 ? "[" + i + "]." : "";
        String id = i == 0 ? key.id : key.id + "-" + (i + 1);
        Rule rule = rule(key, documents.get(i), path, id, origin, sink);
        if (rule != null && !ids.add(rule.id)) {
          refuse(sink, ProblemCode.DUPLICATE_ID, path + "id", documents.get(i), "ids differ");
        }
        rules.add(rule);
      }
      if (documents.isEmpty()) {
        refuse(
            sink, ProblemCode.EMPTY, "", root, "an empty list; delete the key to remove the rule");
      }
    } catch (DocumentRefused e) {
      sink.add(e.problem);
    } catch (RuntimeException | StackOverflowError e) {
      // a bug of this parser must not stop the rule feed
      sink.add(
          RuleProblem.of(ProblemCode.UNREADABLE, true, key.key, "a defect of the parser: " + e));
    }
    return new Parsed(sink.refused ? Collections.<Rule>emptyList() : rules, sink.problems);
  }

  /**
   * Reads an instance's registration: {@code alive} or an object.
   *
   * @param problems gets the refusals and warnings
   * @return null: the registration is refused
   */
  public static @Nullable Instance instance(
      RuleKey key, byte[] document, List<RuleProblem> problems) {
    FieldReader.Sink sink = new FieldReader.Sink(key.key);
    int colon = key.id.lastIndexOf(':');
    String host = key.id.substring(0, colon);
    int port = Integer.parseInt(key.id.substring(colon + 1));
    Instance instance = null;
    try {
      DocumentNode root =
          isAlive(document)
              ? DocumentNode.object(Collections.<String, DocumentNode>emptyMap(), 1, 1)
              : DocumentReader.read(key.key, document);
      if (root.kind == DocumentNode.Kind.OBJECT) {
        FieldReader in = new FieldReader(FieldTables.INSTANCE, root, "", sink);
        in.bool(LEAVING); // only checked here; isLeaving reads it
        instance =
            new Instance(
                key.service,
                host,
                port,
                in.text("version"),
                in.text("region"),
                in.text("zone"),
                new HashMap<String, String>(in.textMap("labels")),
                (int) in.integer("weight"),
                in.text("protocol"));
      } else {
        refuse(sink, ProblemCode.KIND, "", root, "expected alive, or an object");
      }
    } catch (DocumentRefused e) {
      sink.add(e.problem);
    } catch (RuntimeException | StackOverflowError e) {
      sink.add(
          RuleProblem.of(ProblemCode.UNREADABLE, true, key.key, "a defect of the parser: " + e));
    }
    problems.addAll(sink.problems);
    return sink.refused ? null : instance;
  }

  /**
   * Whether a registration says that its instance is about to stop: false also for one that cannot
   * be read.
   */
  public static boolean isLeaving(byte[] document) {
    // few registrations have the word, and reading them all would cost
    if (!new String(document, StandardCharsets.UTF_8).contains(LEAVING)) {
      return false;
    }
    try {
      DocumentNode root = DocumentReader.read("", document);
      return root.kind == DocumentNode.Kind.OBJECT
          && new FieldReader(FieldTables.INSTANCE, root, "", new FieldReader.Sink(""))
              .bool(LEAVING);
    } catch (DocumentRefused | RuntimeException | StackOverflowError unreadable) {
      return false;
    }
  }

  private static boolean isAlive(byte[] document) {
    if (document.length > 16) {
      return false;
    }
    String text = new String(document, StandardCharsets.UTF_8).trim();
    return text.isEmpty() || text.equals("alive") || text.equals("\"alive\"");
  }

  private static @Nullable Rule rule(
      RuleKey key, DocumentNode node, String path, String id, String origin, FieldReader.Sink sink)
      throws DocumentRefused {
    DocumentNode root = node;
    if (node.kind == DocumentNode.Kind.LIST && key.kind == RuleKey.Kind.ROUTE) {
      Map<String, DocumentNode> table = new LinkedHashMap<String, DocumentNode>();
      table.put("table", node);
      root = DocumentNode.object(table, node.line, node.column);
    } else if (node.kind != DocumentNode.Kind.OBJECT) {
      refuse(sink, ProblemCode.KIND, path, node, "expected a rule, an object");
      return null;
    } else if (isTableRow(key, node)) {
      Map<String, DocumentNode> table = new LinkedHashMap<String, DocumentNode>();
      table.put(
          "table", DocumentNode.list(Collections.singletonList(node), node.line, node.column));
      root = DocumentNode.object(table, node.line, node.column);
    }
    FieldTable fieldTable = FieldTables.of(key.kind);
    DocumentNode spec = root.fields.get("spec");
    String at = path;
    FieldReader header;
    sink.newer = false;
    if (spec == null) {
      version(root, sink, path);
      header = new FieldReader(fieldTable, root, path, sink);
    } else {
      if (spec.kind == DocumentNode.Kind.LIST && key.kind == RuleKey.Kind.ROUTE) {
        Map<String, DocumentNode> table = new LinkedHashMap<String, DocumentNode>();
        table.put("table", spec);
        spec = DocumentNode.object(table, spec.line, spec.column);
      }
      if (spec.kind != DocumentNode.Kind.OBJECT) {
        refuse(sink, ProblemCode.KIND, path + "spec", spec, "expected an object");
        return null;
      }
      version(root, sink, path);
      Map<String, DocumentNode> others = new LinkedHashMap<String, DocumentNode>(root.fields);
      others.remove("spec");
      for (Map.Entry<String, DocumentNode> e : others.entrySet()) {
        // A rule's field beside the spec is refused. If it were ignored, a rule that has its
        // "enabled: false" there would be enforced.
        if (fieldTable.knows(e.getKey()) && !FieldTables.ENVELOPE.knows(e.getKey())) {
          refuse(
              sink,
              ProblemCode.MISPLACED,
              path + e.getKey(),
              e.getValue(),
              "expected it inside the spec");
        }
      }
      header =
          new FieldReader(
              FieldTables.ENVELOPE,
              DocumentNode.object(others, root.line, root.column),
              path,
              sink);
      at = path + "spec.";
    }
    String type = header.text("type");
    if (type != null && !type.equals(key.kind.word)) {
      refuse(
          sink,
          ProblemCode.TYPE,
          path + "type",
          header.at("type"),
          "expected " + key.kind.word + ", as the key says");
    }
    String given = header.text("id");
    if (given != null && !NameRules.isName(given)) {
      refuse(
          sink,
          ProblemCode.KIND,
          path + "id",
          header.at("id"),
          "expected letters, digits and . _ - ~ @ : only");
    }
    // It has the fields of the document before in this list, and this one's type and id as they are
    // written. The next entry has both.
    sink.fingerprint.setLength(0);
    String ruleId = given == null ? id : given;
    sink.addToFingerprint("key", key.kind.word + " " + key.service + " " + ruleId);
    FieldReader in = spec == null ? header : new FieldReader(fieldTable, spec, at, sink);
    return build(key, in, ruleId, origin, sink);
  }

  private static Rule build(
      RuleKey key, FieldReader in, String id, String origin, FieldReader.Sink sink) {
    // the fingerprint is complete when every field has been read, so it is set last
    Rule rule;
    switch (key.kind) {
      case LIMIT:
        RateLimitRule.Builder limit = RateLimitDocument.read(in);
        rule = common(limit, key, id, origin, sink).build();
        break;
      case BREAKER:
        CircuitBreakerRule.Builder breaker = CircuitBreakerDocument.read(in);
        rule = common(breaker, key, id, origin, sink).build();
        break;
      default:
        RouteRule.Builder route = RouteDocument.read(in);
        rule = common(route, key, id, origin, sink).build();
        break;
    }
    if (!sink.refused) {
      tryOut(rule, in, sink);
    }
    return rule;
  }

  /**
   * Applies the rule to a new engine. Refuses it if that throws: in the real engine it would keep
   * all other rules of its revision from being applied.
   */
  private static void tryOut(Rule rule, FieldReader in, FieldReader.Sink sink) {
    try {
      String service = rule.service.equals("*") ? "any" : rule.service;
      new Engine(EngineOptions.of(service, Ticker.SYSTEM))
          .apply(new RuleBook.Builder().add(rule).build());
    } catch (RuntimeException e) {
      refuse(
          sink, ProblemCode.CONTRADICTION, "", in.node, "no engine can run it: " + e.getMessage());
    }
  }

  private static <B extends Rule.Base<B>> B common(
      B builder, RuleKey key, String id, String origin, FieldReader.Sink sink) {
    return builder
        .id(id)
        .service(key.service)
        .origin(origin)
        .fingerprint(sink.fingerprint.toString());
  }

  private static void version(DocumentNode root, FieldReader.Sink sink, String path)
      throws DocumentRefused {
    DocumentNode n = root.fields.get("version");
    if (n == null) {
      return;
    }
    DocumentVersion v = DocumentVersion.parse(n.text);
    if (v == null || !v.supported) {
      throw new DocumentRefused(
          new RuleProblem(
              ProblemCode.VERSION,
              true,
              sink.key,
              path + "version",
              n.shown(),
              DocumentVersion.expectation(),
              n.line,
              n.column,
              null));
    }
    sink.newer = v.newerMinor;
  }

  /** Whether a list under a route key is a table: its first item looks like a row, not a rule. */
  private static boolean isTable(RuleKey key, DocumentNode list) {
    return !list.items.isEmpty() && isTableRow(key, list.items.get(0));
  }

  private static boolean isTableRow(RuleKey key, DocumentNode n) {
    return key.kind == RuleKey.Kind.ROUTE
        && !n.fields.containsKey("spec")
        && !n.fields.containsKey("routes")
        && !n.fields.containsKey("default")
        && !n.fields.containsKey("defaults")
        && !n.fields.containsKey("table")
        && !n.fields.containsKey("ab")
        && (n.fields.containsKey("weight") || n.fields.containsKey("version"));
  }

  private static void refuse(
      FieldReader.Sink sink, ProblemCode code, String field, DocumentNode at, String expectation) {
    sink.add(
        new RuleProblem(
            code, true, sink.key, field, at.shown(), expectation, at.line, at.column, null));
  }
}
