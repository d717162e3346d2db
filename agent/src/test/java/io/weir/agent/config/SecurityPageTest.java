package io.weir.agent.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What SECURITY.md lists is what there is. Its other promises are {@code SecurityTest}'s. */
class SecurityPageTest {
  private static String section(String title) throws IOException {
    String page = Files.readString(Path.of("..", "SECURITY.md"));
    int from = page.indexOf("## " + title + "\n");
    assertThat(from).as(title).isNotNegative();
    int to = page.indexOf("\n## ", from);
    return page.substring(from, to < 0 ? page.length() : to);
  }

  @Test
  void itNamesEverySecretAndNothingElseForOne() throws IOException {
    List<String> named =
        Pattern.compile("(?m)^- `(weir[^`]*)`")
            .matcher(section("Secrets"))
            .results()
            .map(m -> m.group(1))
            .toList();
    assertThat(named)
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(PropertyKey.values())
                .filter(PropertyKey::secret)
                .map(PropertyKey::propertyName)
                .toList());
  }

  @Test
  void everyPropertyItNamesExists() throws IOException {
    Matcher names =
        Pattern.compile("`(weir\\.[a-z.-]+[a-z])")
            .matcher(Files.readString(Path.of("..", "SECURITY.md")));
    while (names.find()) {
      String name = names.group(1);
      if (!name.equals("weir.jar")) {
        assertThat(PropertyKey.values()).as(name).anyMatch(k -> k.matches(name));
      }
    }
  }

  @Test
  void theVersionsItNamesAreThePomsOwn() throws IOException {
    String pom = Files.readString(Path.of("..", "pom.xml"));
    Matcher rows =
        Pattern.compile("(?m)^\\| [^|]+ \\| ([0-9][^|]*) \\|")
            .matcher(section("What is in the jar"));
    int versions = 0;
    while (rows.find()) {
      for (String version : rows.group(1).split(",")) {
        assertThat(pom).contains(">" + version.trim() + "<");
        versions++;
      }
    }
    assertThat(versions).isGreaterThan(9);
  }
}
