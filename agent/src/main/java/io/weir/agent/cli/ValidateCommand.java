package io.weir.agent.cli;

import io.weir.control.parse.RuleProblem;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class ValidateCommand extends StoreCommand {
  @Parameters(
      paramLabel = "PATH",
      arity = "0..*",
      description = "files or directories (default: the rules where they stand)")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  @Override
  int run() throws IOException {
    Documents documents;
    String where;
    if (paths.isEmpty()) {
      try (RuleTree tree = peek()) {
        documents = Documents.in(tree.view());
        where = tree.name;
      }
    } else {
      documents = Documents.at(paths, as);
      where = String.join(" ", paths);
    }
    int refused = 0;
    List<Object> objects = new ArrayList<Object>();
    for (Map.Entry<Documents.Document, RuleProblem> p : documents.problems()) {
      refused += p.getValue().refusal ? 1 : 0;
      objects.add(ProblemPrinter.object(p.getKey(), p.getValue()));
      if (!out.json) {
        out.line(ProblemPrinter.line(out, p.getKey(), p.getValue()));
      }
    }
    if (out.json) {
      out.json(
          Json.object(
              "documents", documents.byKey.size(), "refused", refused, "problems", objects));
    }
    int warnings = objects.size() - refused;
    out.say(
        CliOutput.count(documents.byKey.size(), "document")
            + " in "
            + where
            + ": "
            + (refused == 0
                ? out.ink(CliOutput.Ink.GOOD, "none refused")
                : out.ink(CliOutput.Ink.BAD, CliOutput.count(refused, "refusal")))
            + (warnings == 0 ? "" : ", " + CliOutput.count(warnings, "warning")));
    if (refused == 0) {
      out.next(paths.isEmpty() ? "weir lint" : "weir diff " + String.join(" ", paths));
    }
    return objects.isEmpty() ? Exit.OK : Exit.FINDINGS;
  }
}
