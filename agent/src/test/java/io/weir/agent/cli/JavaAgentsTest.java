package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose an agent is stands in its manifest; where its path ends the files tell. */
class JavaAgentsTest {
  @TempDir Path dir;
  private String ours;
  private String other;

  @BeforeEach
  void jars() throws IOException {
    ours = agent("a folder/agent.jar", "io.weir.agent.Premain");
    other = agent("my weir/weir.jar", "com.example.Agent");
  }

  @Test
  void anAgentInAFolderCalledWeirIsNotOurs() {
    JavaAgents found = in("-Xmx1g -javaagent:" + other + " -Dx=y");
    assertThat(found.weir).isFalse();
    assertThat(found.others).containsExactly(other);
  }

  @Test
  void oursIsFoundWhateverItIsCalled() {
    JavaAgents found = in("-javaagent:" + ours + "=service=x;rules=file:/r -Xmx1g");
    assertThat(found.weir).isTrue();
    assertThat(found.others).isEmpty();
  }

  @Test
  void manyAgentsAndOptionsStandSideBySide() {
    JavaAgents found =
        in(
            "-Da=b -javaagent:"
                + other
                + "=-javaagent:x -javaagent:"
                + ours
                + " -javaagent:"
                + other
                + " -cp x");
    assertThat(found.weir).isTrue();
    assertThat(found.others).containsExactly(other, other);
  }

  @Test
  void aFileThatIsGoneIsNamedUpToTheNextOption() {
    JavaAgents found = in("-javaagent:/gone/some weir.jar -Xmx1g");
    assertThat(found.weir).isFalse();
    assertThat(found.others).containsExactly("/gone/some weir.jar");
  }

  @Test
  void aRelativePathIsThatOfTheOtherJvm() {
    JavaAgents found =
        new JavaAgents("jvm_args: -javaagent:a folder/agent.jar=x=y\n", dir.toFile());
    assertThat(found.weir).isTrue();
  }

  @Test
  void argumentsOfTheApplicationAreNoAgents() {
    JavaAgents found = new JavaAgents("jvm_args: -Xmx1g\njava_command: A -javaagent:" + ours, null);
    assertThat(found.weir).isFalse();
    assertThat(found.others).isEmpty();
  }

  private static JavaAgents in(String options) {
    return new JavaAgents(
        "4711:\nVM Arguments:\njvm_args: " + options + "\njava_command: Shop\n", null);
  }

  private String agent(String name, String premain) throws IOException {
    Path file = dir.resolve(name);
    Files.createDirectories(file.getParent());
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", premain);
    try (OutputStream out = Files.newOutputStream(file)) {
      new JarOutputStream(out, manifest).close();
    }
    return file.toString();
  }
}
