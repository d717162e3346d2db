package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What {@code ./verify} asks after all tests: none may write among the sources. */
class FilesLeftTest {
  @Test
  void aFileThatATestLeavesIsNoticedAlsoWhereThereIsNoGit() throws Exception {
    Path tree = Work.fresh("a tree");
    Files.createDirectories(tree.resolve("module/target"));
    Files.createDirectories(tree.resolve("module/orb.db"));
    Files.writeString(tree.resolve("module/kept"), "as it was");
    Path before = Work.fresh("before").resolve("files");
    Files.writeString(before, run("files_of \"$0\"", tree));
    assertThat(before).hasContent("./module/kept");
    Files.writeString(tree.resolve("module/target/report"), "of a build");
    assertThat(run("files_added \"$0\" \"$1\"", tree, before)).isEmpty();
    Files.writeString(tree.resolve("module/orb.db/counter"), "orbd's");
    Files.writeString(tree.resolve("a crash.log"), "a JVM's");
    assertThat(run("files_added \"$0\" \"$1\"", tree, before))
        .isEqualTo("./a crash.log\n./module/orb.db/counter\n");
    assertThat(Path.of("../verify")).content().contains("files_of . >", "files_added . ");
  }

  private static String run(String function, Path... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder b =
        new ProcessBuilder("bash", "-euc", ". ../scripts/common.sh; " + function)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    for (Path a : arguments) {
      b.command().add(a.toString());
    }
    Process p = b.start();
    String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(p.waitFor()).as(said).isZero();
    return said;
  }
}
