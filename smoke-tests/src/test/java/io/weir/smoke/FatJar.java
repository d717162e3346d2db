package io.weir.smoke;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The application of {@code src/apps/boot} as Spring Boot's plugins pack it: Boot's own loader, its
 * libraries as jars inside the jar.
 */
final class FatJar {
  private static final String BOOT = "3.5.16";

  private FatJar() {}

  /**
   * @param title what the manifest says the jar implements
   * @param name in {@code application.yml}; null: it says nothing
   */
  static Path write(Path file, String title, @Nullable String name) throws IOException {
    String jars = Maven.resolve("org.springframework.boot:spring-boot-starter-web:" + BOOT);
    Path classes = Path.of(Apps.compile("boot", jars, Map.of("javax.servlet", "jakarta.servlet")));
    Manifest manifest = new Manifest();
    Attributes a = manifest.getMainAttributes();
    a.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    a.put(Attributes.Name.MAIN_CLASS, "org.springframework.boot.loader.launch.JarLauncher");
    a.put(Attributes.Name.IMPLEMENTATION_TITLE, title);
    a.putValue("Start-Class", "boot.BootMain");
    a.putValue("Spring-Boot-Version", BOOT);
    a.putValue("Spring-Boot-Classes", "BOOT-INF/classes/");
    a.putValue("Spring-Boot-Lib", "BOOT-INF/lib/");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(file), manifest)) {
      String loader = Maven.resolve("org.springframework.boot:spring-boot-loader:" + BOOT);
      for (String jar : loader.split(File.pathSeparator)) {
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(Path.of(jar)))) {
          for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
            if (e.getName().startsWith("org/")) {
              out.putNextEntry(new ZipEntry(e.getName()));
              in.transferTo(out);
            }
          }
        }
      }
      for (String folder : List.of("BOOT-INF/", "BOOT-INF/classes/", "BOOT-INF/lib/")) {
        out.putNextEntry(new ZipEntry(folder)); // Boot's loader looks for them
      }
      try (Stream<Path> all = Files.walk(classes)) {
        for (Path c : all.filter(Files::isRegularFile).toList()) {
          out.putNextEntry(new ZipEntry("BOOT-INF/classes/" + classes.relativize(c)));
          Files.copy(c, out);
        }
      }
      if (name != null) {
        out.putNextEntry(new ZipEntry("BOOT-INF/classes/application.yml"));
        out.write(("spring:\n  application:\n    name: " + name + "\n").getBytes());
      }
      for (String jar : List.of(jars.split(File.pathSeparator))) {
        byte[] bytes = Files.readAllBytes(Path.of(jar));
        ZipEntry e = new ZipEntry("BOOT-INF/lib/" + Path.of(jar).getFileName());
        e.setMethod(ZipEntry.STORED); // as its loader wants it
        e.setSize(bytes.length);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        e.setCrc(crc.getValue());
        out.putNextEntry(e);
        out.write(bytes);
      }
    }
    return file;
  }
}
