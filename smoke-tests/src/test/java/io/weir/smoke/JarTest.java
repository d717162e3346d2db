package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;

/** What is inside weir.jar. */
class JarTest {
  private static final int JAVA_8 = 52;
  private static final Path JAR = Path.of(System.getProperty("weir.jar"));

  @Test
  void everyClassInsideIsJava8Bytecode() throws IOException {
    List<String> newer = new ArrayList<>();
    int classes = 0;
    try (JarFile jar = new JarFile(JAR.toFile(), false)) {
      for (JarEntry e : jar.stream().filter(e -> isClass(e.getName())).toList()) {
        try (DataInputStream in = new DataInputStream(jar.getInputStream(e))) {
          assertThat(in.readInt()).as(e.getName()).isEqualTo(0xCAFEBABE);
          in.readUnsignedShort();
          int major = in.readUnsignedShort();
          classes++;
          if (major > JAVA_8) {
            newer.add(e.getName() + " is version " + major);
          }
        }
      }
    }
    assertThat(newer).isEmpty();
    assertThat(classes).isGreaterThan(5000);
  }

  @Test
  void anApplicationSeesTheLauncherAndNothingElse() throws IOException {
    try (JarFile jar = new JarFile(JAR.toFile(), false)) {
      assertThat(jar.stream().map(JarEntry::getName).filter(n -> !n.endsWith("/")))
          .allMatch(
              n ->
                  n.startsWith("inst/")
                      || n.startsWith("boot/")
                      || n.matches("io/weir/agent/[^/]+\\.class")
                      || n.equals("META-INF/MANIFEST.MF")
                      // read by the OpenTelemetry agent only, whose extension the jar may be
                      || n.startsWith("META-INF/services/io.opentelemetry.javaagent.extension."));
      assertThat(
              jar.stream().map(JarEntry::getName).filter(n -> n.startsWith("boot/") && isClass(n)))
          .as("the boot loader gets a handful of classes")
          .hasSizeLessThanOrEqualTo(12);
    }
  }

  private static boolean isClass(String name) {
    return name.endsWith(".class") || name.endsWith(".classdata");
  }
}
