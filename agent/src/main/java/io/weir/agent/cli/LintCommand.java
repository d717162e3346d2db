package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.Key;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Points out rules that are valid and probably a mistake. Files are compared with the fleet too
 * when an etcd is configured and answers.
 */
@picocli.CommandLine.Command
final class LintCommand extends StoreCommand {
  @Parameters(
      paramLabel = "PATH",
      arity = "0..*",
      description = "files or directories (default: the rules where they stand)")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  @Override
  int run() throws IOException {
    Known known = null;
    Documents documents;
    if (paths.isEmpty()) {
      try (Tree tree = peek()) {
        View view = tree.view();
        known = tree.hasStatus() ? Known.of(view) : null;
        documents = Documents.in(view);
      }
    } else {
      documents = Documents.at(paths, as);
      known = fleet();
    }
    List<Lint.Finding> findings = Lint.of(documents, documents.byKey.keySet(), known);
    List<Object> objects = new ArrayList<Object>();
    for (Lint.Finding f : findings) {
      objects.add(
          Json.object(
              "finding",
              f.name,
              "error",
              f.error,
              "key",
              f.document.key.key,
              "origin",
              f.document.origin,
              "rule",
              f.rule,
              "text",
              f.text));
      if (!out.json) {
        out.line(line(out, f));
      }
    }
    if (out.json) {
      out.json(objects);
    }
    out.say(
        Out.count(documents.byKey.size(), "document")
            + ", "
            + (findings.isEmpty() ? "nothing to remark" : Out.count(findings.size(), "finding")));
    out.next(paths.isEmpty() ? "weir status" : "weir diff " + String.join(" ", paths));
    return findings.isEmpty() ? Exit.OK : Exit.FINDINGS;
  }

  static String line(Out out, Lint.Finding f) {
    return f.document.origin
        + " "
        + out.ink(f.error ? Out.Ink.BAD : Out.Ink.DOUBTFUL, f.name)
        + " "
        + (f.rule.isEmpty() ? "" : f.rule + ": ")
        + f.text;
  }

  /** What to compare files with, or null: no etcd is configured, or it does not answer. */
  private @Nullable Known fleet() {
    Config config = config();
    if (config.get(Key.ETCD_ENDPOINTS) == null || directory(config) != null) {
      return null;
    }
    try (Tree tree = peek()) {
      return Known.of(tree.view());
    } catch (Trouble t) {
      if (t.fault != Fault.UNREACHABLE) {
        throw t;
      }
      out.say(
          out.ink(Out.Ink.DOUBTFUL, "warning: ")
              + "not compared with the fleet: "
              + t.getMessage());
      return null;
    }
  }
}
