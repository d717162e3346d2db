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
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class PushCommand extends ChangeCommand {
  @Parameters(paramLabel = "PATH", arity = "1..*", description = "files or directories")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  @Option(names = "--prune", description = "delete rules in force that are not among the files")
  boolean prune;

  @Option(names = "--force", description = "also over a change made since the last pull")
  boolean force;

  @Override
  int run() throws IOException {
    Documents documents = Documents.at(paths, as);
    if (documents.byKey.isEmpty()) {
      throw new Trouble(Fault.NO_FILE, "no rule in " + String.join(" ", paths));
    }
    for (Documents.Document d : documents.byKey.values()) {
      if (d.key.kind == RuleKey.Kind.UNKNOWN || d.key.kind == RuleKey.Kind.FOREIGN) {
        throw new Trouble(Fault.NO_KEY, d.origin + ": " + d.key.complaint);
      }
    }
    try (Tree tree = open()) {
      View base = tree.view();
      Publication p = new Publication(this, tree, base);
      for (Documents.Document d : documents.byKey.values()) {
        p.put(d.key.key, d.text);
      }
      int others = 0;
      for (String key : base.rules().keySet()) {
        if (!documents.byKey.containsKey(key)) {
          others++;
          if (prune) {
            p.put(key, null);
          }
        }
      }
      Base pulled = base();
      if (pulled != null && pulled.from.equals(tree.name) && !force) {
        refuseStale(pulled, p, base);
      }
      if (others > 0 && !prune) {
        out.say("left in force: " + Out.count(others, "other rule") + "; --prune deletes them");
      }
      int exit = p.run("push " + String.join(" ", paths), message, wait);
      if (pulled != null && pulled.from.equals(tree.name)) {
        Map<String, byte[]> texts = new LinkedHashMap<String, byte[]>(p.writes());
        pulled.remember(tree.name, texts, base.revision);
      }
      return exit;
    }
  }

  /** Of the one directory pushed, or null. */
  private @Nullable Base base() throws IOException {
    Path path = paths.size() == 1 ? Paths.get(paths.get(0)) : null;
    return path != null && Files.isDirectory(path) ? Base.of(path) : null;
  }

  private static void refuseStale(Base pulled, Publication p, View now) {
    StringBuilder s = new StringBuilder();
    for (String key : p.writes().keySet()) {
      Entry there = now.get(key);
      if (!pulled.fresh(key, there)) {
        s.append("\n  ").append(Publication.who(now, key, there));
      }
    }
    if (s.length() > 0) {
      throw new Trouble(
          Fault.CONFLICT,
          "changed since these files were pulled; nothing was written" + s,
          "see the difference: weir diff; take theirs: weir pull; insist: push --force");
    }
  }
}
