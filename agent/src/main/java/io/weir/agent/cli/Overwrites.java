package io.weir.agent.cli;

import io.weir.control.store.Entry;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Tells a push that would undo somebody else's change from one that would not, by three texts: what
 * the files were when they were last pushed or pulled, what is in force, and what the files are
 * now.
 *
 * <p>What the files were is known in two ways. A directory remembers it ({@link PullBase}). A
 * directory without memory, such as a fresh clone, goes by the history: the last change of the key
 * that came from files of the same name ({@link SourceName}). A change in force that the files
 * already contain is not undone.
 */
final class Overwrites {
  private final StoreView now;
  private final String store;
  private final List<History.Change> history;

  Overwrites(StoreView now, String store, List<History.Change> history) {
    this.now = now;
    this.store = store;
    this.history = history;
  }

  /**
   * Whether writing the text would undo somebody else's change.
   *
   * @param text to be written, or null: the key is to be deleted
   * @param source name of the files it comes from
   */
  boolean undoes(String key, byte @Nullable [] text, PullBase base, String source) {
    Entry there = now.get(key);
    String current = there == null ? null : there.text();
    String ours = text == null ? null : new String(text, StandardCharsets.UTF_8);
    if (base.knows(store)) {
      return !base.fresh(store, key, there) && !contains(was(key, base), current, ours);
    }
    boolean ever = false;
    for (History.Change c : history) {
      String[] texts = c.texts.get(key);
      if (texts != null && c.from.equals(source)) {
        return !Objects.equals(texts[1], current) && !contains(texts[1], current, ours);
      }
      ever |= texts != null;
    }
    // never written from these files; the history forgets what is older than its last changes
    return there != null && (ever || history.size() < History.KEPT);
  }

  /** The text that the directory remembers, which the history may still have. */
  private @Nullable String was(String key, PullBase base) {
    for (History.Change c : history) {
      for (String text : c.texts.getOrDefault(key, new String[0])) {
        if (text != null && base.was(store, key, text.getBytes(StandardCharsets.UTF_8))) {
          return text;
        }
      }
    }
    return null;
  }

  /**
   * Whether our text has every line that theirs added, and none that theirs took away.
   *
   * @param was what both began with
   */
  private static boolean contains(
      @Nullable String was, @Nullable String theirs, @Nullable String ours) {
    if (was == null || theirs == null || ours == null) {
      return false;
    }
    for (String line : LineDiff.diff(was, theirs)) {
      int wanted = count(theirs, line.substring(2));
      int found = count(ours, line.substring(2));
      if (line.startsWith("+") && found < wanted || line.startsWith("-") && found > wanted) {
        return false;
      }
    }
    return true;
  }

  private static int count(String text, String line) {
    int n = 0;
    for (String l : text.split("\n", -1)) {
      n += l.equals(line) ? 1 : 0;
    }
    return n;
  }
}
