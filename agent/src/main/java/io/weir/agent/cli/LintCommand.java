package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
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
    KnownServices known = null;
    Documents documents;
    if (paths.isEmpty()) {
      try (RuleTree tree = peek()) {
        StoreView view = tree.view();
        known = tree.hasStatus() ? KnownServices.of(view) : null;
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
        CliOutput.count(documents.byKey.size(), "document")
            + ", "
            + (findings.isEmpty()
                ? "nothing to remark"
                : CliOutput.count(findings.size(), "finding")));
    out.next(paths.isEmpty() ? "weir status" : "weir diff " + String.join(" ", paths));
    return findings.isEmpty() ? Exit.OK : Exit.FINDINGS;
  }

  static String line(CliOutput out, Lint.Finding f) {
    return f.document.origin
        + " "
        + out.ink(f.error ? CliOutput.Ink.BAD : CliOutput.Ink.DOUBTFUL, f.name)
        + " "
        + (f.rule.isEmpty() ? "" : f.rule + ": ")
        + f.text;
  }

  /** What to compare files with, or null: no etcd is configured, or it does not answer. */
  private @Nullable KnownServices fleet() {
    Config config = config();
    if (config.get(PropertyKey.ETCD_ENDPOINTS) == null || directory(config) != null) {
      return null;
    }
    try (RuleTree tree = peek()) {
      return KnownServices.of(tree.view());
    } catch (CliException t) {
      if (t.fault != CliFault.UNREACHABLE) {
        throw t;
      }
      out.say(
          out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
              + "not compared with the fleet: "
              + t.getMessage());
      return null;
    }
  }
}
