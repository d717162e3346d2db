package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.agent.config.PropertyKey;
import io.weir.control.parse.ProblemCode;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * The pages say what the program does: the parts between {@code <!-- generated:NAME -->} and {@code
 * <!-- end -->} are compared with what the tables and commands say. {@code -Dweir.docs.write=true}
 * writes them anew.
 */
class DocsTest {
  private static final Path DOCS =
      Path.of(System.getProperty("basedir", ".")).resolve("../docs").normalize();

  @Test
  void everyPropertyIsDocumented() {
    StringBuilder s = new StringBuilder("| property | default | meaning |\n| --- | --- | --- |\n");
    for (PropertyKey k : PropertyKey.values()) {
      s.append("| `").append(k.propertyName()).append("` | ");
      s.append(k.byDefault().isEmpty() ? "none" : cell(k.byDefault())).append(" | ");
      s.append(cell(k.meaning())).append(k.secret() ? " (secret)" : "").append(" |\n");
    }
    check("configuration.md", "properties", s.toString());
  }

  @Test
  void everyCommandIsDocumented() {
    StringBuilder s = new StringBuilder();
    CliOutput silent = new CliOutput(System.out, System.err, Map.of());
    for (Cli.Name n : Cli.Name.values()) {
      CommandLine line = n.command().line(n, new File("weir.jar"), silent, Map.of());
      s.append("### ").append(n.word).append("\n\n```\n");
      s.append(line.getUsageMessage(CommandLine.Help.Ansi.OFF).replace("\r", ""));
      for (CommandLine part : line.getSubcommands().values()) {
        s.append('\n').append(part.getUsageMessage(CommandLine.Help.Ansi.OFF).replace("\r", ""));
      }
      s.append("```\n\n");
    }
    check("cli.md", "commands", s.toString().replaceAll("(?m)[ ]+$", ""));
  }

  @Test
  void everyCodeIsDocumented() {
    StringBuilder s = new StringBuilder("| code | exit | meaning |\n| --- | --- | --- |\n");
    for (CliFault f : CliFault.values()) {
      s.append("| `").append(f).append("` | ").append(f.exit).append(" | ");
      s.append(cell(f.meaning())).append(" |\n");
    }
    for (ProblemCode c : ProblemCode.values()) {
      s.append("| `").append(c).append("` | ").append(Exit.FINDINGS).append(" | ");
      s.append(cell(c.meaning())).append(" |\n");
    }
    check("cli.md", "codes", s.toString());
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;");
  }

  private static void check(String page, String part, String wanted) {
    Path file = DOCS.resolve(page);
    String open = "<!-- generated:" + part + " -->\n";
    String shut = "<!-- end -->";
    try {
      String text = Files.readString(file);
      int from = text.indexOf(open);
      int to = text.indexOf(shut, from);
      assertThat(from).as(file + " has no " + open).isNotNegative();
      from += open.length();
      if (Boolean.getBoolean("weir.docs.write")) {
        Files.writeString(file, text.substring(0, from) + wanted + text.substring(to));
        return;
      }
      assertThat(text.substring(from, to))
          .as(file + " has drifted: run this test with -Dweir.docs.write=true")
          .isEqualTo(wanted);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
