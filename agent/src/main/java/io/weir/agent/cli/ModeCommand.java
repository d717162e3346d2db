package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.Spelling;
import io.weir.control.store.Entry;
import io.weir.engine.rules.Rule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Parameters;

/**
 * {@code shadow} and {@code enforce}: one word of a rule is changed, the rest of its text stays.
 */
@picocli.CommandLine.Command
final class ModeCommand extends ChangeCommand {
  @Parameters(
      paramLabel = "RULE",
      arity = "1..*",
      description = "SERVICE/rate-limit[/ID], a whole key, or a service for all its rules")
  List<String> which = new ArrayList<String>();

  private final boolean shadow;

  ModeCommand(boolean shadow) {
    this.shadow = shadow;
  }

  @Override
  int run() {
    try (RuleTree tree = open()) {
      StoreView view = tree.view();
      RuleChange p = new RuleChange(this, tree, view);
      for (String w : which) {
        for (Entry e : find(view, w)) {
          p.put(e.key, edited(e).getBytes(StandardCharsets.UTF_8));
        }
      }
      return p.run((shadow ? "shadow " : "enforce ") + String.join(" ", which), message, wait);
    }
  }

  /** Rules by what a person calls them. */
  static List<Entry> find(StoreView view, String what) {
    String key = what.startsWith("/") ? what : RuleKey.SERVICE + what;
    if (key.length() <= RuleKey.SERVICE.length() || !key.startsWith(RuleKey.SERVICE)) {
      throw new CliException(
          CliFault.USAGE,
          "'" + what + "' names no rule",
          "say: SERVICE, or SERVICE/rate-limit[/ID]");
    }
    Set<String> names = new TreeSet<String>();
    List<Entry> found = new ArrayList<Entry>();
    for (Entry e : view.rules().values()) {
      RuleKey k = RuleKey.parse(e.key);
      if (k.kind.isRule()) {
        names.add(e.key);
        names.add(RuleKey.SERVICE + k.service);
      }
      if (k.kind.isRule() && (e.key.equals(key) || e.key.startsWith(key + "/"))) {
        found.add(e);
      }
    }
    if (found.isEmpty()) {
      String near = Spelling.nearest(key, names);
      throw new CliException(
          CliFault.NO_RULE,
          "there is no rule " + key + (near == null ? "" : "; did you mean " + near + "?"),
          "see them: weir pull");
    }
    return found;
  }

  private String edited(Entry e) {
    RuleKey key = RuleKey.parse(e.key);
    RuleParser.Parsed before = RuleParser.parse(key, e.value, e.toString());
    if (before.refusal() != null) {
      throw new CliException(
          CliFault.INVALID, before.refusal().toString(), "mend it first: weir push");
    }
    boolean asked = true;
    for (Rule r : before.rules) {
      asked &= r.shadow == shadow;
    }
    if (asked) {
      return e.text();
    }
    String text = e.text();
    for (int i = 0; i < RuleText.of(text).rules().size(); i++) {
      RuleText t = RuleText.of(text);
      String next = t.with(t.rules().get(i), "mode", shadow ? "\"shadow\"" : "\"enforce\"");
      text = next == null ? text : next;
    }
    RuleParser.Parsed after =
        RuleParser.parse(key, text.getBytes(StandardCharsets.UTF_8), e.toString());
    boolean done = after.refusal() == null && after.rules.size() == before.rules.size();
    for (Rule r : after.rules) {
      done &= r.shadow == shadow;
    }
    if (!done) {
      throw new CliException(
          CliFault.NOT_EDITABLE,
          e.key + ": its text cannot be edited without losing something",
          "set mode: " + (shadow ? "shadow" : "enforce") + " in the file and push it");
    }
    return text;
  }
}
