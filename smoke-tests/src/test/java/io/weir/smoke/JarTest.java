package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
                      || n.equals("META-INF/LICENSE")
                      || n.equals("META-INF/NOTICE")
                      || n.startsWith("META-INF/licenses/")
                      || n.equals("META-INF/sbom/weir.cdx.json")
                      // read by the OpenTelemetry agent only, whose extension the jar may be
                      || n.startsWith("META-INF/services/io.opentelemetry.javaagent.extension."));
      assertThat(
              jar.stream().map(JarEntry::getName).filter(n -> n.startsWith("boot/") && isClass(n)))
          .as("the boot loader gets a handful of classes")
          .hasSizeLessThanOrEqualTo(12);
    }
  }

  @Test
  void itCarriesItsLicenceAndThoseOfWhatIsInIt() throws IOException {
    try (JarFile jar = new JarFile(JAR.toFile(), false)) {
      assertThat(text(jar, "META-INF/LICENSE")).contains("Apache License", "Version 2.0");
      assertThat(text(jar, "META-INF/NOTICE"))
          .startsWith("Weir\n")
          .contains("The Go Authors", "Google Inc.")
          // what the dependencies ship as theirs
          .contains("Jackson JSON processor", "Rafael Winterhalter");
      assertThat(
              jar.stream()
                  .map(JarEntry::getName)
                  .filter(n -> n.startsWith("META-INF/licenses/") && !n.endsWith("/")))
          .containsExactlyInAnyOrder(
              "META-INF/licenses/ASM",
              "META-INF/licenses/FastDoubleParser-LICENSE",
              "META-INF/licenses/FastDoubleParser-ThirdParty-LICENSE",
              "META-INF/licenses/LICENSE.txt",
              "META-INF/licenses/Schubfach-LICENSE",
              "META-INF/licenses/weir-licences.txt");
      assertThat(text(jar, "META-INF/licenses/LICENSE.txt")).contains("Gil Tene", "QOS.ch");
      assertThat(text(jar, "META-INF/licenses/weir-licences.txt"))
          .contains("io.etcd:jetcd-core", "io.netty:netty-handler")
          .doesNotContain("Unknown license");
    }
  }

  @Test
  void itCarriesItsSbomAndEveryComponentNamesALicence() throws IOException {
    try (JarFile jar = new JarFile(JAR.toFile(), false)) {
      assertThat(jar.getManifest().getMainAttributes().getValue("Sbom-Location"))
          .isEqualTo("META-INF/sbom/weir.cdx.json");
      String sbom = text(jar, "META-INF/sbom/weir.cdx.json");
      assertThat(sbom).contains("\"CycloneDX\"", "pkg:maven/io.etcd/jetcd-core@");
      String[] components = sbom.split("\"bom-ref\" :");
      assertThat(components).hasSizeGreaterThan(50);
      for (int i = 1; i < components.length; i++) {
        assertThat(components[i]).contains("\"licenses\" :");
      }
    }
  }

  @Test
  void whatOnlyTheCompilerReadsIsNotInIt() throws IOException {
    try (JarFile jar = new JarFile(JAR.toFile(), false)) {
      assertThat(jar.stream().map(JarEntry::getName))
          .noneMatch(n -> n.startsWith("inst/org/jspecify/") || n.contains("errorprone"))
          .noneMatch(n -> n.startsWith("inst/javax/annotation/"));
    }
  }

  private static String text(JarFile jar, String name) throws IOException {
    return new String(
        jar.getInputStream(jar.getJarEntry(name)).readAllBytes(), StandardCharsets.UTF_8);
  }

  private static boolean isClass(String name) {
    return name.endsWith(".class") || name.endsWith(".classdata");
  }
}
