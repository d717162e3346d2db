package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class PushCommand extends ChangeCommand {
  @Parameters(paramLabel = "PATH", arity = "1..*", description = "files or directories")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  @Option(
      names = "--prune",
      description =
          "delete rules in force that are not among the files any more: those pushed from these"
              + " directories, and those of services they have a directory for")
  boolean prune;

  @Option(
      names = "--prune-all",
      description = "delete every rule in force that is not among the files, whoever pushed it")
  boolean pruneAll;

  @Option(names = "--force", description = "also over what somebody else changed meanwhile")
  boolean force;

  @Option(names = "--no-lint", description = "show no warnings of weir lint")
  boolean noLint;

  @Option(
      names = "--source",
      paramLabel = "NAME",
      description =
          "what the history calls these files (default: the git remote and path, else host and"
              + " path)")
  @Nullable String source;

  private final Map<Path, PullBase> bases = new LinkedHashMap<Path, PullBase>();
  private final Map<Path, String> sources = new LinkedHashMap<Path, String>();

  @Override
  int run() throws IOException {
    Documents documents = Documents.at(paths, as);
    if (documents.byKey.isEmpty()) {
      throw new CliException(CliFault.NO_FILE, "no rule in " + String.join(" ", paths));
    }
    for (Documents.Document d : documents.byKey.values()) {
      if (d.key.kind == RuleKey.Kind.UNKNOWN || d.key.kind == RuleKey.Kind.FOREIGN) {
        throw new CliException(CliFault.NO_KEY, d.origin + ": " + d.key.complaint);
      }
    }
    try (RuleTree tree = open()) {
      StoreView base = tree.view();
      List<History.Change> history = History.read(base);
      RuleChange p = new RuleChange(this, tree, base).lint(!noLint);
      Map<String, Path> roots = new LinkedHashMap<String, Path>();
      for (Documents.Document d : documents.byKey.values()) {
        p.put(d.key.key, d.text);
        roots.put(d.key.key, known(Objects.requireNonNull(d.root)));
      }
      prune(documents, p, tree, base, history, roots);
      if (!force) {
        refuseOverwrites(p, tree, base, history, roots);
      }
      strangers(p, tree);
      p.from(String.join(" ", new TreeSet<String>(sources.values())));
      int exit = p.run("push " + String.join(" ", paths), message, wait);
      if (!dryRun) {
        remember(documents, p, tree, roots);
      }
      return exit;
    }
  }

  /** Opens what the directory remembers; returns its absolute path. */
  private Path known(Path root) throws IOException {
    Path absolute = root.toAbsolutePath().normalize();
    if (!bases.containsKey(absolute)) {
      bases.put(absolute, PullBase.of(absolute));
      sources.put(absolute, source != null ? source : SourceName.of(absolute, environment));
    }
    return absolute;
  }

  private PullBase base(Path root) {
    return Objects.requireNonNull(bases.get(root));
  }

  private String source(Path root) {
    return Objects.requireNonNull(sources.get(root));
  }

  private void prune(
      Documents documents,
      RuleChange p,
      RuleTree tree,
      StoreView now,
      List<History.Change> history,
      Map<String, Path> roots)
      throws IOException {
    int owned = 0;
    int others = 0;
    for (Entry e : now.rules().values()) {
      if (documents.byKey.containsKey(e.key)) {
        continue;
      }
      Path owner = null;
      for (String path : paths) {
        if (Files.isDirectory(Paths.get(path))) {
          Path root = known(Paths.get(path));
          owner = owns(root, RuleKey.parse(e.key), tree.name, documents, history) ? root : owner;
        }
      }
      owned += owner == null ? 0 : 1;
      others += owner == null ? 1 : 0;
      boolean rule = RuleKey.parse(e.key).kind.isRule();
      if (prune && owner != null || pruneAll && rule) {
        p.put(e.key, null);
        p.danger("deletes " + e.key + (owner == null ? ", which was not pushed from here" : ""));
        if (owner != null) {
          roots.put(e.key, owner);
        }
      }
    }
    if (owned > 0 && !prune && !pruneAll) {
      out.say("left in force: " + CliOutput.count(owned, "other rule") + "; --prune deletes them");
    }
    if (others > 0 && prune && !pruneAll) {
      out.say("left in force: " + CliOutput.count(others, "rule") + " that belong to others");
    }
  }

  /** Whether the rule was pushed from this directory, or else is of a service it is about. */
  private boolean owns(
      Path root, RuleKey key, String store, Documents documents, List<History.Change> history) {
    for (History.Change c : history) {
      if (c.texts.containsKey(key.key) && !c.from.isEmpty()) {
        return c.from.equals(source(root));
      }
    }
    if (base(root).has(store, key.key)) {
      return true;
    }
    for (Documents.Document d : documents.byKey.values()) {
      if (key.kind.isRule()
          && d.key.service.equals(key.service)
          && root.equals(Objects.requireNonNull(d.root).toAbsolutePath().normalize())) {
        return true;
      }
    }
    return false;
  }

  private void refuseOverwrites(
      RuleChange p,
      RuleTree tree,
      StoreView now,
      List<History.Change> history,
      Map<String, Path> roots) {
    Overwrites overwrites = new Overwrites(now, tree.name, history);
    StringBuilder s = new StringBuilder();
    for (Map.Entry<String, byte[]> w : p.writes().entrySet()) {
      String key = w.getKey();
      Path root = roots.get(key);
      if (root != null && overwrites.undoes(key, w.getValue(), base(root), source(root))) {
        s.append("\n  ").append(RuleChange.who(now, key, now.get(key)));
      }
    }
    if (s.length() > 0) {
      throw new CliException(
          CliFault.CONFLICT,
          "changed since these files were last pushed or pulled; nothing was written" + s,
          "see the difference: weir diff; take theirs: weir pull; insist: push --force");
    }
  }

  /** Files that are known from another store are perhaps not meant for this one. */
  private void strangers(RuleChange p, RuleTree tree) {
    Set<String> elsewhere = new TreeSet<String>();
    for (PullBase b : bases.values()) {
      if (!b.knows(tree.name)) {
        elsewhere.addAll(b.known());
      }
    }
    if (!elsewhere.isEmpty()) {
      p.danger("these files were pulled from or pushed to " + elsewhere + ", not " + tree.name);
    }
  }

  private void remember(Documents documents, RuleChange p, RuleTree tree, Map<String, Path> roots) {
    try {
      for (Map.Entry<Path, PullBase> b : bases.entrySet()) {
        Map<String, byte[]> texts = new LinkedHashMap<String, byte[]>();
        for (Documents.Document d : documents.byKey.values()) {
          if (b.getKey().equals(roots.get(d.key.key))) {
            texts.put(d.key.key, d.text);
          }
        }
        for (Map.Entry<String, byte[]> w : p.writes().entrySet()) {
          if (w.getValue() == null) {
            texts.put(w.getKey(), null);
          }
        }
        b.getValue().remember(tree.name, texts);
      }
    } catch (IOException readOnly) {
      // the history knows as well what was pushed
    }
  }
}
