package io.weir.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tools are left alone, and no application is taken for one. */
class ProgramTest {
  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(strings = {"weir.jar", "shop-weir.jar", "my weir.jar", "io.weir.agent.Main.jar"})
  void anApplicationIsGovernedWhateverItsJarIsCalled(String name) throws IOException {
    String app = jar(dir.resolve(name), "com.example.Shop", false);
    assertThat(Program.tool(null, app + " --port 80", app + ":/opt/weir.jar")).isNull();
    assertThat(Program.tool(null, name, name)).as("no such file").isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"weir.jar", "cli.jar", "we ir/we ir.jar", "weir status/weir.jar"})
  void ourCommandLineIsLeftAloneWhateverItsJarIsCalled(String name) throws IOException {
    Files.createDirectories(dir.resolve(name).getParent());
    String ours = jar(dir.resolve(name), "io.weir.agent.Main", true);
    assertThat(Program.tool(null, ours + " status --watch", ours + ":/opt/weir.jar"))
        .isEqualTo("Weir's command line");
    assertThat(Program.tool(null, ours, ours)).isNotNull();
  }

  @Test
  void ourCommandLineIsLeftAloneByItsClass() {
    assertThat(Program.tool(null, "io.weir.agent.Main status", "/opt/weir.jar")).isNotNull();
    assertThat(Program.tool(null, "io.weir.agent.MainStreet", "/opt/app.jar")).isNull();
  }

  /** As the launchers of Java 9 and later tell it. */
  @ParameterizedTest
  @CsvSource({
    "java.base, java.base/sun.security.tools.keytool.Main -list",
    "java.rmi, java.rmi/sun.rmi.registry.RegistryImpl",
    "jdk.jshell, jdk.jshell/jdk.internal.jshell.tool.JShellToolProvider",
    "jdk.compiler, jdk.compiler/com.sun.tools.javac.Main A.java",
    "jdk.httpserver, jdk.httpserver/sun.net.httpserver.simpleserver.Main",
  })
  void aToolOfTheJdkIsLeftAlone(String module, String command) {
    assertThat(Program.tool(module, command, "")).startsWith(command.split(" ")[0]);
  }

  /** As Java 8's launchers tell it, and as anybody may start a tool. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "sun.security.tools.keytool.Main",
        "com.sun.tools.javac.Main",
        "sun.tools.jar.Main",
        "jdk.jshell.execution.RemoteExecutionControl"
      })
  void aToolOfTheJdkIsLeftAloneByItsClass(String main) {
    assertThat(Program.tool(null, main + " -help", "app.jar")).startsWith(main);
  }

  @ParameterizedTest
  @CsvSource(
      value = {
        "com.shop, com.shop/com.shop.Main",
        "javax.shop, javax.shop/shop.Main",
        // java Shop.java, to Java 21 and from 22 on
        "jdk.compiler, jdk.compiler/com.sun.tools.javac.launcher.Main Shop.java",
        "jdk.compiler, jdk.compiler/com.sun.tools.javac.launcher.SourceLauncher Shop.java",
        "NULL, com.sun.enterprise.glassfish.bootstrap.ASMain",
        "NULL, jdk.shop.Main",
        "NULL, sun.flower.Shop",
        "NULL, com.example.Shop /opt/weir.jar",
        "NULL, ''",
      },
      nullValues = "NULL")
  void anApplicationIsGoverned(String module, String command) {
    assertThat(Program.tool(module, command, "/opt/app.jar:/opt/weir.jar")).isNull();
  }

  private static String jar(Path file, String main, boolean ours) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out, manifest)) {
      jar.putNextEntry(new JarEntry(ours ? Pack.ENTRY : "other.jar"));
      jar.closeEntry();
    }
    return file.toString();
  }
}
