package io.weir.agent.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class HistoryCommand extends StoreCommand {
  @Parameters(
      paramLabel = "WHAT",
      arity = "0..1",
      description = "a change's id, a key, or a service (default: all)")
  @Nullable String what;

  @Option(
      names = {"-n", "--limit"},
      paramLabel = "N",
      description = "how many (default: 20)")
  int limit = 20;

  @Override
  int run() {
    List<History.Change> all;
    try (RuleTree tree = peek()) {
      all = History.read(tree.view());
    }
    List<Object> objects = new ArrayList<Object>();
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"ID", "WHEN (UTC)", "WHO", "WHAT", "WHY"});
    for (History.Change c : all) {
      if (!concerns(c) || objects.size() >= limit) {
        continue;
      }
      objects.add(c.json());
      if (c.id.equals(what) && !out.json) {
        detail(c);
        out.next("weir rollback " + c.id);
        return Exit.OK;
      }
      boolean first = true;
      for (Map.Entry<String, String[]> t : c.texts.entrySet()) {
        String verb = t.getValue()[0] == null ? "+ " : t.getValue()[1] == null ? "- " : "~ ";
        String key = History.line(t.getKey(), 300);
        rows.add(
            first
                ? new String[] {c.id, c.at(), c.who(), verb + key, c.message}
                : new String[] {"", "", "", verb + key, ""});
        first = false;
      }
    }
    if (out.json) {
      out.json(objects);
    } else if (objects.isEmpty()) {
      out.say("no change" + (what == null ? "" : " of " + what) + " in the history");
    } else {
      out.table(rows);
    }
    out.next(objects.isEmpty() ? "weir push" : "weir history ID   # the texts");
    return Exit.OK;
  }

  private boolean concerns(History.Change c) {
    if (what == null || c.id.equals(what)) {
      return true;
    }
    for (String key : c.texts.keySet()) {
      if (key.equals(what) || key.startsWith("/service/" + what + "/")) {
        return true;
      }
    }
    return false;
  }

  private void detail(History.Change c) {
    out.line(c.id + "  " + c.at() + " UTC  " + c.who() + "  weir " + c.command);
    if (!c.message.isEmpty()) {
      out.line("  " + c.message);
    }
    for (Map.Entry<String, String[]> t : c.texts.entrySet()) {
      out.line(out.ink(CliOutput.Ink.STRONG, History.line(t.getKey(), 300)));
      for (String l : LineDiff.diff(t.getValue()[0], t.getValue()[1])) {
        out.line("  " + l);
      }
    }
  }
}
