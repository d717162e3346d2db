package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing depends on what a file or a folder is called. */
class NamesOfFilesTest {
  private static final Jdk JDK = Jdk.find(17).orElseThrow();

  /** Called weir, as a clone is, with spaces and, where this JVM can say them, other letters. */
  private static final String FOLDER =
      Charset.forName(System.getProperty("sun.jnu.encoding")).newEncoder().canEncode('é')
          ? "wéir mit ä space/weir"
          : "weir with space/weir";

  private final Path folder = Work.fresh("names").resolve(FOLDER);
  private final Path rules = Work.fresh("no-rules");

  @ParameterizedTest
  @ValueSource(strings = {"weir.jar", "shop-weir.jar", "my shop weir.jar"})
  void anApplicationIsGovernedWhateverItsJarIsCalled(String name) throws IOException {
    Files.createDirectories(folder);
    Path app =
        jar(
            Files.createDirectories(folder).resolve(name),
            "Main-Class",
            "Idle",
            Path.of(Apps.compile("idle", "", Map.of()), "Idle.class"));
    Path agent = Files.copy(Work.weirJar(), folder.resolve("the agent.jar"));
    try (Jvm jvm = Jvm.ofJar(JDK, app).weir(agent, options()).start()) {
      assertThat(jvm.awaitStderr("governs service")).contains("'shop'");
      String doctor = cli().jar(agent).run("doctor", Long.toString(jvm.pid())).exits(0).out();
      assertThat(doctor).contains("governed: Weir is in this JVM").doesNotContain("other agents");
    }
  }

  @Test
  void anAgentInAFolderCalledWeirIsNotTakenForOurs() throws IOException {
    Files.createDirectories(folder);
    Path classes = Path.of(Apps.compile("other-agent", "", Map.of()));
    Path other =
        jar(
            folder.resolve("weir.jar"),
            "Premain-Class",
            "OtherAgent",
            classes.resolve("OtherAgent.class"));
    try (Jvm jvm =
        Jvm.of(JDK, Apps.compile("idle", "", Map.of()), "Idle")
            .options("-javaagent:" + other + "=x=y", "-Dmore=options")
            .start()) {
      String doctor = cli().run("doctor", Long.toString(jvm.pid())).exits(0).out();
      assertThat(doctor)
          .contains("note  agents: other agents are there: [" + other + "]")
          .contains("note  governed: Weir is not in this JVM");
    }
  }

  @Test
  void theCommandLineIsNotGovernedWhateverItsJarIsCalled() throws IOException {
    Files.createDirectories(folder);
    Path renamed = Files.copy(Work.weirJar(), folder.resolve("command line.jar"));
    Cli.Said said =
        cli()
            .jar(renamed)
            .env("JAVA_TOOL_OPTIONS", "\"-javaagent:" + renamed + "=" + options() + "\"")
            .run("version")
            .exits(0);
    assertThat(said.out()).startsWith("weir ");
    assertThat(said.err()).doesNotContain("[weir]");
  }

  private Cli cli() {
    return new Cli(rules).env("WEIR_RULES", "file:" + rules);
  }

  private String options() {
    return "service=shop;rules=file:" + rules;
  }

  private static Path jar(Path file, String attribute, String main, Path classFile)
      throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue(attribute, main);
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(file), manifest)) {
      out.putNextEntry(new ZipEntry(main + ".class"));
      Files.copy(classFile, out);
    }
    return file;
  }
}
