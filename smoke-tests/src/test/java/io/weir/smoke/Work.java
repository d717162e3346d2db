package io.weir.smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Where the tests leave their files: under {@code target}. */
final class Work {
  private static final Path ROOT = Path.of(System.getProperty("weir.work", "target/smoke"));

  private Work() {}

  /** The agent under test. */
  static Path weirJar() {
    Path jar = Path.of(System.getProperty("weir.jar", "../agent/target/weir.jar")).toAbsolutePath();
    if (!Files.isRegularFile(jar)) {
      throw new IllegalStateException(jar.normalize() + " is missing: package module agent first");
    }
    return jar.normalize();
  }

  /** The jar inside the agent's jar, which has all but the launcher. */
  static ZipInputStream insideWeirJar() throws IOException {
    JarFile jar = new JarFile(weirJar().toFile(), false);
    return new ZipInputStream(jar.getInputStream(jar.getEntry("inst.jar"))) {
      @Override
      public void close() throws IOException {
        super.close();
        jar.close();
      }
    };
  }

  /** Names of the classes in there, and whether each lies uncompressed. */
  static Map<String, Boolean> classesInside() throws IOException {
    Map<String, Boolean> classes = new HashMap<>();
    try (ZipInputStream in = insideWeirJar()) {
      for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
        if (e.getName().endsWith(".class")) {
          String name = e.getName().replaceAll("\\.class$", "").replace('/', '.');
          classes.put(name, e.getMethod() == ZipEntry.STORED);
        }
      }
    }
    return classes;
  }

  /** A folder by name, made when it is not there. */
  static Path directory(String name) {
    try {
      return Files.createDirectories(ROOT.resolve(name)).toAbsolutePath();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A fresh folder. */
  static Path fresh(String prefix) {
    try {
      return Files.createTempDirectory(directory("tmp"), prefix + "-");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
