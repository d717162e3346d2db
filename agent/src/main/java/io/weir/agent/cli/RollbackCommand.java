package io.weir.agent.cli;

import io.weir.control.store.Entry;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class RollbackCommand extends ChangeCommand {
  @Parameters(
      paramLabel = "ID",
      arity = "0..1",
      description = "the change to undo, as weir history shows it (default: the last one)")
  @Nullable String id;

  @Option(names = "--to", description = "undo everything after that change, not the change itself")
  boolean to;

  @Option(names = "--force", description = "also what somebody changed again since")
  boolean force;

  @Override
  int run() {
    try (RuleTree tree = open()) {
      StoreView view = tree.view();
      List<History.Change> all = History.read(view);
      int at = 0;
      while (at < all.size() && id != null && !all.get(at).id.equals(id)) {
        at++;
      }
      if (at >= all.size()) {
        throw new CliException(
            CliFault.NO_HISTORY,
            id == null ? "nothing in the history" : "no change " + id + " in the history",
            "see: weir history");
      }
      Map<String, String> texts = new LinkedHashMap<String, String>();
      if (to) {
        for (int i = 0; i < at; i++) {
          before(all.get(i), texts);
        }
      } else {
        refuseOvertaken(all.get(at), view);
        before(all.get(at), texts);
      }
      RuleChange p = new RuleChange(this, tree, view);
      History.Change undone = all.get(at);
      String user = tree.user();
      String me = user == null ? History.author(environment) : user;
      if (id == null && !undone.by.equals(History.line(me, Integer.MAX_VALUE))) {
        p.danger("the last change is not yours (" + me + "): by " + undone.told());
      }
      if (to && at > 1) {
        p.danger(
            "undoes "
                + at
                + " changes, of "
                + CliOutput.count(texts.size(), "key")
                + ": "
                + texts.keySet());
      }
      for (Map.Entry<String, String> t : texts.entrySet()) {
        String text = t.getValue();
        p.put(t.getKey(), text == null ? null : text.getBytes(StandardCharsets.UTF_8));
      }
      String words = "rollback " + (to ? "--to " : "") + all.get(at).id;
      return p.run(words, message == null ? words : message, wait);
    }
  }

  private static void before(History.Change c, Map<String, String> texts) {
    for (Map.Entry<String, String[]> t : c.texts.entrySet()) {
      texts.put(t.getKey(), t.getValue()[0]);
    }
  }

  private void refuseOvertaken(History.Change c, StoreView now) {
    StringBuilder s = new StringBuilder();
    for (Map.Entry<String, String[]> t : c.texts.entrySet()) {
      Entry there = now.get(t.getKey());
      if (!Objects.equals(t.getValue()[1], there == null ? null : there.text()) && !force) {
        s.append("\n  ").append(RuleChange.who(now, t.getKey(), there));
      }
    }
    if (s.length() > 0) {
      throw new CliException(
          CliFault.CONFLICT,
          "changed again since " + c.id + "; nothing was written" + s,
          "undo the later change first, or insist: weir rollback --force " + c.id);
    }
  }
}
