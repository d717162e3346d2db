package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Rules as texts by key, each with the place it came from. */
final class Documents {
  /** One text. Immutable. */
  static final class Document {
    final RuleKey key;
    final byte[] text;

    /** A file, or {@code KEY@REVISION}. */
    final String origin;

    /** The directory whose {@code service/} it stands below, or its own; null: not from a file. */
    final @Nullable Path root;

    Document(RuleKey key, byte[] text, String origin) {
      this(key, text, origin, null);
    }

    Document(RuleKey key, byte[] text, String origin, @Nullable Path root) {
      this.key = key;
      this.text = text;
      this.origin = origin;
      this.root = root;
    }

    /** What the parser says of a rule; a kill switch needs no reading. */
    RuleParser.Parsed parse() {
      return RuleParser.parse(key, text, origin);
    }

    /** What is wrong, each naming this document's origin rather than its key. */
    List<RuleProblem> problems() {
      if (key.kind.isRule()) {
        return parse().problems;
      }
      if (key.kind == RuleKey.Kind.UNKNOWN) {
        return Collections.singletonList(
            RuleProblem.of(io.weir.control.parse.ProblemCode.KEY, true, key.key, key.complaint));
      }
      if (key.kind == RuleKey.Kind.FORCE && RuleParser.force(text) == null) {
        return Collections.singletonList(RuleParser.forceProblem(key, text));
      }
      return Collections.<RuleProblem>emptyList();
    }
  }

  final SortedMap<String, Document> byKey = new TreeMap<String, Document>();

  private Documents() {}

  /** Everything operators wrote into a store. */
  static Documents in(StoreView view) {
    Documents d = new Documents();
    for (Entry e : view.rules().values()) {
      d.byKey.put(e.key, new Document(RuleKey.parse(e.key), e.value, e.toString()));
    }
    return d;
  }

  /**
   * Files and directories.
   *
   * @param as the key the one file given stands for, or null: told from its path
   */
  static Documents at(List<String> paths, @Nullable String as) throws IOException {
    Documents d = new Documents();
    if (as != null && paths.size() != 1) {
      throw new CliException(CliFault.USAGE, "--as goes with one file");
    }
    for (String p : paths) {
      Path path = Paths.get(p);
      if (Files.isDirectory(path)) {
        d.directory(path);
      } else if (Files.isRegularFile(path)) {
        RuleKey key = RuleKey.parse(as != null ? as : keyOf(path));
        d.add(new Document(key, Files.readAllBytes(path), p, rootOf(path)));
      } else {
        throw new CliException(CliFault.NO_FILE, p + " does not exist");
      }
    }
    return d;
  }

  private void add(Document d) {
    Document there = byKey.put(d.key.key, d);
    if (there != null && !Arrays.equals(there.text, d.text)) {
      throw new CliException(
          CliFault.USAGE,
          there.origin + " and " + d.origin + " are both " + d.key + ", and differ",
          "give one of them");
    }
  }

  private void directory(Path root) {
    try (RuleTree tree = new FileTree(root).open(TimeUnit.SECONDS.toNanos(10))) {
      for (Entry e : tree.view().rules().values()) {
        Path file = FileTree.find(root, e.key);
        add(
            new Document(
                RuleKey.parse(e.key), e.value, file == null ? e.key : file.toString(), root));
      }
    }
  }

  /** {@code DIR} of {@code DIR/service/order/rate-limit.yaml}, else the file's own directory. */
  private static @Nullable Path rootOf(Path file) {
    Path path = file.toAbsolutePath().normalize();
    for (Path p = path.getParent(); p != null; p = p.getParent()) {
      Path name = p.getFileName();
      if (name != null && name.toString().equals("service") && !p.equals(path.getParent())) {
        return p.getParent();
      }
    }
    return path.getParent();
  }

  /** These documents with some texts replaced, added or, where null, left out. */
  Documents with(Map<String, byte[]> writes) {
    Documents d = new Documents();
    d.byKey.putAll(byKey);
    for (Map.Entry<String, byte[]> w : writes.entrySet()) {
      if (w.getValue() == null) {
        d.byKey.remove(w.getKey());
      } else {
        d.byKey.put(w.getKey(), new Document(RuleKey.parse(w.getKey()), w.getValue(), w.getKey()));
      }
    }
    return d;
  }

  /** {@code .../service/order/rate-limit.yaml} is {@code /service/order/rate-limit}. */
  private static String keyOf(Path file) {
    Path path = file.toAbsolutePath().normalize();
    for (int i = path.getNameCount() - 3; i >= 0; i--) {
      if (path.getName(i).toString().equals("service")) {
        StringBuilder key = new StringBuilder("/service");
        for (int j = i + 1; j < path.getNameCount(); j++) {
          String name = path.getName(j).toString();
          if (j == path.getNameCount() - 1) {
            name = name.replaceFirst("\\.(json|ya?ml)$", "");
          }
          key.append('/').append(j == i + 1 && name.equals("_all") ? "*" : name);
        }
        return key.toString();
      }
    }
    throw new CliException(
        CliFault.NO_KEY,
        "which rule " + file + " is cannot be told from its path",
        "put it under service/NAME/rate-limit.yaml, or say: --as /service/NAME/rate-limit");
  }

  /** Every problem with its document, refusals of all documents included. */
  List<Map.Entry<Document, RuleProblem>> problems() {
    List<Map.Entry<Document, RuleProblem>> all = new ArrayList<Map.Entry<Document, RuleProblem>>();
    for (Document d : byKey.values()) {
      for (RuleProblem p : d.problems()) {
        all.add(new java.util.AbstractMap.SimpleImmutableEntry<Document, RuleProblem>(d, p));
      }
    }
    return all;
  }
}
