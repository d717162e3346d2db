package io.weir.agent.cli;

import io.weir.control.feed.RuleFeed;
import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.List;

/** Rules as the agent would have them in force. */
final class RuleBooks {
  private RuleBooks() {}

  /** The book an agent makes of these keys; what it would refuse is said. */
  static RuleBook of(Iterable<Entry> entries, long revision, final CliOutput out) {
    final RuleBook[] made = new RuleBook[] {RuleBook.EMPTY};
    Log log =
        new Log() {
          @Override
          public void info(String line) {}

          @Override
          public void warn(String line) {
            out.say(
                out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + line.replaceFirst("^weir: ", ""));
          }
        };
    List<Change> changes = new ArrayList<Change>();
    for (Entry e : entries) {
      changes.add(new Change(e.key, e));
    }
    new RuleFeed(book -> made[0] = book, log).onBatch(new Batch(revision, changes, false));
    return made[0];
  }

  static RuleBook of(StoreView view, CliOutput out) {
    return of(view.entries.values(), view.revision, out);
  }
}
