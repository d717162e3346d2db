package io.weir.control.parse;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** "Did you mean ...?": finds the nearest word by edit distance with transpositions. */
public final class Spelling {
  /** No longer text is compared: texts come from outside, and the work is quadratic. */
  private static final int LONGEST = 64;

  private Spelling() {}

  /** The nearest of the words; null: none is near enough to be suggested. */
  public static @Nullable String nearest(String text, Iterable<String> words) {
    if (text.length() > LONGEST) {
      return null;
    }
    String normalized = normalize(text);
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String word : words) {
      int d = distance(normalized, normalize(word));
      if (d < bestDistance) {
        bestDistance = d;
        best = word;
      }
    }
    return best != null && bestDistance <= Math.max(1, Math.min(3, best.length() / 3))
        ? best
        : null;
  }

  /** So that {@code maxWaitMs} and {@code max-wait-ms} are as near as can be to each other. */
  private static String normalize(String s) {
    return s.replace("_", "").replace("-", "").replace(" ", "").toLowerCase(Locale.ROOT);
  }

  /** The restricted Damerau-Levenshtein distance, with three rows of its matrix. */
  private static int distance(String a, String b) {
    int[] before = new int[b.length() + 1];
    int[] last = new int[b.length() + 1];
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int cost = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        row[j] = Math.min(Math.min(row[j - 1], last[j]) + 1, last[j - 1] + cost);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      int[] spare = before;
      before = last;
      last = row;
      row = spare;
    }
    return last[b.length()];
  }
}
