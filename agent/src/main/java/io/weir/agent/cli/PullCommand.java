package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class PullCommand extends StoreCommand {
  @Parameters(
      paramLabel = "DIR",
      arity = "0..1",
      description = "where to write (default: weir-rules)")
  String directory = "weir-rules";

  @Option(names = "--force", description = "also over files that were changed here")
  boolean force;

  @Override
  int run() throws IOException {
    Path root = Paths.get(directory);
    PullBase base = PullBase.of(root);
    List<Object> written = new ArrayList<Object>();
    try (RuleTree tree = peek()) {
      StoreView view = tree.view();
      SortedMap<String, Entry> rules = view.rules();
      for (String key : view.rules().keySet()) {
        // what anybody wrote into etcd becomes a path here: only keys that are rules may
        RuleKey k = RuleKey.parse(key);
        if (k.kind == RuleKey.Kind.UNKNOWN) {
          out.say("left out: " + key + " is no rule key: " + k.complaint);
          rules.remove(key);
        }
        Entry e = rules.get(key);
        if (e != null && e.tooLarge > 0) {
          out.say("left out: " + key + " has more than " + e.tooLarge + " bytes");
          rules.remove(key);
        }
      }
      if (!force && !base.known().isEmpty() && !base.knows(tree.name)) {
        throw new CliException(
            CliFault.LOCAL_CHANGES,
            directory + " holds the rules of " + base.known() + ", not of " + tree.name,
            "pull into another directory; mix them: weir pull --force " + directory);
      }
      List<History.Change> history = History.read(view);
      Map<String, byte[]> texts = new LinkedHashMap<String, byte[]>();
      for (Entry e : rules.values()) {
        Path there = FileTree.find(root, e.key);
        byte[] local = there == null ? null : Files.readAllBytes(there);
        texts.put(e.key, e.value);
        if (local != null
            && !force
            && !Arrays.equals(local, e.value)
            && !base.was(tree.name, e.key, local)
            && !wasInForce(history, e.key, local)) {
          throw new CliException(
              CliFault.LOCAL_CHANGES,
              there + " was changed here and differs from " + e,
              "see: weir diff " + directory + "; overwrite: weir pull --force " + directory);
        }
      }
      Files.createDirectories(root);
      for (Entry e : rules.values()) {
        Path file = FileTree.find(root, e.key);
        if (file == null || !Arrays.equals(Files.readAllBytes(file), e.value)) {
          file = Objects.requireNonNull(FileTree.write(root, e.key, e.value));
          written.add(file.toString());
          if (!out.json) {
            out.line(file.toString());
          }
        }
      }
      for (String key : base.keys(tree.name)) {
        Path stays = rules.containsKey(key) ? null : FileTree.find(root, key);
        if (stays != null) {
          out.say(
              out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
                  + stays
                  + " stays, but its rule is no longer in force: "
                  + RuleChange.who(view, key, null)
                  + "; delete the file, or push --force puts the rule back");
        }
      }
      base.remember(tree.name, texts);
      if (out.json) {
        out.json(
            Json.object(
                "from",
                tree.name,
                "revision",
                view.revision,
                "rules",
                texts.size(),
                "written",
                written));
      }
      out.say(
          CliOutput.count(texts.size(), "rule")
              + " of "
              + tree.name
              + ", "
              + CliOutput.count(written.size(), "file")
              + " written");
    }
    out.next("weir validate " + directory);
    return Exit.OK;
  }

  /** Whether the history has the text, so that nothing is lost when the file is replaced. */
  private static boolean wasInForce(List<History.Change> history, String key, byte[] local) {
    String text = new String(local, StandardCharsets.UTF_8);
    for (History.Change c : history) {
      if (Arrays.asList(c.texts.getOrDefault(key, new String[0])).contains(text)) {
        return true;
      }
    }
    return false;
  }
}
