package io.weir.agent.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line diff: what two texts have in common at both ends is left alone, the middle goes through a
 * longest-common-subsequence table (Wagner and Fischer), bounded, since rules are short.
 */
final class LineDiff {
  private static final int CONTEXT = 2;
  private static final int MOST = 1500;

  private LineDiff() {}

  /** Lines that start with {@code " "}, {@code "- "} or {@code "+ "}; empty when equal. */
  static List<String> diff(@Nullable String before, @Nullable String after) {
    String[] a = split(before);
    String[] b = split(after);
    int head = 0;
    while (head < a.length && head < b.length && a[head].equals(b[head])) {
      head++;
    }
    int tail = 0;
    while (tail < a.length - head
        && tail < b.length - head
        && a[a.length - 1 - tail].equals(b[b.length - 1 - tail])) {
      tail++;
    }
    List<String> out = new ArrayList<String>();
    if (head == a.length && head == b.length) {
      return out;
    }
    for (int i = Math.max(0, head - CONTEXT); i < head; i++) {
      out.add("  " + a[i]);
    }
    middle(a, head, a.length - tail, b, head, b.length - tail, out);
    for (int i = a.length - tail; i < Math.min(a.length, a.length - tail + CONTEXT); i++) {
      out.add("  " + a[i]);
    }
    return out;
  }

  private static void middle(
      String[] a, int a0, int a1, String[] b, int b0, int b1, List<String> out) {
    int n = a1 - a0;
    int m = b1 - b0;
    if (n > MOST || m > MOST) {
      for (int i = a0; i < a1; i++) {
        out.add("- " + a[i]);
      }
      for (int j = b0; j < b1; j++) {
        out.add("+ " + b[j]);
      }
      return;
    }
    int[][] common = new int[n + 1][m + 1];
    for (int i = n - 1; i >= 0; i--) {
      for (int j = m - 1; j >= 0; j--) {
        common[i][j] =
            a[a0 + i].equals(b[b0 + j])
                ? common[i + 1][j + 1] + 1
                : Math.max(common[i + 1][j], common[i][j + 1]);
      }
    }
    int i = 0;
    int j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[a0 + i].equals(b[b0 + j])) {
        out.add("  " + a[a0 + i]);
        i++;
        j++;
      } else if (j == m || i < n && common[i + 1][j] >= common[i][j + 1]) {
        out.add("- " + a[a0 + i++]);
      } else {
        out.add("+ " + b[b0 + j++]);
      }
    }
  }

  private static String[] split(@Nullable String text) {
    if (text == null || text.isEmpty()) {
      return new String[0];
    }
    return (text.endsWith("\n") ? text.substring(0, text.length() - 1) : text).split("\n", -1);
  }
}
