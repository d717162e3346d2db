package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** What a diff promises: applied to the one text it gives the other. */
class LineDiffTest {
  @Test
  void equalTextsHaveNoDifference() {
    assertThat(LineDiff.diff("a\nb\n", "a\nb\n")).isEmpty();
    assertThat(LineDiff.diff(null, null)).isEmpty();
  }

  @Test
  void aNewTextIsAllPlus() {
    assertThat(LineDiff.diff(null, "a\nb\n")).containsExactly("+ a", "+ b");
  }

  @RepeatedTest(200)
  void minusesAreTheOneTextAndPlusesTheOther(RepetitionInfo run) {
    Random random = new Random(run.getCurrentRepetition());
    String before = text(random);
    String after = text(random);
    List<String> a = new ArrayList<>();
    List<String> b = new ArrayList<>();
    for (String line : LineDiff.diff(before, after)) {
      String rest = line.substring(2);
      if (!line.startsWith("+")) {
        a.add(rest);
      }
      if (!line.startsWith("-")) {
        b.add(rest);
      }
    }
    // what is common at both ends is left out of both
    assertThat(before.replace("\n", "")).contains(String.join("", a));
    assertThat(after.replace("\n", "")).contains(String.join("", b));
    assertThat(before.length() - after.length())
        .as("seed " + run.getCurrentRepetition())
        .isEqualTo(2 * (a.size() - b.size()));
  }

  private static String text(Random random) {
    StringBuilder s = new StringBuilder();
    for (int i = random.nextInt(12); i >= 0; i--) {
      s.append((char) ('a' + random.nextInt(4))).append('\n');
    }
    return s.toString();
  }
}
