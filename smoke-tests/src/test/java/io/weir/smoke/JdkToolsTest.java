package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code JAVA_TOOL_OPTIONS} of a container is inherited by every tool of the JDK that its scripts
 * call. Each does as without the agent, on the real JDKs.
 */
class JdkToolsTest {
  /** They open windows, or connect to nothing but themselves; {@code java} runs applications. */
  private static final Set<String> NOT_RUN =
      Set.of("java", "javaw", "jconsole", "appletviewer", "policytool", "java-rmi.cgi");

  @ParameterizedTest(name = "JDK {0}")
  @ValueSource(ints = {8, 17, 25})
  void everyToolOfTheJdkIsLeftAlone(int version) throws IOException {
    Jdk jdk = Jdk.want(version).orElse(null);
    if (jdk == null) {
      return; // said already, and red in CI
    }
    List<Path> tools;
    try (Stream<Path> programs = Files.list(jdk.home().resolve("bin"))) {
      tools =
          programs
              .filter(p -> Files.isExecutable(p) && !NOT_RUN.contains(name(p)))
              .sorted()
              .toList();
    }
    assertThat(tools).extracting(JdkToolsTest::name).contains("keytool", "rmiregistry");
    Set<String> before = tree();
    String rules = Work.fresh("no-rules").toString();
    String agent =
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC \"-javaagent:"
            + Work.weirJar()
            + "=service=x;rules=file:"
            + rules
            + "\"";
    assertThat(tools)
        .allSatisfy(
            tool -> {
              Ended governed = run(tool, Map.of("JAVA_TOOL_OPTIONS", agent));
              assertThat(governed.said).as("%s", tool).doesNotContain("[weir]", "io.weir");
              if (governed.code != 0) { // as it is without: not every tool knows -help
                assertThat(run(tool, Map.of()).code).as("%s", governed).isEqualTo(governed.code);
              }
            });
    assertThat(tree()).as("a tool writes where it runs: below target").isEqualTo(before);
  }

  /** The project's own files and folders, and what a tool has left among them. */
  private static Set<String> tree() throws IOException {
    Set<String> names = new TreeSet<>();
    for (Path folder : List.of(Path.of(".."), Path.of("."))) {
      try (Stream<Path> files = Files.list(folder)) {
        files.map(Path::toString).filter(f -> !f.endsWith("target")).forEach(names::add);
      }
    }
    return names;
  }

  /**
   * What a tool said and how it ended.
   *
   * @param code its exit code, 0 for a server that was stopped because it did not end by itself
   */
  private record Ended(Path tool, int code, String said) {}

  private static Ended run(Path tool, Map<String, String> environment) throws IOException {
    ProcessBuilder b = new ProcessBuilder(tool.toString(), "-help");
    Path dir = Work.fresh("tool");
    File said = dir.resolve("said").toFile();
    b.directory(dir.toFile()).redirectErrorStream(true).redirectOutput(said);
    b.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    b.environment().keySet().removeIf(k -> k.startsWith("WEIR_") || k.startsWith("JAVA_TOOL"));
    b.environment().putAll(environment);
    Process p = b.start();
    try {
      boolean server = Set.of("orbd", "servertool", "tnameserv").contains(name(tool));
      if (!p.waitFor(server ? 3 : 60, TimeUnit.SECONDS)) {
        assertThat(server).as("%s has not ended", tool).isTrue();
        p.destroy();
        p.waitFor(10, TimeUnit.SECONDS);
        return new Ended(tool, 0, read(said));
      }
      return new Ended(tool, p.exitValue(), read(said));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      p.destroyForcibly();
    }
  }

  private static String read(File said) throws IOException {
    return new String(Files.readAllBytes(said.toPath()), StandardCharsets.UTF_8);
  }

  private static String name(Path tool) {
    return tool.getFileName().toString();
  }
}
