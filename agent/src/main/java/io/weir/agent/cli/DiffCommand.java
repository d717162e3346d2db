package io.weir.agent.cli;

import io.weir.control.parse.RuleParser;
import io.weir.engine.rules.Rule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class DiffCommand extends StoreCommand {
  @Parameters(paramLabel = "PATH", arity = "1..*", description = "files or directories")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  @Override
  int run() throws IOException {
    Documents local = Documents.at(paths, as);
    List<Object> objects = new ArrayList<Object>();
    Documents inForce;
    String name;
    try (RuleTree tree = peek()) {
      inForce = Documents.in(tree.view());
      name = tree.name;
    }
    Set<String> keys = new TreeSet<String>(inForce.byKey.keySet());
    keys.addAll(local.byKey.keySet());
    for (String key : keys) {
      compare(key, inForce.byKey.get(key), local.byKey.get(key), objects);
    }
    if (out.json) {
      out.json(Json.object("with", name, "differences", objects));
    }
    out.say(
        objects.isEmpty()
            ? "no difference with " + name
            : CliOutput.count(objects.size(), "difference")
                + ": - in force in "
                + name
                + ", + local");
    out.next(objects.isEmpty() ? "weir status" : "weir push --wait " + String.join(" ", paths));
    return objects.isEmpty() ? Exit.OK : Exit.DIFFERENCES;
  }

  private void compare(
      String key,
      Documents.@Nullable Document now,
      Documents.@Nullable Document here,
      List<Object> objects) {
    if (now != null && here != null && Arrays.equals(now.text, here.text)) {
      return;
    }
    String what = now == null ? "only local" : here == null ? "only in force" : "differs";
    boolean meaning = now == null || here == null || !sameMeaning(now, here);
    List<String> lines = LineDiff.diff(text(now), text(here));
    objects.add(Json.object("key", key, "what", what, "same_meaning", !meaning, "lines", lines));
    if (out.json) {
      return;
    }
    out.line(
        out.ink(CliOutput.Ink.STRONG, key)
            + "  "
            + what
            + (meaning ? "" : ", in its text only: it means the same"));
    for (String l : lines) {
      out.line(
          "  "
              + (l.startsWith("+")
                  ? out.ink(CliOutput.Ink.GOOD, l)
                  : l.startsWith("-") ? out.ink(CliOutput.Ink.BAD, l) : l));
    }
  }

  private static boolean sameMeaning(Documents.Document a, Documents.Document b) {
    if (!a.key.kind.isRule()) {
      return true;
    }
    return prints(a.parse()).equals(prints(b.parse()));
  }

  private static List<String> prints(RuleParser.Parsed parsed) {
    List<String> prints = new ArrayList<String>();
    if (parsed.refusal() != null) {
      prints.add(parsed.refusal().toString());
    }
    for (Rule r : parsed.rules) {
      prints.add(r.fingerprint);
    }
    return prints;
  }

  private static @Nullable String text(Documents.@Nullable Document d) {
    return d == null ? null : new String(d.text, StandardCharsets.UTF_8);
  }
}
